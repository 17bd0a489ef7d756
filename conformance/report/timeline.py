"""The numbers behind a scenario's timeline: what happened, put into equal bins of time.

Everything is counted once, so the work grows with the record, never with its square. Decimation is honest: a bin keeps
its extremes (slowest and fastest answer) and counts every failure in it; nothing is smoothed or sampled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from conformance.model import Operation, Outcome, Probe, ScenarioRecord
from conformance.model.thresholds import MANUAL
from conformance.report.faultlog import FaultRun, fault_runs
from conformance.report.keyfigures import Bracket
from conformance.report.span import SECOND, Span, spans
from conformance.report.tracks import Lag, Plane, blocks, holders, lags, planes
from conformance.report.wording import number

SITE_LOSS = "site-loss"
_NICE_MS = (10, 20, 50, 100, 200, 500)
_NICE_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Latency:
    """Answer times of the successful probes due in one bin, in milliseconds (done − due)."""

    low: float
    p50: float
    p99: float
    high: float


@dataclass(frozen=True)
class Bins:
    """One value per bin, the first beginning ``begin_s`` after the origin. ``writes`` are acknowledged writes by the
    site that took them; ``failed`` and ``unknown`` are writes by when their outcome was known (never known: when they
    were asked); probes are put where they were due."""

    begin_s: float
    width_s: float
    count: int
    writes: dict[str, list[int]]
    failed: list[int]
    unknown: list[int]
    latency: list[Latency | None]
    probes: list[int]
    probes_failed: list[int]
    planes: tuple[Plane, ...] = ()


@dataclass(frozen=True)
class SiteLoss:
    """The loss of the first site: it began at ``begin`` and was complete at ``done``."""

    site: str
    begin: float
    done: float

    def __str__(self) -> str:
        begin, done = round(self.begin, 2), round(self.done, 2)
        return f"{self.site} lost at {number(done)} s" if begin == done else f"{self.site} lost at {begin}–{done} s"


@dataclass(frozen=True)
class Recovery:
    """The recovery time as the checker measured it, counted from the loss: the service was certainly gone until
    ``surely`` and back at ``back`` at the latest (None: not seen back)."""

    bracket: Bracket
    surely: float
    back: float | None


@dataclass(frozen=True)
class LostWrites:
    """Acknowledged writes that are gone, as the checker counted them, acknowledged between ``begin`` and ``end``."""

    operations: int
    begin: float
    end: float


@dataclass(frozen=True)
class Timeline:
    """Everything to draw. Times are seconds since ``origin`` (CLOCK_MONOTONIC nanoseconds), the first of the scenario's
    record, which lasted ``length_s``. ``used`` is whether anybody used or probed the service: then the bins cover the
    time in which that was done, else the whole record."""

    origin: int
    length_s: float
    used: bool
    bins: Bins
    phases: tuple[Span, ...]
    operations: tuple[Span, ...]
    faults: tuple[Span, ...]
    site_loss: SiteLoss | None
    recovery: Recovery | None
    lost_writes: LostWrites | None
    rto_s: float
    blocks: tuple[tuple[str, tuple[Span, ...]], ...] = ()
    holders: tuple[tuple[str, tuple[Span, ...]], ...] = ()
    lags: tuple[Lag, ...] = ()


def build_timeline(
    record: ScenarioRecord, bracket: Bracket | None, lost: tuple[int, float | None] | None, max_bins: int
) -> Timeline | None:
    """The timeline of a record, or None when nothing with a time is in it.

    ``bracket`` is the recovery time and ``lost`` the lost operations with the seconds they reach back, as the checkers
    measured them, counted from the loss of the first site; they are repeated here, never measured again.
    """
    noted = _extent((e.t, e.t) for e in record.events)
    used = _extent(
        chain(
            ((o.invoked, o.completed or o.invoked) for o in record.history),
            ((p.due, p.done) for p in chain(record.probes, *record.planes.values())),
        )
    )
    ends = [extent for extent in (noted, used) if extent]
    if not ends:
        return None
    origin, last = min(begin for begin, _ in ends), max(end for _, end in ends)
    window = _window(used or (origin, last), origin, last)
    runs = fault_runs(record.events)
    loss = _site_loss(runs, record.info.first_site, origin)
    edge = None if loss is None else origin + round(loss.done * SECOND)
    return Timeline(
        origin=origin,
        length_s=(last - origin) / SECOND,
        used=used is not None,
        bins=_bins(record, origin, window, edge, max_bins),
        phases=spans(record.events, "phase", origin),
        operations=spans(record.events, "scheme", origin),
        faults=tuple(_fault_span(run, origin) for run in runs),
        site_loss=loss,
        recovery=_recovery(loss, bracket) if loss and bracket else None,
        lost_writes=_lost_writes(loss, lost) if loss and lost else None,
        # From an order on it counts elsewhere than from the loss, where the line would be drawn.
        rto_s=math.inf if record.info.thresholds.trigger == MANUAL else record.info.thresholds.rto_s,
        blocks=blocks(record.events, origin),
        holders=holders(record.holders, origin),
        lags=lags(record.events, origin),
    )


def bin_width_s(length_s: float, max_bins: int, least_s: float) -> float:
    """The smallest round width in seconds, not below ``least_s``, that needs at most ``max_bins`` bins."""
    for width in (*(ms / 1000 for ms in _NICE_MS), *_NICE_S):
        if width >= least_s and length_s / width <= max_bins:
            return float(width)
    return float(math.ceil(length_s / max_bins / 3600) * 3600)


def quantile(ordered: Sequence[float], q: float) -> float:
    """The nearest-rank quantile of an ordered, non-empty sequence: always a value that was measured."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def _extent(times: Iterable[tuple[int, int]]) -> tuple[int, int] | None:
    first: int | None = None
    last = 0
    for begin, end in times:
        first = begin if first is None or begin < first else first
        last = max(last, end)
    return None if first is None else (first, last)


