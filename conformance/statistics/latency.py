"""Percentiles of latency from an open-loop schedule, with the ticks put back that a waiting prober left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hdrh.histogram import HdrHistogram

PERCENTILES = (50, 95, 99)
# Microseconds: three significant digits from 1 µs up to this, which also stands for "never answered".
SLOWEST_US = 120_000_000
DIGITS = 3


@dataclass(frozen=True)
class Tick:
    """One probe: when it was due by the schedule, when it was done (nanoseconds), and whether it was answered."""

    due: int
    done: int
    answered: bool = True


@dataclass(frozen=True)
class Latencies:
    """``seconds`` by percentile, of ``ticks`` recorded and ``filled`` ones that were left out while the one before
    was waited for. A percentile that lies among unanswered ticks is 120 s."""

    seconds: Mapping[int, float]
    ticks: int
    filled: int


def latencies(ticks: Iterable[Tick], period: int) -> Latencies:
    """Latency from when each tick was *due*, so a late prober cannot make the service look fast.

    ``ticks`` in order of ``due``, at least one; ``period`` is the schedule's, nanoseconds. A prober that waits for an
    answer leaves ticks out (coordinated omission): where the next tick is missing and this one was still under way
    when it would have been due, the missing ones are filled in as HdrHistogram's corrected recording does. A tick
    that was not answered counts as slower than any that was.
    """
    histogram = HdrHistogram(1, SLOWEST_US, DIGITS)
    row = list(ticks)
    filled = 0
    for tick, following in zip(row, [*row[1:], None], strict=True):
        took = max(1, min(SLOWEST_US, (tick.done - tick.due) // 1000))
        left_out = 0 if following is None else round((following.due - tick.due) / period) - 1
        before = histogram.total_count
        if not tick.answered:
            histogram.record_value(SLOWEST_US, 1 + left_out)
        elif left_out:
            histogram.record_corrected_value(took, max(1, period // 1000))
        else:
            histogram.record_value(took)
        filled += histogram.total_count - before - 1
    seconds = {p: histogram.get_value_at_percentile(p) / 1e6 for p in PERCENTILES}
    return Latencies(seconds, len(row), filled)
