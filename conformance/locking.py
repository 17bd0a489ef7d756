"""What only one process of this machine may be at, whoever started it: a file's lock, which goes with its process."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.paths import make_folder, state_dir


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Wait until nobody else is in a block for the same ``what``: no other process and no other thread."""
    folder = state_dir() / "locks"
    make_folder(folder)
    with (folder / hashlib.sha256(what.encode()).hexdigest()[:16]).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
