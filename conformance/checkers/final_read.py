"""The read of everything at the end of a scenario, put together from its pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from conformance.model import Operation, Outcome


@dataclass(frozen=True)
class FinalRead:
    """All that was there at the end: ``pages`` in order, asked for from ``began`` (nanoseconds) on, of one
    ``site``."""

    pages: tuple[Operation, ...]
    began: int
    site: str | None

    def items(self) -> Iterator[tuple[str, str]]:
        """Every (key, value) pair that was read, in storage order, doubled ones twice."""
        for page in self.pages:
            yield from page.items


@dataclass
class _Reading:
    """One client's pages since it last began from the top."""

    pages: list[Operation] = field(default_factory=list)
    failed: list[Operation] = field(default_factory=list)

    def whole(self) -> FinalRead | None:
        """The read, unless its pages are of several sites, or one failed and was not shown to have been
        asked for again."""
        repeated = {page.key for page in self.pages}
        sites = {page.site for page in self.pages}
        if len(sites) > 1 or any(page.key is None or page.key not in repeated for page in self.failed):
            return None
        first = min([*self.pages, *self.failed], key=lambda p: p.invoked)
        return FinalRead(tuple(self.pages), first.invoked, sites.pop())


def final_read(history: Iterable[Operation]) -> FinalRead | None:
    """The last final read that reached its last page, or None when none did.

    Pages are ``scan`` operations marked final. A page's ``key`` is the cursor it was asked with: where
    cursors are recorded, a page without one starts the read over. Where none are, a failed page leaves it
    open whether the client went on or started over, so that read is not taken for complete.
    """
    scans = sorted((op for op in history if op.f == "scan" and op.final), key=lambda op: op.invoked)
    with_cursors = {op.process for op in scans if op.key is not None}
    reading: dict[int, _Reading] = {}
    found: FinalRead | None = None
    for page in scans:
        so_far = reading.get(page.process)
        if so_far is None or (page.key is None and page.process in with_cursors):
            so_far = reading[page.process] = _Reading()
        if page.outcome is not Outcome.OK:
            if so_far.pages:
                so_far.failed.append(page)
            else:
                del reading[page.process]  # a first page that failed: whatever follows begins from the top
            continue
        so_far.pages.append(page)
        if page.complete:
            found = so_far.whole() or found
            del reading[page.process]
    return found
