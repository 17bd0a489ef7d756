"""What the kernel says of one process, also while it becomes another program or ends."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

EXEC_TRIES = 20  # times a command line that is not there yet is asked for, a millisecond apart

# Flags of the kernel's
_EXITING = 0x4
_KERNEL_THREAD = 0x200000


def command_line(process: psutil.Process) -> str:
    """Its command line; "" for a thread of the kernel, and for what has ended.

    While a program is replaced by another, the kernel shows none for some microseconds: whoever is looked for just then
    would be missed, so it is asked again.
    """
    try:
        for _ in range(EXEC_TRIES):
            if (line := " ".join(process.cmdline()).strip()) or not _executes(process.pid):
                return line
            time.sleep(0.001)
    except (psutil.Error, OSError):
        pass
    return ""


def is_exiting(pid: int) -> bool:
    """Whether it is dead or on its way out. OSError when it is gone."""
    state, flags = _kernel_state(pid)
    return state in "ZXx" or bool(flags & _EXITING)


def _executes(pid: int) -> bool:
    """Whether a process without a command line is to get one: it has a program, and is not on its way out."""
    return not is_exiting(pid) and not _kernel_state(pid)[1] & _KERNEL_THREAD


def _kernel_state(pid: int) -> tuple[str, int]:
    """State letter and flags."""
    state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return state, int(fields[5])
