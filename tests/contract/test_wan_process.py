"""The WAN forwarder as a process between real network namespaces; our sockets and foreign tools look at it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from netns_rig import INSIDE, UNSHARE, Rig, address, running_rig, why_impossible

from conformance.dataplane import DataPlaneError, Place, WanControl, WanGone, WanLink
from conformance.waiting import wait_until

pytestmark = pytest.mark.skipif(why_impossible() is not None, reason=str(why_impossible()))
_DISCOVER, _DO, _DONT = 10, 2, 0
_IP_MTU, _IPV6_MTU = 14, 24


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("wan")) as running:
        yield running


@pytest.fixture
def link(rig: Rig) -> Iterator[WanLink]:
    yield (made := link_of(rig))
    made.control.reset()


def link_of(rig: Rig) -> WanLink:
    near = Place("a", "edge-a", address(1, 2), address(1, 2, 6))
    far = Place("b", "edge-b", address(2, 1), address(2, 1, 6))
    return WanLink(WanControl(rig.control), rig.open_socket, near, far)


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"the program {tool} is not installed")


def test_every_protocol_passes_undisturbed_and_is_counted(link: WanLink) -> None:
    before = link.counters("a>b")
    assert link.ping(version=4).all_answered and link.ping(version=6).all_answered
    assert link.bursts(count=50)["a>b"].arrived == 50
    after = link.counters("a>b")
    assert after["delivered"] - before["delivered"] >= 60 and after["delivered"] == after["received"]


def test_answers_that_come_twice_are_counted_once(link: WanLink) -> None:
    link.change({"duplicate": 1.0})
    assert len(link.ping(count=5).times_ns) == 5
    link.change({"duplicate": 1.0, "loss": 1.0})
    assert link.ping(count=2, timeout=0.1).times_ns == ()


def test_the_same_seed_loses_the_same_packets_on_the_wire(link: WanLink) -> None:
    missing = []
    for seed in (7, 7, 8):
        link.control.change({"a>b": {"loss": 0.2}}, seed=seed)
        missing.append(link.bursts(count=200)["a>b"].missing)
    assert missing[0] == missing[1] != missing[2] and 10 < len(missing[0]) < 80


@pytest.mark.parametrize(("version", "option"), [(4, _IP_MTU), (6, _IPV6_MTU)])
def test_the_senders_kernel_learns_a_small_mtu_from_the_answer(link: WanLink, version: int, option: int) -> None:
    link.change({"mtu": 1300})
    family, level = (socket.AF_INET, socket.IPPROTO_IP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_IPV6)
    with link.sockets("edge-a", family, socket.SOCK_DGRAM) as sender:
        if version == 4:
            sender.setsockopt(level, _DISCOVER, _DO)
        sender.connect((link.far.address(version), 9))

        def learned() -> bool:
            try:
                sender.send(b"x" * 1400)
            except OSError:
                pass  # the answer to an earlier one, or nobody listening there
            return sender.getsockopt(level, option) == 1300

        wait_until(learned, timeout=10, what="the kernel to learn the MTU")
    assert link.counters("a>b")["too_big_replies"] > 0


def test_a_packet_that_may_be_cut_arrives_whole_through_a_small_mtu(link: WanLink) -> None:
    link.change({"mtu": 576})
    payload = os.urandom(1400)
    with (
        link.sockets("edge-b", socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        link.sockets("edge-a", socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind((link.far.ipv4, 0))
        receiver.settimeout(5)
        sender.setsockopt(socket.IPPROTO_IP, _DISCOVER, _DONT)
        sender.sendto(payload, receiver.getsockname())
        assert receiver.recv(4096) == payload
    assert link.counters("a>b")["fragments"] >= 3


def test_a_device_that_goes_down_or_is_made_anew_carries_packets_again(rig: Rig, link: WanLink) -> None:
    rig.run("wan", "ip", "link", "set", "w1-2", "down")
    assert not link.ping(count=2, timeout=0.1).times_ns
    rig.run("wan", "ip", "link", "set", "w1-2", "up")
    wait_until(lambda: link.ping(count=2, timeout=0.2).all_answered, timeout=10, what="packets after down and up")
    edge = f"/proc/{rig.pid}/fd/{json.loads((rig.directory / 'netns.json').read_text())['edge-a']}"
    rig.run("wan", "ip", "link", "del", "w1-2")
    rig.run("wan", "ip", "link", "add", "w1-2", "up", "type", "veth", "peer", "name", "wan2", "netns", edge)
    rig.run("edge-a", "ip", "addr", "add", f"{address(1, 2)}/30", "dev", "wan2")
    rig.run("edge-a", "ip", "addr", "add", f"{address(1, 2, 6)}/64", "dev", "wan2", "nodad")
    rig.run("edge-a", "ip", "link", "set", "wan2", "up")
    code = f"import sys; sys.path.insert(0, {str(INSIDE)!r}); from netplane.wan.offloads import switch_off as off; "
    rig.run("edge-a", sys.executable, "-c", code + "off('wan2')")
    wait_until(lambda: link.ping(count=2, timeout=0.2).all_answered, timeout=10, what="packets over the new device")


def raw(rig: Rig, data: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(rig.control))
        connection.sendall(data)
        answer = connection.makefile().readline()
    return dict(json.loads(answer))


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (b"nonsense\n", "one JSON object on a line"),
        (b"[" * 5000 + b"\n", "one JSON object on a line"),
        (b"\xff\xfe\n", "one JSON object on a line"),
        (b'"get"\n', "op must be one of get, set, reset, capture, capture-stop"),
        (b'{"op": "explode"}\n', "op must be one of"),
        (b'{"op": []}\n', "op must be one of"),
        (b'{"op": "get", "loss": 1}\n', "get does not take 'loss'; it takes nothing"),
        (b'{"op": "set", "directions": {"a>z": {}}}\n', "'a>z' is no direction. Known: a>b, b>a"),
        (b'{"op": "set", "directions": []}\n', "directions must be an object"),
        (b'{"op": "set", "seed": "x"}\n', "seed must be a whole number"),
        (b'{"op": "reset", "directions": "a>b"}\n', "directions must be a list"),
        (b'{"op": "reset", "impairments": ["up", []]}\n', "impairments must be a list of names"),
        (b'{"op": "capture", "path": "relative.pcapng"}\n', "must be absolute"),
        (b'{"op": "capture", "path": "/nowhere/at/all"}\n', "cannot be written to /nowhere/at/all"),
        (b"x" * 70_000, "at most 65536 bytes"),
    ],
)
def test_bad_requests_are_answered_with_what_is_expected(rig: Rig, request_: bytes, said: str) -> None:
    assert said in raw(rig, request_)["error"]


def test_a_change_that_is_wrong_in_one_place_changes_nothing(rig: Rig, link: WanLink) -> None:
    with pytest.raises(DataPlaneError, match="loss of b>a must be from 0 to 1"):
        link.control.change({"a>b": {"delay_ms": 5}, "b>a": {"loss": 2}}, seed=99)
    state = link.control.state()
    assert state["directions"]["a>b"]["impairments"]["delay_ms"] == 0 and state["seed"] != 99


def test_clients_that_hang_up_or_never_finish_disturb_nobody(rig: Rig, link: WanLink) -> None:
    with ExitStack() as hanging_up:
        for _ in range(70):
            connection = hanging_up.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(str(rig.control))
            with suppress(BrokenPipeError):  # it was one too many, and has been told
                connection.sendall(b'{"op":')
        assert "clients are connected already" in connection.makefile().readline()
        with pytest.raises(DataPlaneError, match="clients are connected already"):
            link.control.state()
        assert link.ping().all_answered
    wait_until(lambda: "directions" in raw(rig, b'{"op": "get"}\n'), timeout=10, what="a free place")


@needs("tcpdump")
def test_a_capture_holds_what_happened_to_each_packet(link: WanLink, tmp_path: Path) -> None:
    link.change({"up": False}, ["b>a"])
    with link.control.capture(tmp_path / "window.pcapng", link.directions) as captured:
        link.ping(count=3, timeout=0.1)
    link.ping(count=1, timeout=0.1)
    assert captured["packets"] == 12 and not captured["full"]
    read = subprocess.run(
        ["tcpdump", "-nr", str(tmp_path / "window.pcapng"), "icmp"], capture_output=True, text=True, check=True
    )
    lines = read.stdout.splitlines()
    # Requests are seen on both sides, answers by the near side and as dropped.
    assert sum("echo request" in line for line in lines) == sum("echo reply" in line for line in lines) == 6
    assert (tmp_path / "window.pcapng").read_bytes().count(b"b>a dropped: cut") == 3


def test_a_capture_ends_at_its_size(rig: Rig, link: WanLink, tmp_path: Path) -> None:
    asked = {"op": "capture", "path": str(tmp_path / "small.pcapng"), "most_bytes": 3000}
    raw(rig, json.dumps(asked).encode() + b"\n")
    link.bursts(count=50)
    captured = raw(rig, b'{"op": "capture-stop"}\n')["captured"]
    assert captured["full"] and (tmp_path / "small.pcapng").stat().st_size == captured["bytes"] <= 3000


@needs("ping")
def test_ping_sees_the_delay_and_the_mtu(rig: Rig, link: WanLink) -> None:
    link.change({"delay_ms": 20})
    seen = rig.run("edge-a", "ping", "-c", "3", "-i", "0.1", link.far.ipv4).stdout
    best = re.search(r"= ([\d.]+)/", seen)
    assert best is not None and float(best[1]) >= 40
    link.change({"mtu": 1310})
    seen = rig.run("edge-a", "ping", "-c", "1", "-W", "2", "-M", "do", "-s", "1400", link.far.ipv4, check=False).stdout
    assert re.search(r"mtu ?= ?1310", seen), seen


@needs("iperf3")
def test_iperf3_sees_the_rate(rig: Rig, link: WanLink) -> None:
    link.change({"rate_bits": 8_000_000})
    serving = rig.popen("edge-b", "iperf3", "-s", "-1", "-p", "5301", "--forceflush")
    assert serving.stdout is not None
    while "listening" not in serving.stdout.readline():
        pass
    command = ["iperf3", "-c", link.far.ipv4, "-p", "5301", "-t", "1", "-J"]
    seen = json.loads(rig.run("edge-a", *command).stdout)
    serving.communicate(timeout=20)
    assert 3_000_000 < seen["end"]["sum_received"]["bits_per_second"] <= 8_000_000


COMMAND = (sys.executable, "-P", "-m", "netplane.wan")
LINK = ("--link", "a=x1,b=x2")


@contextmanager
def forwarder(*options: str) -> Iterator[subprocess.Popen[str]]:
    """One of its own, whose devices do not exist."""
    command = [*UNSHARE, *COMMAND, *LINK, *options]
    environment = {**os.environ, "PYTHONPATH": str(INSIDE)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None and "control" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def test_impairments_survive_a_killed_forwarder(tmp_path: Path) -> None:
    options = ("--control", str(tmp_path / "c"), "--state", str(tmp_path / "state.json"))
    control = WanControl(tmp_path / "c")
    with forwarder(*options):
        control.change({"a>b": {"loss": 0.5}}, seed=3)
    with forwarder(*options):
        state = control.state()
        assert state["seed"] == 3 and state["directions"]["a>b"]["impairments"]["loss"] == 0.5
        assert state["directions"]["b>a"]["impairments"]["loss"] == 0
        assert [leg["present"] for leg in state["legs"]] == [False, False]


def test_a_signal_ends_it_and_takes_its_socket_away(tmp_path: Path) -> None:
    with forwarder("--control", str(tmp_path / "c")) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0 and not (tmp_path / "c").exists()
    with pytest.raises(WanGone, match="Is the lab up"):
        WanControl(tmp_path / "c").state()


def test_it_does_not_outlive_its_parent(tmp_path: Path) -> None:
    with running_rig(tmp_path) as rig:
        child = psutil.Process(rig.forwarder())
        os.kill(rig.pid, signal.SIGKILL)
        psutil.wait_procs([child], timeout=10)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--link"),
        (("--link", "a=x1"), "should be SITE=DEVICE,SITE=DEVICE"),
        (("--link", "a=x1,a=x2"), "two different sites"),
        (("--link", "a=x1,b=a-device-name-too-long"), "should be SITE=DEVICE"),
        ((*LINK, "--link", "b=x3,a=x4"), "join the same sites"),
        ((*LINK, "--link", "a=x1,c=x5"), "use the same device"),
        ((*LINK, "--router4", "fd00::1"), "router4"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_code_64(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    command = [*COMMAND, "--control", str(tmp_path / "c"), *arguments]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(INSIDE)}, capture_output=True, text=True)
    assert ended.returncode == 64 and said in ended.stderr and len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("how", ["no folder", "broken state"])
def test_what_keeps_it_from_starting_is_one_sentence_and_exit_code_3(how: str, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("nonsense")
    where = ["--control", str(tmp_path / "no" / "c")] if how == "no folder" else ["--control", str(tmp_path / "c")]
    command = [*UNSHARE, *COMMAND, *LINK, *where, "--state", str(tmp_path / "state")]
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(INSIDE)}, capture_output=True, text=True)
    assert ended.returncode == 3 and ended.stderr.startswith("netplane.wan cannot start: ")
    assert len(ended.stderr.splitlines()) == 1
