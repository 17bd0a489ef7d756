"""Finding processes of a lab while they come, become others, and go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from conformance.lab.procfs import command_line
from conformance.waiting import wait_until

# A shell that becomes itself again and again: the last word is what its successor is to run.
AGAIN = 'exec /bin/sh -c "$0" "$0" "$1"'


def test_a_process_is_seen_in_the_moment_that_it_becomes_another_program(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sh", "-c", AGAIN, AGAIN, f"[{tmp_path}]"]) as child:
        try:
            looked_at = psutil.Process(child.pid)
            seen = [command_line(looked_at) for _ in range(20_000)]
        finally:
            child.kill()
    assert {line.endswith(f"[{tmp_path}]") for line in seen} == {True}


def test_what_has_ended_has_no_command_line() -> None:
    dead = subprocess.Popen(["/bin/true"])
    zombie = psutil.Process(dead.pid)
    wait_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE, timeout=10, what="a zombie")
    assert command_line(zombie) == ""
    dead.wait()
    assert command_line(zombie) == ""


def test_the_command_line_is_all_words_with_spaces() -> None:
    expected = " ".join(Path(f"/proc/{os.getpid()}/cmdline").read_text().split("\0")).strip()
    assert command_line(psutil.Process()) == expected
    assert Path(sys.executable).name in expected
