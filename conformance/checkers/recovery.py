"""When a service was back for good after the loss of its site, and the whole outage around that loss, from
its probes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from conformance.checkers.probing import Outage
from conformance.checkers.timeline import TurningPoint
from conformance.checkers.words import NANO
from conformance.model import Probe

# The service is back when it has answered for this long without a failure, by at least half of the probes
# that were due.
SUSTAINED = NANO
SUSTAINED_PERIODS = 10


@dataclass(frozen=True)
class Recovery:
    """Nanoseconds from the loss until the service was back: at least ``low``, at most ``high``; ``high``
    and ``at`` (the instant itself, at the latest) are None while it was not seen back for good.
    ``up_at_end`` is for how long it had been answering when probing ended, where that was too short to
    tell."""

    low: int
    high: int | None
    at: int | None
    up_at_end: int | None = None


def recovery(probes: Sequence[Probe], loss: TurningPoint, second: str, period: int) -> Recovery:
    """The recovery that ``probes`` (in order of sending) show. What the lost site still answered while it went down
    is no recovery; a service that comes and goes is back when it stays."""
    after = [p for p in probes if p.sent >= loss.began]
    needed = max(SUSTAINED, SUSTAINED_PERIODS * period)
    last_failed = loss.done
    up_at_end: int | None = None
    for served, group in groupby(after, key=lambda p: p.ok and p.site in (second, None)):
        row = list(group)
        if not served:
            last_failed, up_at_end = row[-1].sent, None
            continue
        start = _sustained(row, needed, period)
        if start is not None:
            at = min(p.done for p in row[start:])
            return Recovery(max(0, last_failed - loss.done), at - loss.began, at)
        up_at_end = row[-1].sent - row[0].sent
    return Recovery(max(0, last_failed - loss.done), None, None, up_at_end)


def _sustained(row: Sequence[Probe], needed: int, period: int) -> int | None:
    """Where in a row of answered probes a stretch of ``needed`` nanoseconds begins, probed at least half
    as often as due."""
    sent = [p.sent for p in row]
    for index, begin in enumerate(sent):
        if sent[-1] < begin + needed - period:
            return None
        if (bisect_right(sent, begin + needed) - index) * period * 2 >= needed:
            return index
    return None


@dataclass(frozen=True)
class WholeOutage:
    """The outage around the loss as clients met it, from the first failure to the service's being back for
    good: between ``low`` and ``high`` nanoseconds long (None: its beginning or end was not seen). ``lead``
    is how long before the loss it had certainly begun, 0 when it may have begun with it."""

    low: int
    high: int | None
    lead: int


def whole_outage(found: Sequence[Outage], loss: TurningPoint, back: Recovery) -> WholeOutage:
    """All rows of failures that reach into the time from the loss to the recovery, as one."""
    around = [
        o
        for o in found
        if (o.end_high is None or o.end_high >= loss.began)
        and (back.at is None or o.start_low is None or o.start_low < back.at)
    ]
    if not around:
        return WholeOutage(0, back.high, 0)
    first, last = around[0], around[-1]
    low = max(0, last.end_low - first.start_high)
    high = None if back.at is None or first.start_low is None else max(low, back.at - first.start_low)
    return WholeOutage(low, high, max(0, loss.began - first.start_high))


def later_outages(found: Sequence[Outage], back: Recovery) -> tuple[Outage, ...]:
    """The outages that began after the service had been back for good."""
    if back.at is None:
        return ()
    return tuple(o for o in found if o.start_low is not None and o.start_low >= back.at)
