"""Python packages for guests beyond what the lab's own environment has: a folder of exactly pinned ones, made once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from conformance.lab import environment
from conformance.lab.guests import make_open


def folder(cache: Path, lock: Path) -> Path:
    """Where the packages of a list are, or will be: for guests' PYTHONPATH."""
    return cache / f"packages-{environment.key(lock)}"


def ensure(cache: Path, lock: Path, progress: Callable[[str], None]) -> Path:
    """Install the packages of a list, unless they are there. LabError with uv's own words.

    Made beside the final name and renamed when complete, so that an interrupted build leaves nothing that looks ready.
    The caller holds the lock of ``cache``.
    """
    final = folder(cache, lock)
    if final.exists():
        return final
    make_open(cache)
    building = cache / f".building-{final.name}-{os.getpid()}"
    try:
        progress(f"installing the packages of {lock.name} in {final} (once)")
        environment.install(["--target", str(building)], lock, cache, progress)
        building.rename(final)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return final
