"""Network namespaces for tests: sites joined by the real WAN forwarder, and guests on a network of each site.

Run as a program inside ``unshare``: makes the namespaces, starts the forwarder, and hands out sockets in any of them
over a unix socket, as the lab's netd does. It ends with its standard input, and everything with it."""

from __future__ import annotations

import array
import ctypes
import json
import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

INSIDE = Path(__file__).resolve().parents[1] / "conformance" / "lab" / "inside"
UNSHARE = ("unshare", "-U", "--map-current-user", "--keep-caps", "-n", "-m")
_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def why_impossible() -> str | None:
    """None where an ordinary process can have namespaces; otherwise the reason to skip."""
    try:
        tried = subprocess.run([*UNSHARE, "ip", "link", "add", "v0", "type", "veth"], capture_output=True, text=True)
    except FileNotFoundError as error:
        return f"namespaces need {error.filename}"
    return None if tried.returncode == 0 else f"namespaces are not possible here: {tried.stderr.strip()[:200]}"


@dataclass(frozen=True)
class Rig:
    """A running rig, seen from outside its namespaces. Sites are ``a``, ``b``, …; see ``address``."""

    directory: Path
    pid: int
    """Of the rig; its children are the forwarder and nothing else."""

    @property
    def control(self) -> Path:
        return self.directory / "wan.sock"

    def forwarder(self) -> int:
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    def open_socket(self, netns: str, family: int, kind: int, proto: int = 0) -> socket.socket:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self.directory / "netd.sock"))
            request = {"op": "socket", "netns": netns, "family": family, "type": kind, "proto": proto}
            asking.sendall(json.dumps(request).encode() + b"\n")
            answer, descriptors, _, _ = socket.recv_fds(asking, 4096, 1)
        if "error" in (said := json.loads(answer)):
            raise OSError(said["error"])
        return socket.socket(fileno=descriptors[0])

    def run(self, netns: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program inside one of the namespaces."""
        entered = [sys.executable, __file__, "--enter", str(self.pid), netns, str(self.directory), *command]
        return subprocess.run(entered, capture_output=True, text=True, check=check, timeout=60)

    def popen(self, netns: str, *command: str) -> subprocess.Popen[str]:
        entered = [sys.executable, __file__, "--enter", str(self.pid), netns, str(self.directory), *command]
        return subprocess.Popen(entered, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def address(i: int, j: int, version: int = 4) -> str:
    """Of site i's edge on its link with site j; sites count from 1."""
    low, high = min(i, j), max(i, j)
    host = 1 if i == low else 2
    return f"100.65.{low}.{4 * high + host}" if version == 4 else f"fd65:0:{low}:{high}::{host}"


@contextmanager
def running_rig(directory: Path, sites: int = 2, guests: int = 0, options: Sequence[str] = ()) -> Iterator[Rig]:
    """A rig of so many sites; ``guests`` are on one network at the first site, without any rules."""
    command = [*UNSHARE, sys.executable, "-P", __file__, str(directory), str(sites), str(guests), *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        pid = int(process.stdout.readline())
        yield Rig(directory, pid)
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


class _Namespaces:
    """Inside: namespaces by name, kept by open descriptors."""

    def __init__(self) -> None:
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.names: dict[str, int] = {}

    def make(self, name: str) -> None:
        _check(_LIBC.unshare(_NEWNET))
        self.names[name] = os.open("/proc/self/ns/net", os.O_RDONLY)
        Path("/proc/sys/net/ipv4/ping_group_range").write_text(f"{os.getgid()} {os.getgid()}")
        for which in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{which}/accept_dad").write_text("0")
        self.back()
        self.ip(name, "link set lo up")

    def back(self) -> None:
        _check(_LIBC.setns(self.home, _NEWNET))

    def ip(self, name: str, *lines: str) -> None:
        with self.entered(name):
            subprocess.run(["ip", "-b", "-"], input="\n".join(lines) + "\n", text=True, check=True)

    @contextmanager
    def entered(self, name: str) -> Iterator[None]:
        _check(_LIBC.setns(self.names[name], _NEWNET))
        try:
            yield
        finally:
            self.back()

    def path(self, name: str) -> str:
        return f"/proc/{os.getpid()}/fd/{self.names[name]}"


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _build(spaces: _Namespaces, sites: int, guests: int) -> list[str]:
    """Make everything; the forwarder's --link arguments."""
    sys.path.insert(0, str(INSIDE))
    from netplane.wan.offloads import switch_off

    spaces.make("wan")
    for n in range(sites):
        spaces.make(f"edge-{chr(97 + n)}")
    links = []
    for i, j in combinations(range(1, sites + 1), 2):
        for me, other in ((i, j), (j, i)):
            edge = f"edge-{chr(96 + me)}"
            spaces.ip("wan", f"link add w{me}-{other} type veth peer name wan{other} netns {spaces.path(edge)}")
            spaces.ip("wan", f"link set w{me}-{other} up")
            spaces.ip(
                edge,
                f"addr add {address(me, other)}/30 dev wan{other}",
                f"addr add {address(me, other, 6)}/64 dev wan{other} nodad",
                f"link set wan{other} up",
            )
            with spaces.entered(edge):
                switch_off(f"wan{other}")
        links += ["--link", f"{chr(96 + i)}=w{i}-{j},{chr(96 + j)}=w{j}-{i}"]
    if guests:
        spaces.make("fabric")
        spaces.ip("fabric", "link add br0 type bridge", "link set br0 up")
    for n in range(guests):
        name = f"guest-{n}"
        spaces.make(name)
        spaces.ip("fabric", f"link add t{n} type veth peer name eth0 netns {spaces.path(name)}")
        spaces.ip("fabric", f"link set t{n} master br0 up")
        spaces.ip(name, f"addr add 10.1.0.{10 + n}/24 dev eth0", f"addr add fd10::{10 + n}/64 dev eth0 nodad")
        spaces.ip(name, "link set eth0 up")
    return links


def _serve(spaces: _Namespaces, asked: socket.socket) -> None:
    request = json.loads(asked.makefile().readline())
    try:
        with spaces.entered(request["netns"]):
            made = socket.socket(request["family"], request["type"], request["proto"])
    except (OSError, KeyError) as error:
        asked.sendall(json.dumps({"error": repr(error)}).encode())
        return
    with made:
        fds = array.array("i", [made.fileno()])
        asked.sendmsg([b"{}"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])


def _run(directory: Path, sites: int, guests: int, options: Sequence[str]) -> None:
    spaces = _Namespaces()
    links = _build(spaces, sites, guests)
    (directory / "netns.json").write_text(json.dumps(spaces.names))
    command = [sys.executable, "-P", "-m", "netplane.wan", *links, "--control", str(directory / "wan.sock"), *options]
    command += ["--die-with-parent"]
    environment = {**os.environ, "PYTHONPATH": str(INSIDE)}
    with spaces.entered("wan"):
        forwarder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert forwarder.stdout is not None
    forwarder.stdout.readline()
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as ready:
        listener.bind(str(directory / "netd.sock"))
        listener.listen(256)
        ready.register(listener, selectors.EVENT_READ)
        ready.register(sys.stdin, selectors.EVENT_READ)
        print(os.getpid(), flush=True)
        while True:
            for key, _ in ready.select():
                if key.fileobj is sys.stdin:
                    forwarder.terminate()
                    forwarder.wait()
                    return
                asked, _ = listener.accept()
                with asked:
                    _serve(spaces, asked)


def _enter(pid: str, netns: str, directory: str, *command: str) -> None:
    """Become a program in a rig's namespace, with its capabilities (setns, then ambient ones)."""
    number = json.loads(Path(directory, "netns.json").read_text())[netns]
    targets = [os.open(f"/proc/{pid}/ns/user", os.O_RDONLY), os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY)]
    for target in targets:
        _check(_LIBC.setns(target, 0))
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    low, high = ((1 << last + 1) - 1) & 0xFFFFFFFF, ((1 << last + 1) - 1) >> 32
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _check(_LIBC.capset(header, (ctypes.c_uint32 * 6)(low, low, low, high, high, high)))
    for capability in range(last + 1):
        _LIBC.prctl(47, 2, capability, 0, 0)
    os.execvp(command[0], command)


if __name__ == "__main__":
    if sys.argv[1] == "--enter":
        _enter(*sys.argv[2:])
    else:
        _run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
