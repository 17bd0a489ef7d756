"""What else a record may hold beside a service in use: other planes' probes, holders, blocks of load, replication lag.

All of it is generic: a plane, a kind of event or a lag that nobody has thought of yet is shown by its own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.model import Event, Holding, Probe
from conformance.report.span import SECOND, Span, spans
from conformance.report.wording import unit_of

_DRAWN_ELSEWHERE = {"phase", "scheme", "fault", "observation"}
_LAG = re.compile(r"(^|_)(lag|behind)(_|$)")


@dataclass(frozen=True)
class Plane:
    """Probes of one plane, one value per bin of the timeline; ``slowest_ms`` is of the answered ones."""

    name: str
    probes: list[int]
    failed: list[int]
    slowest_ms: list[float | None]


@dataclass(frozen=True)
class Lag:
    """Values that were observed of one lag: (seconds since the origin, value)."""

    name: str
    unit: str
    points: tuple[tuple[float, float], ...]


def planes(found: Mapping[str, tuple[Probe, ...]], begin: int, step: int, count: int) -> tuple[Plane, ...]:
    """Each plane's probes in ``count`` bins of ``step`` nanoseconds from ``begin``, where they were due."""
    return tuple(_plane(name, probes, begin, step, count) for name, probes in found.items() if probes)


def _plane(name: str, probes: Iterable[Probe], begin: int, step: int, count: int) -> Plane:
    plane = Plane(name, [0] * count, [0] * count, [None] * count)
    for probe in probes:
        at = min(count - 1, max(0, (probe.due - begin) // step))
        plane.probes[at] += 1
        if probe.ok:
            took = (probe.done - probe.due) / 1e6
            plane.slowest_ms[at] = max(took, plane.slowest_ms[at] or 0.0)
        else:
            plane.failed[at] += 1
    return plane


def blocks(events: Iterable[Event], origin: int) -> tuple[tuple[str, tuple[Span, ...]], ...]:
    """Kinds of events with a begin and an end that have no lanes of their own, each with its spans."""
    found = list(events)
    kinds = dict.fromkeys(e.kind for e in found if e.kind not in _DRAWN_ELSEWHERE and e.state == "begin")
    return tuple((kind, spans(found, kind, origin)) for kind in kinds)


def holders(found: Iterable[Holding], origin: int) -> tuple[tuple[str, tuple[Span, ...]], ...]:
    """For each identity who held it when: from the first of consecutive answers that said so to the last of them."""
    by_identity: dict[str, dict[str, list[Holding]]] = {}
    for look in found:
        by_identity.setdefault(look.identity, {}).setdefault(look.site, []).append(look)
    return tuple(
        (identity, tuple(sorted((s for site, looks in sites.items() for s in _held(site, looks, origin)), key=_begin)))
        for identity, sites in by_identity.items()
    )


def _held(site: str, looks: list[Holding], origin: int) -> Iterable[Span]:
    begun: Holding | None = None
    last: Holding | None = None
    for look in [*looks, None]:
        if look is not None and look.active is True:
            begun, last = begun or look, look
        elif begun is not None and last is not None and (look is None or look.active is False):
            yield Span(site, (begun.sent - origin) / SECOND, (last.done - origin) / SECOND, last.detail)
            begun = last = None


def _begin(span: Span) -> float:
    return span.begin


def lags(events: Iterable[Event], origin: int) -> tuple[Lag, ...]:
    """Every observed number whose name says that it is a lag, over time."""
    found: dict[str, list[tuple[float, float]]] = {}
    for event in events:
        for name, value in event.observed.items():
            if _LAG.search(str(name)) and isinstance(value, (int, float)) and not isinstance(value, bool):
                found.setdefault(str(name), []).append(((event.t - origin) / SECOND, float(value)))
    return tuple(Lag(*unit_of(name), tuple(points)) for name, points in found.items())
