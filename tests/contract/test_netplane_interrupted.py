"""The lab's network daemon, killed at any step, is followed by one that brings into force what was wanted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from netns_rig import UNSHARE, why_impossible

pytestmark = pytest.mark.skipif(why_impossible() is not None, reason=str(why_impossible()))

PROGRAM = Path(__file__).resolve().parents[1] / "plane_interrupted.py"
EVERY = 6  # so many tests share the steps; all of them together take a minute of CPU


def tried(directory: Path, every: int, offset: int) -> dict[str, Any]:
    command = [*UNSHARE, sys.executable, "-S", str(PROGRAM), str(directory), str(every), str(offset)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("offset", [0, 3])
def test_who_follows_a_killed_daemon_brings_into_force_what_is_wanted(tmp_path: Path, offset: int) -> None:
    outcome = tried(tmp_path, EVERY, offset)
    assert outcome["tried"] >= 6
    assert outcome["found"] == {}
