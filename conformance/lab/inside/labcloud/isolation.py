"""Processes of a site in namespaces of its own: its services' network, its own PIDs, a /proc that shows them.

A site's first process is its init (``labcloud.siteinit``); all others join the namespaces of that.

Who has chosen another PID namespace for its children cannot choose its own again: that belongs to the machine. So each
process of a site has a *proxy* outside, its parent, which ends as it has ended.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from netplane import kernel


def fork(within: dict | None) -> tuple[int, int]:
    """Fork into the namespaces that a request asks for: ``{"netns": path}`` makes a site's init, ``{"init": pid}``
    joins it, None stays here.

    Returns the new process and the child to wait for, which is its proxy or itself; 0 and 0 in the new process.
    """
    if within is None:
        pid = os.fork()
        return pid, pid
    choose, settle = _join(within["init"]) if "init" in within else _begin(within["netns"])
    reader, writer = os.pipe()
    proxy = os.fork()
    if proxy == 0:
        os.close(reader)
        if _stand_in(choose, settle, writer) == 0:
            return 0, 0
    os.close(writer)
    told = os.read(reader, 4096).decode()
    os.close(reader)
    if not told.isdecimal():
        os.waitpid(proxy, 0)
        raise OSError(0, told or "its proxy ended without a word")
    return int(told), proxy


def _begin(netns: str) -> tuple[Callable[[], None], Callable[[], None]]:
    def settle() -> None:
        network = os.open(netns, os.O_RDONLY)
        kernel.setns(network, kernel.NEWNET)
        os.close(network)
        kernel.unshare(kernel.NEWNS)
        kernel.unmount(str(Path(netns).parent))  # the site must not keep pinned namespaces alive
        kernel.mount("proc", "/proc", "proc", 0)

    return lambda: kernel.unshare(kernel.NEWPID), settle


def _join(init: int) -> tuple[Callable[[], None], Callable[[], None]]:
    spaces: dict[str, int] = {}

    def choose() -> None:
        spaces.update({kind: os.open(f"/proc/{init}/ns/{kind}", os.O_RDONLY) for kind in ("pid", "net", "mnt")})
        kernel.setns(spaces["pid"], kernel.NEWPID)

    def settle() -> None:
        kernel.setns(spaces["net"], kernel.NEWNET)
        kernel.setns(spaces["mnt"], kernel.NEWNS)
        for descriptor in spaces.values():
            os.close(descriptor)

    return choose, settle


def _stand_in(choose: Callable[[], None], settle: Callable[[], None], told: int) -> int:
    """Be the proxy, or return 0 in the process it stands for."""
    try:
        choose()
        pid = os.fork()
        if pid == 0:
            os.close(told)
            settle()
            return 0
        os.write(told, str(pid).encode())
        os.close(told)
    except BaseException as error:
        traceback.print_exc()
        try:
            os.write(told, str(error).encode())
        finally:
            os._exit(1)
    return _end_like(pid)


def _end_like(pid: int) -> NoReturn:
    os.closerange(3, 4096)  # the pipes and sockets of those we were forked from must not stay open because of us
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))
