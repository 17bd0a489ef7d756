"""A guest: the init process of one instance, which runs its user_data as cloud-init would.

The init is a *subreaper*: whatever the guest's programs start, daemons included, stays below it in the process tree, so
that stopping, pausing or killing the guest reaches all of it, as it would in a machine. It stays when the script ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import setproctitle
from netplane import kernel

from labcloud import guest_app, processes, site

PR_SET_CHILD_SUBREAPER = 36
MARKER = "MULTISITE_HA_GUEST"  # environment variable by which the harness knows a stray process of a guest


def boot(directory: Path, here: site.Site, space: int | None) -> NoReturn:
    """Be the guest of ``here`` whose instance directory is ``directory``; never returns.

    ``space`` is its network namespace: it may do there what a machine's administrator may do to its own network.
    """
    if space is not None:
        kernel.setns(space, kernel.NEWNET)
        kernel.keep_capabilities((kernel.NET_BIND_SERVICE, kernel.NET_ADMIN, kernel.NET_RAW))
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # power is switched by the hypervisor only
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.chdir(directory)
    console = os.open("console.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(console, 1)
    os.dup2(console, 2)
    os.closerange(3, 1024)
    os.umask(0o022)
    spec = json.loads(Path("spec.json").read_text())
    setproctitle.setproctitle(here.title(f"guest {spec['display_name']} {spec['uuid']}"))
    _announce(spec)
    main = os.fork()
    if main == 0:
        _run_user_data(directory, here.guest_path, spec)
    _reap_for_ever(main)


def _announce(spec: dict) -> None:
    lines = [
        "Linux: lab guest (a process tree of this machine, no kernel of its own)",
        f"hostname: {spec['display_name']}",
        f"instance-id: {spec['uuid']}",
        f"hypervisor: {spec['host']}",
        *(f"interface {number}: {address}" for number, address in enumerate(spec["ips"])),
        *(f"disk: {device}" for device in sorted(spec["volumes"])),
        "cloud-init: modules:final",
    ]
    for line in lines:
        _say(line)


def _say(line: str) -> None:
    sys.stdout.write(f"[{time.monotonic():12.6f}] {line}\n")
    sys.stdout.flush()


def _run_user_data(directory: Path, path: str, spec: dict) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    script = directory / "user_data"
    environment = {
        "PATH": path,
        "LANG": "C.UTF-8",
        "HOME": str(directory),
        "LAB_DEV": str(directory / "dev"),
        MARKER: str(directory),
    }
    try:
        if script.exists() and script.read_bytes()[:2] == b"#!":
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, programs do not expect that
            os.execve(script, [str(script)], environment)
        if script.exists():
            _say("user_data is not a #! script: the lab runs its default application instead")
        guest_app.serve(spec)
    except BaseException as error:  # the console is the only place where this can be seen
        _say(f"guest failed: {error!r}")
    finally:
        os._exit(1)


def _reap_for_ever(main: int) -> NoReturn:
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            signal.pause()
            continue
        if pid == main:
            _say(f"cloud-init: user_data ended with {describe(status)}")


def describe(status: int) -> str:
    """A wait status in words."""
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit status {os.WEXITSTATUS(status)}"


def stop(init: int, grace: float, unplug: Callable[[], None]) -> None:
    """Switch a guest off: SIGTERM to its programs, ``grace`` seconds to end, then SIGKILL to everything.

    It is unplugged from its network before: a machine without power does not close its connections.
    """

    def programs() -> list[int]:
        return processes.tree(init)[1:]

    if grace > 0:
        for pid in programs():
            processes.send(pid, signal.SIGTERM)
            processes.send(pid, signal.SIGCONT)  # a paused program would never see it
        processes.poll(lambda: not programs(), grace)
    unplug()
    processes.signal_tree(init, signal.SIGSTOP)  # nobody forks or reacts while we kill
    members = processes.tree(init)
    for pid in reversed(members):
        processes.send(pid, signal.SIGKILL)
    processes.poll(lambda: all(processes.started_at(pid) is None for pid in members), 5.0)
