"""What a fixed schedule of probes says about when the service was there: interval arithmetic, nothing
assumed.

A probe that was answered shows that the service was there at some instant between its sending and its end;
one that failed shows the opposite. Nothing else is known, so every edge of an outage is an interval: as wide as the
distance of two probes (the end's are closer together: probing is finer while probes fail) and the second one's
answer time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from conformance.model import Probe


@dataclass(frozen=True)
class Outage:
    """A row of failed probes, numbers ``first`` to ``last``. The service went between ``start_low`` and
    ``start_high`` and was back between ``end_low`` and ``end_high`` (nanoseconds); None where no answered
    probe bounds it. ``scheduled`` of the ``probes`` are not extra ones."""

    first: int
    last: int
    probes: int
    scheduled: int
    start_low: int | None
    start_high: int
    end_low: int
    end_high: int | None

    @property
    def low(self) -> int:
        """It lasted at least this long."""
        return max(0, self.end_low - self.start_high)

    @property
    def high(self) -> int | None:
        """It lasted at most this long; None when it was not seen to begin or to end."""
        if self.start_low is None or self.end_high is None:
            return None
        return self.end_high - self.start_low


def in_order(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """The probes in the order in which they were sent."""
    return tuple(sorted(probes, key=lambda p: (p.sent, p.n)))


def outages(probes: Sequence[Probe]) -> tuple[Outage, ...]:
    """Every row of consecutively sent probes that failed, in time order. ``probes`` are in order of
    sending."""
    found: list[Outage] = []
    position = 0
    rows = [(ok, list(group)) for ok, group in groupby(probes, key=lambda p: p.ok)]
    for index, (ok, row) in enumerate(rows):
        if not ok:
            following = rows[index + 1][1] if index + 1 < len(rows) else []
            found.append(
                Outage(
                    first=row[0].n,
                    last=row[-1].n,
                    probes=len(row),
                    scheduled=sum(not p.extra for p in row),
                    start_low=_answered_before(probes, position, row[0].sent),
                    start_high=min(p.done for p in row),
                    end_low=row[-1].sent,
                    end_high=min((p.done for p in following), default=None),
                )
            )
        position += len(row)
    return tuple(found)


def _answered_before(probes: Sequence[Probe], position: int, instant: int) -> int | None:
    """When the last probe was sent that had been answered by ``instant``: one still under way may have
    waited the outage out."""
    for probe in (probes[i] for i in range(position - 1, -1, -1)):
        if probe.ok and probe.done <= instant:
            return probe.sent
    return None


def longest_gap(probes: Sequence[Probe], begin: int, end: int) -> int:
    """The longest time (nanoseconds) without any probe being sent, of those that overlap [``begin``,
    ``end``]."""
    return max((b.sent - a.sent for a, b in pairwise(probes) if b.sent > begin and a.sent < end), default=0)
