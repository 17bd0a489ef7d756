"""Labs of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from conformance.lab import Lab


@contextmanager
def empty_lab(name: str, sites: Sequence[str] | None = None, *, mode: str = "auto") -> Iterator[Lab]:
    """A lab that is not up and in which nothing is; gone afterwards.

    A lab comes up again with all that was created in it. So what tests that were killed had in theirs, resources of no
    run's among them, would be met by the next who use one of that name.
    """
    lab = Lab(name, sites, mode=mode)
    lab.down()
    try:
        yield lab
    finally:
        lab.down()
