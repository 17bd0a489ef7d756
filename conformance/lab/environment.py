"""The OpenStack environment: a Python venv of its own with exactly pinned packages, shared by all labs of a user."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from conformance.lab.errors import LabError

LOCK = Path(__file__).with_name("requirements.lock")
OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED_BYTES = 1_300_000_000  # 440 MB of packages, as much again in uv's own cache, wheels being unpacked
REPORT_EVERY = 5.0  # seconds between two progress lines


def key(lock: Path = LOCK) -> str:
    """Names what was installed: the pinned packages and the Python they run on."""
    return hashlib.sha256(lock.read_bytes() + os.path.realpath(_python()).encode()).hexdigest()[:12]


def path(cache: Path) -> Path:
    """Where the venv is or will be."""
    return cache / f"openstack-{key()}"


def ensure(cache: Path, progress: Callable[[str], None]) -> Path:
    """Build the venv unless it is there; returns its directory.

    It is built beside its final name and renamed when complete, so that an interrupted build leaves nothing that looks
    ready.
    The caller holds the lock of ``cache``. Raises LabError with uv's own words.
    """
    final = path(cache)
    if final.exists():
        return final
    cache.mkdir(parents=True, exist_ok=True)
    for leftover in cache.glob(".building-*"):
        shutil.rmtree(leftover)
    building = cache / f".building-{os.getpid()}"
    try:
        progress(f"building the OpenStack environment in {final} (once)")
        _uv(
            ["venv", "--quiet", "--no-python-downloads", "--relocatable", "--python", _python(), str(building)],
            cache,
            progress,
        )
        install(["--python", str(building / "bin" / "python")], LOCK, cache, progress)
        building.rename(final)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return final


def install(where: list[str], lock: Path, cache: Path, progress: Callable[[str], None]) -> None:
    """Install the packages of a list, and no others, where uv's options ``where`` say."""
    to = where if "--python" in where else ["--python", _python(), *where]
    _uv(["pip", "install", *to, "--no-deps", "--requirement", str(lock)], cache, progress)


def python(venv: Path) -> Path:
    """The venv's interpreter."""
    return venv / "bin" / "python"


def _python() -> str:
    """The interpreter to build on: our own where OpenStack runs on it, else the newest one that fits."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    raise LabError(
        f"The lab's OpenStack needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}; this is "
        f"{sys.version_info.major}.{sys.version_info.minor} and none of them is on PATH. Install one: python3.12."
    )


def _uv_binary() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if not found:
        raise LabError(
            f"The lab needs uv, which is installed with multisite-ha, but it is neither at {beside} nor on PATH."
        )
    return found


def _uv(arguments: list[str], cache: Path, progress: Callable[[str], None]) -> None:
    """Run uv in the cache directory (so that no project's configuration is picked up) and forward what it says."""
    log = cache / "uv.log"
    started, told = time.monotonic(), time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_uv_binary(), *arguments],
            cwd=cache,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "UV_NO_PROGRESS": "1", "VIRTUAL_ENV": ""},
        )
        try:
            while process.poll() is None:
                try:
                    process.wait(timeout=0.2)
                except subprocess.TimeoutExpired:
                    if time.monotonic() - told > REPORT_EVERY:
                        told = time.monotonic()
                        progress(f"installing packages: {told - started:.0f} s")
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # the builds it has started are in its session too
            process.wait()
            raise
    said = log.read_text(errors="replace").strip()
    if process.returncode:
        if "No space left on device" in said or os.strerror(errno.ENOSPC) in said:
            raise LabError(f"No space left while installing packages into {cache}: free about 1.3 GB and try again.")
        raise LabError(
            f"uv could not install packages (exit status {process.returncode}; log {log}). Its last words: "
            f"{said[-600:]}"
        )
