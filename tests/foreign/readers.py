"""Programs of others that read what we write, each in an environment of its own, made once and kept in the cache.

They are not among the dependencies of the tests because they would bring, or pin, half a hundred packages each.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multisite-ha-tests"


def python_with(*requirements: str) -> Path:
    """The Python of an environment that has these packages; skips the test, with the reason, where none can be made."""
    folder = _folder("python", (*requirements, sys.version))
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        uv = [sys.executable, "-m", "uv"]
        _run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        _run([*uv, "pip", "install", "--quiet", "--python", str(python), *requirements])
        (folder / "complete").touch()
    return python


def node_with(*packages: str) -> Path:
    """A folder with a node_modules that has these packages; skips the test where none can be made."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = _folder("node", packages)
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text("{}")
        _run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", *packages], cwd=folder)
        (folder / "complete").touch()
    return folder


def _folder(kind: str, what: tuple[str, ...]) -> Path:
    return CACHE / f"{kind}-{hashlib.sha256(repr(what).encode()).hexdigest()[:12]}"


def _run(command: list[str], cwd: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=600)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{command[-1]} could not be installed: {error.stderr.strip()[-200:]}")
