"""Where labs live, and what their directories must be like."""

from __future__ import annotations

from pathlib import Path

from conformance.lab.errors import LabError
from conformance.paths import state_dir

# oslo.config expands $, sqlite URLs end at ? and #, nova formats {}: none of them in a path of a configuration file
UNUSABLE = set("$%?#{}\n\r\"'")


def labs_directory() -> Path:
    """Parent of all labs of the current user; it need not exist."""
    return state_dir() / "labs"


def check_usable(path: Path) -> None:
    """Raise LabError if OpenStack's configuration files cannot hold ``path``."""
    bad = "".join(sorted(UNUSABLE & set(str(path))))
    if bad:
        raise LabError(
            f"The lab cannot work in {path}: OpenStack's configuration files cannot hold {bad!r} in a path. "
            "Set XDG_STATE_HOME and XDG_CACHE_HOME to other directories."
        )
