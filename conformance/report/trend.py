"""trend.html: verdicts and figures over many runs, as one page in the report's own looks that asks nobody anything."""

from __future__ import annotations

import base64
import hashlib
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from conformance.model import Status
from conformance.report.drawing import line, nice, rect, short, text_at
from conformance.report.html import page_environment
from conformance.report.published import Judged, Published, intervals, single_figures
from conformance.report.wording import RPO_OPERATIONS, RPO_SECONDS, WORDS, figure, number, unit_of

_TEMPLATES = Path(__file__).parent / "templates"
_STEP, _LEFT, _HEIGHT, _TOP = 46.0, 64.0, 150.0, 12.0
_SINGLE = (RPO_OPERATIONS, RPO_SECONDS)
"""Figures without an interval that are drawn all the same: they are counted, not measured."""


@dataclass(frozen=True)
class Mark:
    """One run's value in a chart, at least ``low`` and at most ``high`` (infinite: without end), and its verdict."""

    run: int
    low: float
    high: float
    verdict: str
    text: str


@dataclass(frozen=True)
class Chart:
    """One figure of one requirement over the runs that have it."""

    requirement: str
    figure: str
    marks: tuple[Mark, ...]

    @property
    def title(self) -> str:
        """What is drawn, with its unit."""
        label, unit = unit_of(self.figure)
        return f"{label}, {unit}" if unit else label


def render_trend(runs: Sequence[Published], problems: Iterable[str], beside: Path) -> str:
    """The page. ``runs`` are in the order of time; ``beside`` is the folder it will lie in, for links to reports."""
    environment: Environment = page_environment()
    style = "".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "trend.css"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    ids = list(dict.fromkeys(name for run in runs for name, r in run.requirements.items() if _said(r)))
    page = environment.get_template("trend.html.j2").render(
        style=Markup(style),
        style_hash=Markup(f"sha256-{digest}"),
        runs=runs,
        links=[_link(run, beside) for run in runs],
        problems=list(problems),
        rows=[(name, [run.requirements.get(name) for run in runs]) for name in ids],
        charts=[(chart, Markup(_draw(chart, len(runs)))) for chart in charts(runs)],
    )
    return page.lstrip()


def charts(runs: Sequence[Published]) -> list[Chart]:
    """Every interval figure, and every counted loss, that at least one run has; by requirement."""
    found: dict[tuple[str, str], list[Mark]] = {}
    for number_, run in enumerate(runs):
        for name, judged in run.requirements.items():
            for what, (low, high) in intervals(judged.figures).items():
                mark = Mark(number_, low, high, judged.verdict, _span(what, low, high))
                found.setdefault((name, what), []).append(mark)
            for what, value in single_figures(judged.figures).items():
                if what in _SINGLE and _is_number(value):
                    mark = Mark(number_, float(value), float(value), judged.verdict, figure(what, value)[1])
                    found.setdefault((name, what), []).append(mark)
    return [Chart(name, what, tuple(marks)) for (name, what), marks in sorted(found.items())]


def _draw(chart: Chart, runs: int) -> str:
    width = _LEFT + runs * _STEP + 12
    finite = [v for mark in chart.marks for v in (mark.low, mark.high) if math.isfinite(v)]
    top = nice(max([*finite, 0.0]) * 1.05) or 1.0

    def y(value: float) -> float:
        return _TOP + _HEIGHT * (1 - min(max(value, 0.0), top) / top)

    parts = []
    for share in (0.0, 0.5, 1.0):
        parts.append(line(_LEFT, y(top * share), width - 12, y(top * share), "grid"))
        parts.append(text_at(_LEFT - 8, y(top * share) + 4, number(top * share), "tick", "end"))
    for mark in chart.marks:
        x = _LEFT + (mark.run + 0.5) * _STEP
        high = _TOP - 6 if math.isinf(mark.high) else y(mark.high)
        height = max(y(mark.low) - high, 4.0)
        said = f"Run {mark.run + 1}: {mark.text}, {WORDS[Status(mark.verdict)].text}"
        parts.append(rect(x - 7, min(high, y(mark.low) - 4), 14, height, f"mark v-{mark.verdict}", said))
        parts.append(text_at(x, min(high, y(mark.low) - 4) - 3, WORDS[Status(mark.verdict)].symbol, "sign", "middle"))
    for run in range(runs):
        parts.append(text_at(_LEFT + (run + 0.5) * _STEP, _TOP + _HEIGHT + 18, str(run + 1), "tick", "middle"))
    box = f'viewBox="0 -12 {short(width)} {short(_HEIGHT + _TOP + 38)}" width="{short(width)}"'
    label = f"{chart.requirement} {chart.title}: " + "; ".join(f"run {m.run + 1} {m.text}" for m in chart.marks)
    return f'<svg {box} role="img" aria-label="{Markup.escape(label)}" class="trend">{"".join(parts)}</svg>'


def _said(judged: Judged) -> bool:
    return judged.verdict != str(Status.NOT_TESTED)


def _span(name: str, low: float, high: float) -> str:
    unit = unit_of(name)[1]
    return f"{number(low)} to {number(high)}{f' {unit}' if unit and math.isfinite(high) else ''}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _link(run: Published, beside: Path) -> str | None:
    page = run.place / "report.html"
    return Path(os.path.relpath(page.resolve(), beside)).as_posix() if page.is_file() else None
