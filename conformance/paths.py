"""Where the product keeps what outlives one run: caches and state, by the platform's conventions."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from conformance.errors import UsageError

_NAME = "multisite-ha"


def state_dir() -> Path:
    """Labs and the journal of faults. $XDG_STATE_HOME is honoured; root without it uses /var/lib, which the
    unprivileged users that PostgreSQL wants can reach, while /root is closed to them."""
    if os.geteuid() == 0 and "XDG_STATE_HOME" not in os.environ:
        return Path("/var/lib") / _NAME
    return Path(platformdirs.user_state_dir(_NAME))


def cache_dir() -> Path:
    """What can be made again: the OpenStack environment and the database templates. $XDG_CACHE_HOME is honoured."""
    if os.geteuid() == 0 and "XDG_CACHE_HOME" not in os.environ:
        return Path("/var/cache") / _NAME
    return Path(platformdirs.user_cache_dir(_NAME))


def make_folder(folder: Path) -> None:
    """Make one of these folders, or one below. UsageError when that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"Cannot make the folder {folder}: {error.strerror}. XDG_STATE_HOME and XDG_CACHE_HOME name others."
        ) from None
