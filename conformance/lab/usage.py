"""Who uses a lab: several runs can at once, and it is taken down under none of them."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.lab.guests import make_open

USERS = "users"
"""A file in the lab's directory that each user holds a lock of; it ends with its process, however that ends."""


@contextmanager
def using(directory: Path) -> Iterator[None]:
    """Be one of those who use the lab, once nobody takes it down any more."""
    make_open(directory)
    with (directory / USERS).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(directory: Path) -> Iterator[bool]:
    """Whether nobody uses the lab; if so, nobody begins to before the end."""
    with (directory / USERS).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
