"""The first process of a lab's data plane: makes its namespaces, holds them, and keeps its daemons running.

`python -m netplane.keeper --lab NAME --directory DIRECTORY` returns when they are made, or says why they cannot be; the
keeper itself stays behind with the same command line. It is root of a user namespace in which every uid is itself.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from netplane import kernel, spaces
from netplane.backbone import SiteRecord, read_sites
from netplane.netd import SPACES

STALE = ("*.cut", "*.down", "*.made", "netd.sock", "wan.sock")  # of namespaces that are gone
QUICK = 0.05  # seconds until a daemon that has died is started again …
SLOW = 1.0  # … and when it dies right after its start
RESOLVE = {"/etc/resolv.conf": "", "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n", "/etc/nsswitch.conf": None}


def main() -> None:
    """Be the keeper, in a child of this process."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--lab", required=True)
    parser.add_argument("--directory", required=True, type=Path)
    options = parser.parse_args()
    os.chdir(options.directory)
    ours, theirs = os.pipe()
    mapped, done = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        os.close(done)
        _keep(options.lab, options.directory, theirs, mapped)
    os.close(theirs)
    os.read(ours, 1)
    kernel.map_identity(child)
    os.write(done, b"1")
    words = b"".join(iter(lambda: os.read(ours, 4096), b"")).decode()
    if words:
        sys.exit(words)


def _keep(lab: str, directory: Path, told: int, mapped: int) -> None:
    try:
        os.setsid()
        kernel.unshare(kernel.NEWUSER | kernel.NEWNET | kernel.NEWNS)
        os.write(told, b"1")
        os.read(mapped, 1)
        kernel.keep_capabilities()
        _prepare(directory)
        daemons = [Daemon(lab, directory, "netplane.netd", "netd.log", [])]
        daemons.append(Daemon(lab, directory, "netplane.wan", "wan.log", _wan(directory)))
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
    except BaseException as error:
        os.write(told, f"The lab's namespaces cannot be made: {error}".encode())
        os._exit(1)
    os.close(told)
    while True:
        for daemon in daemons:
            daemon.tend()
        pid, _ = os.wait()
        for daemon in daemons:
            daemon.ended(pid)


def _prepare(directory: Path) -> None:
    """Mounts and sysctls of the fresh namespaces."""
    for pattern in STALE:
        for path in directory.glob(pattern):
            path.unlink()
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    pins = directory / SPACES
    pins.mkdir(exist_ok=True)
    kernel.mount("tmpfs", str(pins), "tmpfs", 0, "mode=700")
    pin = pins / "operator"
    pin.touch()
    kernel.mount("/proc/self/ns/net", str(pin), None, kernel.MS_BIND)
    _resolve(pins / ".etc")
    kernel.sysctl(spaces.SYSCTLS)
    spaces.Netns(pins, "operator").ip("link set lo up\n")
    spaces.Netns(pins, "wan").sysctl({f"ipv6/conf/{part}/disable_ipv6": 1 for part in ("all", "default")})


def _resolve(folder: Path) -> None:
    """No name server is reachable in here: without these files every look-up of a name would hang for seconds."""
    folder.mkdir()
    for target, text in RESOLVE.items():
        real = os.path.realpath(target)
        if not os.path.exists(real):
            continue
        if text is None:
            lines = Path(real).read_text().splitlines()
            text = "\n".join("hosts: files" if line.startswith("hosts:") else line for line in lines) + "\n"
        own = folder / os.path.basename(target)
        own.write_text(text)
        kernel.mount(str(own), real, None, kernel.MS_BIND)


def _wan(directory: Path) -> list[str]:
    """Arguments of the forwarder: each pair of sites is a path."""
    words = ["--control", "wan.sock", "--state", str(directory / "wan-state.json"), "--die-with-parent"]
    for low, high in itertools.combinations(read_sites(directory), 2):
        words += ["--link", f"{_leg(low, high)},{_leg(high, low)}"]
    return words


def _leg(site: SiteRecord, other: SiteRecord) -> str:
    return f"{site.name}=w{site.number}-{other.number}"


class Daemon:
    """A process that is started again whenever it has ended."""

    def __init__(self, lab: str, directory: Path, module: str, log: str, arguments: list[str]) -> None:
        self._command = [sys.executable, "-S", "-P", "-m", module, *arguments]
        if not arguments:
            self._command += ["--lab", lab, "--directory", str(directory)]
        self._space = directory / SPACES / "wan" if module == "netplane.wan" else None
        self._log = directory / log
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def tend(self) -> None:
        """Start it if it does not run."""
        if self._process is not None:
            return
        if self._started:
            time.sleep(SLOW if time.monotonic() - self._started < SLOW else QUICK)
        self._started = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self._become
            )

    def _become(self) -> None:
        kernel.die_with_parent(signal.SIGKILL)
        if self._space:
            descriptor = os.open(self._space, os.O_RDONLY)
            kernel.setns(descriptor, kernel.NEWNET)
            os.close(descriptor)

    def ended(self, pid: int) -> None:
        """Note that a child has ended, which may be this one."""
        if self._process is not None and self._process.pid == pid:
            self._process.returncode = 0  # os.wait() has reaped it
            self._process = None


if __name__ == "__main__":
    main()
