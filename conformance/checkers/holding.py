"""From looks at who holds an identity to when a site held it: certainly, and possibly.

A look that said "active" shows that the site held the identity at some instant between its sending and its end, one
that said "not active" the opposite. Between two looks in a row that both said the same, no further apart than the
declared tolerance, nothing is taken to have changed; between others anything may have happened.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from conformance.model import Holding

FOR_GOOD = 2**63
"""Later than any instant on record."""


@dataclass(frozen=True)
class Look:
    """``active`` was true of the site at some instant from ``sent`` to ``done`` (nanoseconds)."""

    sent: int
    done: int
    active: bool


@dataclass(frozen=True)
class Tenure:
    """A row of looks at one site that all said "active". It held the identity from ``began_low``..``began_high`` to
    ``ended_low``..``ended_high``; None where nothing bounds it. ``certain`` are the spans in which it held it without
    doubt; ``looks`` is how many there were. One without looks is a hole in which it may have held it unseen."""

    site: str
    began_low: int | None
    began_high: int
    ended_low: int
    ended_high: int | None
    certain: tuple[tuple[int, int], ...]
    moments: tuple[tuple[int, int], ...]

    @property
    def looks(self) -> int:
        """How many looks said so."""
        return len(self.moments)


def looks_of(holders: Iterable[Holding], identity: str, site: str) -> list[Look]:
    """The answered looks at one site, in time order."""
    mine = (h for h in holders if h.identity == identity and h.site == site)
    found = [Look(h.sent, h.done, h.active) for h in mine if h.active is not None]
    return sorted(found, key=lambda look: (look.sent, look.done))


def tenures(
    site: str, looks: Sequence[Look], tolerance: int, lost: tuple[int, int | None] | None = None
) -> list[Tenure]:
    """When the site held the identity, or may have, in time order. In ``lost`` (until None: for good) the site was
    certainly gone, which ends a tenure as a look does, and is no hole."""
    found: list[Tenure] = []
    row: list[tuple[int, int]] = []
    free: int | None = None  # since when it may have held it again: the sending of the last look that denied it

    def close(ended_high: int | None) -> None:
        if row:
            found.append(Tenure(site, free, row[0][1], row[-1][0], ended_high, _certain(row, tolerance), tuple(row)))
        elif free is not None and ended_high is not None and ended_high - free > tolerance:
            found.append(Tenure(site, free, free, ended_high, ended_high, (), ()))
        row.clear()

    marks = [(look.sent, look.done, look.sent, look.active) for look in looks]
    if lost is not None:
        gone, back = lost
        marks.append((gone, gone, back if back is not None else FOR_GOOD, False))
    for sent, done, free_from, active in sorted(marks):
        if active:
            row.append((sent, done))
        else:
            close(done)
            free = free_from
    close(None)
    return found


def _certain(row: Sequence[tuple[int, int]], tolerance: int) -> tuple[tuple[int, int], ...]:
    """The spans between looks no further apart than ``tolerance``, joined."""
    spans: list[list[int]] = []
    for (sent, done), (next_sent, next_done) in pairwise(row):
        if next_done - sent > tolerance:
            continue
        if spans and spans[-1][1] >= sent:
            spans[-1][1] = max(spans[-1][1], next_sent)
        elif next_sent > done:
            spans.append([done, next_sent])
    return tuple((a, b) for a, b in spans)


def meeting(ones: Sequence[Tenure], others: Sequence[Tenure]) -> Iterator[tuple[Tenure, Tenure]]:
    """Every pair, one of each, that may have held it at the same time. Both are in time order. O(n + pairs)."""
    start = 0
    for one in ones:
        while start < len(others) and _over(others[start], one):
            start += 1
        for other in others[start:]:
            if _over(one, other):
                break
            yield one, other


def _over(first: Tenure, second: Tenure) -> bool:
    """Whether one was certainly over before the other began."""
    return first.ended_high is not None and second.began_low is not None and first.ended_high < second.began_low


def certain_overlap(one: Tenure, other: Tenure) -> tuple[int, int] | None:
    """A time at which both certainly held it: the longest span in common, else a moment of one within a certain span of
    the other (then the span of that look). None when nothing proves it."""
    best: tuple[int, int] | None = None
    for a, b in one.certain:
        for c, d in other.certain:
            low, high = max(a, c), min(b, d)
            if low < high and (best is None or high - low > best[1] - best[0]):
                best = low, high
    if best is not None:
        return best
    for moments, spans in ((one.moments, other.certain), (other.moments, one.certain)):
        for a, b in spans:
            for at in range(bisect_left(moments, (a, a)), len(moments)):
                if moments[at][0] > b:
                    break
                if moments[at][1] <= b:
                    return moments[at]
    return None


def possible_overlap(one: Tenure, other: Tenure, watched: tuple[int, int]) -> int:
    """For how long (nanoseconds) both may have held it within the time watched; 0 when they cannot have."""
    begun = [t.began_low for t in (one, other) if t.began_low is not None]
    ended = [t.ended_high for t in (one, other) if t.ended_high is not None]
    return max(0, min([watched[1], *ended]) - max([watched[0], *begun]))
