"""How much of this machine's CPU goes to programs that have no part in a run: what they take, a measurement lacks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

import psutil

KERNEL = 2
"""The parent of the kernel's own threads: they work for everybody."""


class OtherPrograms:
    """Watches them from its making on. ``own`` gives the processes, beside this one, that have a part in the run; it is
    asked at both ends, and what is below them has a part, too."""

    def __init__(self, own: Callable[[], Iterable[int]]) -> None:
        self._own = own
        self._ours = self._part_of_run(_parents())
        self._began, self._spent, self._stolen = time.monotonic(), _spent(), _stolen()

    def share(self) -> float:
        """The share of all cores that others had since the beginning, also other machines on the same host."""
        spent, passed = _spent(), time.monotonic() - self._began
        parents = _parents()
        ours = self._ours | self._part_of_run(parents)
        others = sum(
            max(0.0, used - self._spent.get(pid, 0.0))
            for pid, used in spent.items()
            if pid not in ours and KERNEL not in (pid, parents.get(pid))
        )
        return (others + _stolen() - self._stolen) / (passed * (os.cpu_count() or 1))

    def _part_of_run(self, parents: dict[int, int]) -> set[int]:
        found = {os.getpid(), *self._own()}
        grown = -1
        while len(found) != grown:
            grown = len(found)
            found |= {pid for pid, parent in parents.items() if parent in found}
        return found


def _parents() -> dict[int, int]:
    return {process.pid: process.info["ppid"] for process in psutil.process_iter(["ppid"])}


def _spent() -> dict[int, float]:
    """CPU seconds by process, with those of its children that have ended: a compiler's short-lived ones count."""
    found = {}
    for process in psutil.process_iter(["cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None:
            found[process.pid] = times.user + times.system + times.children_user + times.children_system
    return found


def _stolen() -> float:
    """CPU seconds that the host gave to other machines; 0 where it does not say."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))
