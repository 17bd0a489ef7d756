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


def latencies(ticks: Iterable[Tick], period: int, end: int | None = None) -> Latencies:
    """Latency from when each tick was *due*, so a late prober cannot make the service look fast.

    ``ticks`` in order of ``due``, at least one; ``period`` is the schedule's and ``end`` when it ended, nanoseconds. A
    prober that waits for an answer leaves ticks out (coordinated omission): where ticks are missing that would have
    been due while this one was under way, they are filled in as HdrHistogram's corrected recording does, each with
    what was left of the wait, and no more of them than are missing. A tick that was not answered counts as slower
    than any that was.
    """
    histogram = HdrHistogram(1, SLOWEST_US, DIGITS)
    row = list(ticks)
    filled = 0
    following = [*(tick.due for tick in row[1:]), row[-1].due + period if end is None else end]
    for tick, due_next in zip(row, following, strict=True):
        took = max(1, min(SLOWEST_US, (tick.done - tick.due) // 1000))
        left_out = max(0, round((due_next - tick.due) / period) - 1)
        waited_out = min(left_out, (tick.done - tick.due) // period)
        histogram.record_value(took if tick.answered else SLOWEST_US)
        for missed in range(1, waited_out + 1):
            histogram.record_value(max(1, took - missed * period // 1000) if tick.answered else SLOWEST_US)
        filled += waited_out
    seconds = {p: histogram.get_value_at_percentile(p) / 1e6 for p in PERCENTILES}
    return Latencies(seconds, len(row), filled)
