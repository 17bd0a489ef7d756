"""Process trees by /proc: who belongs to a guest, and signalling all of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

GONE = "ZX"


def started_at(pid: int) -> int | None:
    """Start time of a live process in clock ticks since boot, or None: with the pid it names one process for ever."""
    stat = _stat(pid)
    return stat[2] if stat and stat[1] not in GONE else None


def tree(root: int) -> list[int]:
    """Pids of ``root`` and all its living descendants, parents first."""
    children: dict[int, list[int]] = {}
    alive = set()
    for pid in _pids():
        stat = _stat(pid)
        if stat and stat[1] not in GONE:
            alive.add(pid)
            children.setdefault(stat[0], []).append(pid)
    if root not in alive:
        return []
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def signal_tree(root: int, number: signal.Signals) -> None:
    """Send a signal to the tree until no new member appears (a member may fork while we walk)."""
    done: set[int] = set()
    while new := [pid for pid in tree(root) if pid not in done]:
        for pid in new:
            send(pid, number)
        done.update(new)


def send(pid: int, number: signal.Signals) -> None:
    """Signal one process; one that is already gone is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def poll(condition: Callable[[], bool], timeout: float, interval: float = 0.01) -> bool:
    """Wait until ``condition()`` or ``timeout`` seconds; returns whether it came true."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
    return True


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _stat(pid: int) -> tuple[int, str, int] | None:
    """(parent, state letter, start time in ticks) of a process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), fields[0].decode(), int(fields[19])
