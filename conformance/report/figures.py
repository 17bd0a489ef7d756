"""Figures as a page shows them: what belongs together stands together, whoever measured it.

Nothing here knows a checker. A figure ``X_low_s`` with an ``X_high_s`` is an interval, ``X_limit_s`` beside them its
limit, and ``power`` the chance that a check would have noticed what it looked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from conformance.model.verdict import FigureValue
from conformance.report.wording import figure, number, unit_of

_SCALE = 88.0
_LIMITS = ("limit", "margin")


@dataclass(frozen=True)
class Shown:
    """One figure to read: label, value with its unit, and a small drawing of it where one says more than the number
    (empty where none does; what it shows stands in the words as well)."""

    label: str
    text: str
    drawing: Markup = Markup("")


def shown_figures(figures: Mapping[str, FigureValue]) -> tuple[Shown, ...]:
    """The figures in their order, intervals and their limits joined into one."""
    joined: dict[str, str] = {}
    for name in figures:
        for part in _parts_of_interval(name, figures):
            joined.setdefault(part, name)
    return tuple(_shown(name, value, figures) for name, value in figures.items() if joined.get(name, name) == name)


def in_words(figures: Mapping[str, FigureValue]) -> str:
    """The figures in one line."""
    return " · ".join(f"{item.label} {item.text}" for item in shown_figures(figures))


def _shown(name: str, value: FigureValue, figures: Mapping[str, FigureValue]) -> Shown:
    if _parts_of_interval(name, figures):
        return _interval(name, figures)
    label, text = figure(name, value)
    if (name == "power" or name.endswith("_power")) and _finite(value) and 0 <= float(value or 0) <= 1:
        return Shown(label, f"{float(value or 0):.0%}", _bar(0.0, float(value or 0), None, 1.0))
    return Shown(label, text)


def _parts_of_interval(low: str, figures: Mapping[str, FigureValue]) -> tuple[str, ...]:
    """The names of the figures that ``low`` makes an interval with, itself first; none when it makes none."""
    words = low.split("_")
    if "low" not in words:
        return ()
    place = len(words) - 1 - words[::-1].index("low")

    def named(word: str) -> str:
        return "_".join([*words[:place], word, *words[place + 1 :]])

    if named("high") not in figures:
        return ()
    return (low, named("high"), *(named(word) for word in _LIMITS if named(word) in figures))


def _interval(low_name: str, figures: Mapping[str, FigureValue]) -> Shown:
    _, high_name, *limits = _parts_of_interval(low_name, figures)
    low, high = figures[low_name], figures[high_name]
    limit = figures[limits[0]] if limits else None
    label, unit = unit_of(low_name)
    label = " ".join(word for word in label.split() if word.lower() != "low") or "Interval"
    space = f"\u00a0{unit}" if unit else ""
    if not _finite(high):
        text = f"at least {number(low)}{space}, without end" if _finite(low) else number(high)
    elif not _finite(low):
        text = f"at most {number(high)}{space}"
    else:
        text = f"{number(low)} to {number(high)}{space}"
    if _finite(limit):
        text += f" (limit {number(limit)}{space})"
    known = [float(value or 0) for value in (low, high, limit) if _finite(value)]
    if not (_finite(low) and _finite(high)):
        return Shown(label, text)
    return Shown(label, text, _bar(float(low or 0), float(high or 0), limit, max(known)))


def _bar(low: float, high: float, limit: FigureValue, top: float) -> Markup:
    """A range on an axis from zero (or the lowest value) to ``top``, with a tick at its limit."""
    least = min(0.0, low, float(limit or 0) if _finite(limit) else 0.0)
    reach = (top - least) * (1.06 if _finite(limit) else 1.0) or 1.0

    def at(value: float) -> str:
        return f"{_SCALE * (value - least) / reach:.1f}"

    width = max(1.5, _SCALE * (high - low) / reach)
    tick = f'<path d="M{at(float(limit or 0))} 0v10" class="g-limit"/>' if _finite(limit) else ""
    return Markup(
        f'<svg class="range" viewBox="0 0 {_SCALE:g} 10" aria-hidden="true"><path d="M0 5h{_SCALE:g}" class="g-axis"/>'
        f'<rect x="{at(low)}" y="2" width="{width:.1f}" height="6" class="g-range"/>{tick}</svg>'
    )


def _finite(value: FigureValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