def _window(used: tuple[int, int], origin: int, last: int) -> tuple[int, int]:
    """What is drawn: the time in which the service was used and a little on both sides, within the record. Deploying
    and tidying up take longer than what a reader wants to see, and have no service to show."""
    margin = (used[1] - used[0]) // 25
    return max(origin, used[0] - margin), min(last, used[1] + margin)


def _bins(record: ScenarioRecord, origin: int, window: tuple[int, int], edge: int | None, max_bins: int) -> Bins:
    """``edge`` is an instant that must fall between two bins: before and after the loss are never mixed in one."""
    begin, end = window
    length = max((end - begin) / SECOND, 0.001)
    # Fewer than ten probes have no quantiles worth the name.
    width = bin_width_s(length, max_bins, 10 * record.info.probe_interval_ns / SECOND)
    step = round(width * SECOND)
    if edge is not None and begin < edge:
        begin = edge - math.ceil((edge - begin) / step) * step
    count = max(1, math.ceil((end - begin) / step))

    def place(t: int) -> int:
        return min(count - 1, max(0, (t - begin) // step))

    writes: dict[str, list[int]] = {}
    failed, unknown = [0] * count, [0] * count
    for operation in record.history:
        if operation.f == "write":
            _count_write(operation, place(operation.completed or operation.invoked), writes, failed, unknown)
    probes, probes_failed = [0] * count, [0] * count
    answers: list[list[float]] = [[] for _ in range(count)]
    for probe in record.probes:
        _count_probe(probe, place(probe.due), probes, probes_failed, answers)
    return Bins(
        begin_s=(begin - origin) / SECOND,
        width_s=width,
        count=count,
        writes=writes,
        failed=failed,
        unknown=unknown,
        latency=[_latency(a) for a in answers],
        probes=probes,
        probes_failed=probes_failed,
        planes=planes(record.planes, begin, step, count),
    )


def _count_write(
    operation: Operation, at: int, writes: dict[str, list[int]], failed: list[int], unknown: list[int]
) -> None:
    if operation.outcome is Outcome.OK:
        site = operation.site or "unknown site"
        if site not in writes:
            writes[site] = [0] * len(failed)
        writes[site][at] += 1
    elif operation.outcome is Outcome.FAIL:
        failed[at] += 1
    else:
        unknown[at] += 1


def _count_probe(probe: Probe, at: int, probes: list[int], failed: list[int], answers: list[list[float]]) -> None:
    probes[at] += 1
    if probe.ok:
        answers[at].append((probe.done - probe.due) / 1e6)
    else:
        failed[at] += 1


def _latency(answers: list[float]) -> Latency | None:
    if not answers:
        return None
    answers.sort()
    return Latency(answers[0], quantile(answers, 0.5), quantile(answers, 0.99), answers[-1])


def _site_loss(runs: Iterable[FaultRun], site: str, origin: int) -> SiteLoss | None:
    for run in runs:
        done = run.injected
        if run.name == SITE_LOSS and run.target == site and done is not None and done.ok is not False:
            begin = run.injecting or done
            return SiteLoss(site, (begin.t - origin) / SECOND, (done.t - origin) / SECOND)
    return None


def _recovery(loss: SiteLoss, bracket: Bracket) -> Recovery:
    """At least ``low`` counts from when the site was gone, at most ``high`` from when it began to go."""
    surely = loss.done + (bracket.low or 0.0)
    return Recovery(bracket, surely, None if bracket.endless else max(surely, loss.begin + bracket.high))


def _lost_writes(loss: SiteLoss, lost: tuple[int, float | None]) -> LostWrites | None:
    operations, seconds = lost
    return LostWrites(operations, loss.done - seconds, loss.done) if operations and seconds is not None else None


def _fault_span(run: FaultRun, origin: int) -> Span:
    label = f"{run.name} {run.target}" if run.target else run.name
    if run.skipped:
        at = (run.begin - origin) / SECOND
        return Span(f"{label} not injected", at, at, run.skipped.detail)
    end = None if run.end is None else (run.end - origin) / SECOND
    detail = run.verified.detail if run.verified else "never verified"
    return Span(label, (run.begin - origin) / SECOND, end, detail, run.bit)
