"""A link whose far end is dialled from a site's edge: what passes it crosses the WAN, and its toxics act as ever."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from netns_rig import Rig, address, running_rig, why_impossible

from conformance.dataplane import WanControl
from conformance.errors import UsageError
from conformance.links import ProxyServer

pytestmark = pytest.mark.skipif(why_impossible() is not None, reason=str(why_impossible()))
API = 8474


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The proxy runs where the operator would be: in a namespace without any way to the sites."""

    with running_rig(tmp_path_factory.mktemp("link"), guests=1) as running:
        proxy = running.popen("fabric", sys.executable, "-m", "conformance.linkproxy", "--port", str(API))
        assert proxy.stdout is not None and "url" in proxy.stdout.readline()
        yield running
        proxy.terminate()
        proxy.communicate()


def ask(rig: Rig, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    data = json.dumps(body).encode()
    with rig.open_socket("fabric", socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(("127.0.0.1", API))
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)
        answer = connection.makefile("rb").read()
    header, _, text = answer.partition(b"\r\n\r\n")
    return int(header.split()[1]), json.loads(text)


def edge(rig: Rig, site: str) -> str:
    return f"/proc/{rig.pid}/fd/{json.loads((rig.directory / 'netns.json').read_text())[f'edge-{site}']}"


def test_the_far_end_is_dialled_from_the_edge_and_across_the_wan(rig: Rig) -> None:
    control = WanControl(rig.control)
    with rig.open_socket("edge-b", socket.AF_INET, socket.SOCK_STREAM) as far:
        far.bind((address(2, 1), 0))
        far.listen()
        far.settimeout(10)
        upstream = f"{address(2, 1)}:{far.getsockname()[1]}"
        wanted = {"name": "l", "listen": "127.0.0.1:0", "upstream": upstream, "dial_from": edge(rig, "a")}
        status, made = ask(rig, "POST", "/proxies", wanted)
        assert status == 201 and made["dial_from"] == wanted["dial_from"]
        before = control.state()["directions"]["a>b"]["counters"]["delivered_bytes"]
        with rig.open_socket("fabric", socket.AF_INET, socket.SOCK_STREAM) as near:
            near.settimeout(10)
            near.connect(("127.0.0.1", int(made["listen"].rpartition(":")[2])))
            there, peer = far.accept()
            with there:
                there.settimeout(10)
                assert peer[0] == address(1, 2)
                near.sendall(b"x" * 5000)
                assert there.makefile("rb").read(5000) == b"x" * 5000
                there.sendall(b"and back")
                assert near.makefile("rb").read(8) == b"and back"
        assert control.state()["directions"]["a>b"]["counters"]["delivered_bytes"] - before >= 5000


def test_a_far_end_that_cannot_be_reached_from_there_closes_the_client(rig: Rig) -> None:
    nobody = {"name": "r", "listen": "127.0.0.1:0", "upstream": f"{address(2, 1)}:1", "dial_from": edge(rig, "a")}
    _, made = ask(rig, "POST", "/proxies", nobody)
    with rig.open_socket("fabric", socket.AF_INET, socket.SOCK_STREAM) as near:
        near.settimeout(10)
        near.connect(("127.0.0.1", int(made["listen"].rpartition(":")[2])))
        assert near.recv(1) == b""


def test_a_namespace_that_does_not_exist_is_said_at_once(rig: Rig, tmp_path: Path) -> None:
    for path in (str(tmp_path / "gone"), str(tmp_path)):
        wanted = {"name": "n", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", "dial_from": path}
        status, said = ask(rig, "POST", "/proxies", wanted)
        assert status == 400 and "upstream cannot be dialled from there: network namespace" in said["error"]


def test_a_real_toxiproxy_is_not_asked_to_cross_the_wan() -> None:
    server = ProxyServer("http://127.0.0.1:1")
    server.__dict__["is_embedded"] = False
    with pytest.raises(UsageError, match="needs the harness' own proxy"):
        server.create_proxy("l", "127.0.0.1", "127.0.0.1:1", dial_from=Path("/proc/self/ns/net"))
