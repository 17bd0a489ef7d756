"""The panels of a timeline: writes, what was not acknowledged, probe latency and failed probes, bin by bin."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from conformance.report.drawing import LEFT, PLOT, Drawing, line, nice, rect, short, text_at
from conformance.report.timeline import Bins
from conformance.report.tracks import Lag, Plane
from conformance.report.wording import number

GAP = 12.0


def _panel(drawing: Drawing, height: float, title: str, unit: str) -> float:
    drawing.y += 4
    y = drawing.y
    drawing.back.append(rect(LEFT, y, PLOT, height, "panel"))
    drawing.add(text_at(0, y + 12, title, "t-title"))
    drawing.add(text_at(0, y + 27, unit, "t-note"))
    drawing.y += height + GAP
    return y


def _legend(drawing: Drawing, y: float, css: str, text: str, as_line: bool = False) -> None:
    drawing.add(line(0, y + 5, 14, y + 5, css) if as_line else rect(0, y, 14, 10, css))
    drawing.add(text_at(20, y + 9, text, "t-note"))


def nothing(drawing: Drawing) -> None:
    """What stands in place of the panels when nobody used the service."""
    y = _panel(drawing, 34.0, "Service", "")
    text = "No request and no probe of the service is on record."
    drawing.add(text_at(LEFT + PLOT / 2, y + 21, text, "t-note", "middle"))


def writes(drawing: Drawing) -> None:
    """Acknowledged writes per second, the sites stacked."""
    bins, height = drawing.timeline.bins, 118.0
    y = _panel(drawing, height, "Acknowledged writes", f"per second, in {number(bins.width_s)} s bins")
    sites = sorted(bins.writes)
    base = [0.0] * bins.count
    tops: list[tuple[str, list[float], list[float]]] = []
    for site in sites:
        top = [b + n / bins.width_s for b, n in zip(base, bins.writes[site], strict=True)]
        tops.append((site, base, top))
        base = top
    ceiling = _ceiling(max(base, default=0.0))
    for value in _ticks(ceiling):
        at = y + height * (1 - value / ceiling)
        drawing.rule(LEFT, at, LEFT + PLOT, at)
        drawing.add(text_at(LEFT - 6, at + 4, number(value), "t-tick", "end"))
    for index, (site, low, high) in enumerate(tops):
        css = f"writes writes-{min(index, 3)}"
        drawing.add(f'<path d="{_steps(bins, low, high, y, height, ceiling)}" class="{css}"/>')
        _legend(drawing, y + 38 + 17 * index, css, f"taken by {site}")


def errors(drawing: Drawing) -> None:
    """Writes per second that were refused, or whose outcome is unknown."""
    bins, height = drawing.timeline.bins, 40.0
    y = _panel(drawing, height, "Not acknowledged", "writes per second")
    stacked = [f + u for f, u in zip(bins.failed, bins.unknown, strict=True)]
    ceiling = _ceiling(max(stacked, default=0) / bins.width_s)
    failed = [n / bins.width_s for n in bins.failed]
    total = [n / bins.width_s for n in stacked]
    drawing.add(f'<path d="{_steps(bins, [0.0] * bins.count, failed, y, height, ceiling)}" class="bad"/>')
    if any(bins.unknown):
        drawing.add(f'<path d="{_steps(bins, failed, total, y, height, ceiling)}" class="unknown"/>')
    drawing.add(text_at(LEFT - 6, y + 10, number(ceiling), "t-tick", "end"))
    _legend(drawing, y + 33, "bad", "refused")
    drawing.add(rect(76, y + 33, 14, 10, "unknown") + text_at(96, y + 42, "unknown", "t-note"))


def latency(drawing: Drawing) -> None:
    """Probe latency: quantiles within the span from the fastest to the slowest."""
    bins, height = drawing.timeline.bins, 128.0
    y = _panel(drawing, height, "Probe latency", "done − due, logarithmic")
    known = [latency for latency in bins.latency if latency]
    _legend(drawing, y + 38, "l-p50", "p50", as_line=True)
    _legend(drawing, y + 55, "l-p99", "p99", as_line=True)
    _legend(drawing, y + 72, "envelope", "fastest to slowest")
    if not known:
        drawing.add(text_at(LEFT + PLOT / 2, y + height / 2, "No probe succeeded.", "t-note", "middle"))
        return
    low = math.floor(math.log10(max(min(item.low for item in known), 0.001)))
    high = math.ceil(math.log10(max(max(item.high for item in known), 0.001)))
    high = max(high, low + 1)

    def at(ms: float) -> float:
        return y + height * (1 - (math.log10(max(ms, 10.0**low)) - low) / (high - low))

    for exponent in range(low, high + 1):
        drawing.rule(LEFT, at(10.0**exponent), LEFT + PLOT, at(10.0**exponent))
        drawing.add(text_at(LEFT - 6, at(10.0**exponent) + 4, _ms(10.0**exponent), "t-tick", "end"))
    tops = _heights([at(item.high) if item else None for item in bins.latency])
    lows = _heights([at(item.low) if item else None for item in bins.latency])
    answered = [item is not None for item in bins.latency]
    drawing.add(f'<path d="{_band(bins, answered, tops, lows)}" class="envelope"/>')
    drawing.add(f'<path d="{_curve(bins, [at(i.p99) if i else None for i in bins.latency])}" class="l-p99"/>')
    drawing.add(f'<path d="{_curve(bins, [at(i.p50) if i else None for i in bins.latency])}" class="l-p50"/>')


def probe_failures(drawing: Drawing) -> None:
    """The share of probes that failed."""
    bins, height = drawing.timeline.bins, 34.0
    y = _panel(drawing, height, "Probes failed", "share of those due")
    share = [f / n if n else 0.0 for f, n in zip(bins.probes_failed, bins.probes, strict=True)]
    # A single failure among thousands must stay visible: never lower than 3 of the 34 units.
    seen = [max(s, 0.09) if s else 0.0 for s in share]
    drawing.add(f'<path d="{_steps(bins, [0.0] * bins.count, seen, y, height, 1.0)}" class="bad"/>')
    drawing.add(text_at(LEFT - 6, y + 10, "100 %", "t-tick", "end"))
    drawing.add(text_at(LEFT - 6, y + height, "0", "t-tick", "end"))


def plane(drawing: Drawing, probed: Plane) -> None:
    """One further plane: the share of its probes that failed, over a line where it was probed at all."""
    bins, height = drawing.timeline.bins, 22.0
    total, bad = sum(probed.probes), sum(probed.failed)
    y = _panel(drawing, height, f"Plane {probed.name}", f"{number(bad)} of {number(total)} probes failed")
    share = [max(f / n, 0.14) if f else 0.0 for f, n in zip(probed.failed, probed.probes, strict=True)]
    drawing.add(f'<path d="{_curve(bins, [y + height - 2 if n else None for n in probed.probes])}" class="l-p50"/>')
    drawing.add(f'<path d="{_steps(bins, [0.0] * bins.count, share, y, height, 1.0)}" class="bad"/>')
    drawing.add(text_at(LEFT - 6, y + 10, "100 %", "t-tick", "end"))


def lag(drawing: Drawing, seen: Lag) -> None:
    """A replication lag as it was observed: a point each, joined by steps because nothing is known between two."""
    height = 46.0
    y = _panel(drawing, height, seen.name, seen.unit)
    inside = [(t, value) for t, value in seen.points if drawing.begin_s <= t <= drawing.end_s]
    ceiling = _ceiling(max((value for _, value in inside), default=0.0))
    for value in (0.0, ceiling):
        drawing.add(text_at(LEFT - 6, y + height * (1 - value / ceiling) + 4, number(value), "t-tick", "end"))
    places = [(short(drawing.x(t)), short(y + height * (1 - max(0.0, v) / ceiling))) for t, v in inside]
    if places:
        steps = "".join(f"H{x}V{at}" for x, at in places[1:])
        drawing.add(f'<path d="M{places[0][0]} {places[0][1]}{steps}" class="l-p50"/>')
    drawing.add("".join(f'<circle cx="{x}" cy="{at}" r="2.2" class="dot-lag"/>' for x, at in places[:300]))


def _steps(bins: Bins, low: Sequence[float], high: Sequence[float], y: float, height: float, ceiling: float) -> str:
    """A stepped area between two series; bins where both are equal are left out."""
    tops = _heights([y + height * (1 - value / ceiling) for value in high])
    lows = _heights([y + height * (1 - value / ceiling) for value in low])
    return _band(bins, [h > b for b, h in zip(low, high, strict=True)], tops, lows)


def _edges(bins: Bins) -> list[str]:
    """To a unit, about a pixel: what is finer than can be seen only makes the page larger."""
    return [str(round(LEFT + PLOT * n / bins.count)) for n in range(bins.count + 1)]


def _heights(values: Sequence[float | None]) -> list[str]:
    return ["" if value is None else str(round(value)) for value in values]


def _curve(bins: Bins, values: Sequence[float | None]) -> str:
    """A stepped line through the bins that have a value; a gap stays a gap."""
    edge, y = _edges(bins), _heights(values)
    parts: list[str] = []
    for begin, end in _runs([v is not None for v in values]):
        parts.append(f"M{edge[begin]} {y[begin]}")
        parts += _stairs(y, edge, begin, end)
    return "".join(parts)


def _band(bins: Bins, present: Sequence[bool], tops: Sequence[str], lows: Sequence[str]) -> str:
    """The stepped area between two heights, where it is present."""
    edge = _edges(bins)
    parts: list[str] = []
    for begin, end in _runs(present):
        parts.append(f"M{edge[begin]} {lows[begin]}")
        parts += _stairs(tops, edge, begin, end)
        parts += _stairs(lows[::-1], edge[::-1], bins.count - end, bins.count - begin)
        parts.append("Z")
    return "".join(parts)


def _stairs(heights: Sequence[str], edge: Sequence[str], begin: int, end: int) -> Iterator[str]:
    """One step for every stretch of bins of the same height."""
    first = begin
    for n in range(begin, end):
        if n + 1 == end or heights[n + 1] != heights[n]:
            yield f"V{heights[first]}H{edge[n + 1]}"
            first = n + 1


def _runs(present: Sequence[bool]) -> Iterator[tuple[int, int]]:
    begin: int | None = None
    for n, here in enumerate([*present, False]):
        if here and begin is None:
            begin = n
        elif not here and begin is not None:
            yield begin, n
            begin = None


def _ceiling(value: float) -> float:
    if value <= 0:
        return 1.0
    step = nice(value / 4)
    return step * math.ceil(value / step)


def _ticks(ceiling: float) -> list[float]:
    step = nice(ceiling / 4)
    return [n * step for n in range(int(ceiling / step + 0.5) + 1)]


def _ms(value: float) -> str:
    return f"{number(value / 1000)} s" if value >= 1000 else f"{number(value)} ms"
