"""Draws a timeline as inline SVG."""

from __future__ import annotations

import json
import math
from itertools import groupby

from markupsafe import Markup, escape

from conformance.report import lanes, panels
from conformance.report.drawing import LEFT, PLOT, WIDTH, Drawing, nice, text_at
from conformance.report.timeline import Latency, Timeline
from conformance.report.wording import number


def draw(timeline: Timeline, ident: str) -> Markup:
    """The timeline as an ``<svg>`` element, named by ``ident`` and described by the element ``ident``-caption."""
    drawing = Drawing(timeline)
    lanes.bars(drawing, "Phases", "phase", timeline.phases)
    lanes.bars(drawing, "Scheme", "scheme", timeline.operations)
    for kind, found in timeline.blocks:
        lanes.bars(drawing, f"{kind[:1].upper()}{kind[1:]}s", "block", found)
    for identity, held in timeline.holders:
        lanes.bars(drawing, f"Holds {identity}", "holder", held)
    lanes.bars(drawing, "Faults", "fault", timeline.faults)
    lanes.recovery(drawing)
    lanes.lost_writes(drawing)
    top = drawing.y
    if timeline.used:
        panels.writes(drawing)
        panels.errors(drawing)
        panels.latency(drawing)
        panels.probe_failures(drawing)
        for plane in timeline.bins.planes:
            panels.plane(drawing, plane)
        for lag in timeline.lags:
            panels.lag(drawing, lag)
    else:
        panels.nothing(drawing)
    bottom = drawing.y - panels.GAP
    _axis(drawing, top, bottom)
    lanes.recovery_shade(drawing, top, bottom)
    lanes.site_loss(drawing, bottom)
    height = drawing.y + 4
    svg = (
        f'<svg class="timeline" id="{escape(ident)}" viewBox="0 0 {WIDTH:g} {height:.0f}" role="img"'
        f' aria-labelledby="{escape(ident)}-caption" data-left="{LEFT:g}" data-plot="{PLOT:g}" data-top="{top:.0f}"'
        f' data-bottom="{bottom:.0f}"{_readout(timeline) if timeline.used else ""}>'
    )
    return Markup(svg + drawing.parts() + "</svg>")


def _axis(drawing: Drawing, top: float, bottom: float) -> None:
    step = nice((drawing.end_s - drawing.begin_s) / 10)
    for n in range(math.ceil(drawing.begin_s / step), math.floor(drawing.end_s / step) + 1):
        at = drawing.x(n * step)
        drawing.rule(at, top, at, bottom)
        drawing.add(text_at(at, bottom + 16, f"{number(n * step)} s", "t-tick", "middle"))
    drawing.y = bottom + 20


def _readout(timeline: Timeline) -> str:
    """The attributes that let the page's script say the numbers under a cursor."""
    bins = timeline.bins

    def ms(name: str) -> list[float | None]:
        return [float(f"{getattr(item, name):.3g}") if isinstance(item, Latency) else None for item in bins.latency]

    numbers = {
        "begin": round(bins.begin_s, 3),
        "width": bins.width_s,
        "writes": bins.writes,
        "failed": bins.failed,
        "unknown": bins.unknown,
        "p50": ms("p50"),
        "p99": ms("p99"),
        # Of fewer than a hundred probes the slowest is the p99.
        "high": [] if ms("high") == ms("p99") else ms("high"),
        "probes": bins.probes,
        "bad": bins.probes_failed,
        "planes": {
            p.name: [f"{b} of {n}" if n else "" for b, n in zip(p.failed, p.probes, strict=True)] for p in bins.planes
        },
    }
    # In single quotes, so that the many double quotes of JSON need no escaping.
    text = json.dumps({name: _packed(value) for name, value in numbers.items() if _any(value)}, separators=(",", ":"))
    safe = text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")
    return f' tabindex="0" data-count="{bins.count}" data-bins=\'{safe}\''


def _packed(value: object) -> object:
    """A series as stretches of the same value where that is shorter: {"r": [value, how often, value, how often, …]}."""
    if isinstance(value, dict):
        return {name: _packed(inner) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    stretches = [part for same, run in groupby(value) for part in (same, sum(1 for _ in run))]
    return {"r": stretches} if len(stretches) < len(value) else value


def _any(value: object) -> bool:
    """Whether there is anything in a series: the script takes what is missing for zero."""
    return any(v is not None and v != 0 for v in value) if isinstance(value, list) else value != {}
