"""The paper a timeline is drawn on: one scale of time for everything, and the few shapes it is made of.

Colours are classes of the page's style sheet, so a drawing follows light, dark and paper.
"""

from __future__ import annotations

import math

from markupsafe import escape

from conformance.report.span import Span
from conformance.report.timeline import Timeline

WIDTH = 1120.0
LEFT = 178.0  # the gutter with titles, legends and axis labels
RIGHT = 14.0
PLOT = WIDTH - LEFT - RIGHT


class Drawing:
    """Parts in drawing order, and the height used so far."""

    def __init__(self, timeline: Timeline) -> None:
        bins = timeline.bins
        self.timeline = timeline
        self.back: list[str] = []
        self.grid: list[str] = []
        self.front: list[str] = []
        self.y = 24.0
        # The axis ends with the last bin, not inside it, so that bins and instants share one scale.
        self.begin_s = bins.begin_s
        self.end_s = bins.begin_s + bins.count * bins.width_s

    def x(self, seconds: float) -> float:
        """Where an instant lies; what is outside the axis lies on its edge."""
        share = (seconds - self.begin_s) / (self.end_s - self.begin_s)
        return LEFT + PLOT * min(1.0, max(0.0, share))

    def shows(self, span: Span) -> bool:
        """Whether any of a span lies on the axis."""
        return span.begin < self.end_s and (span.end is None or span.end > self.begin_s)

    def rule(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """A line of the grid, over the panels and under everything else."""
        self.grid.append(f"M{short(x1)} {short(y1)}L{short(x2)} {short(y2)}")

    def parts(self) -> str:
        """All of it, from back to front."""
        return "".join([*self.back, f'<path d="{"".join(self.grid)}" class="grid"/>', *self.front])

    def add(self, part: str) -> None:
        """Draw a part in front of everything so far."""
        self.front.append(part)


def short(value: float) -> str:
    """A coordinate to a tenth of a unit, in as few characters as that takes."""
    return f"{value:.1f}".removesuffix(".0")


def text_at(x: float, y: float, text: object, css: str = "", anchor: str = "") -> str:
    """A text with its baseline at ``y``; markup in it is escaped."""
    classes = f' class="{css}"' if css else ""
    place = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{short(x)}" y="{short(y)}"{classes}{place}>{escape(text)}</text>'


def rect(x: float, y: float, width: float, height: float, css: str, title: str = "") -> str:
    """A rectangle; ``title`` is what a pointer resting on it is told."""
    end = f"><title>{escape(title)}</title></rect>" if title else "/>"
    size = f'width="{short(max(width, 0))}" height="{short(height)}"'
    return f'<rect x="{short(x)}" y="{short(y)}" {size} class="{css}"{end}'


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """A straight line."""
    return f'<path d="M{short(x1)} {short(y1)}L{short(x2)} {short(y2)}" class="{css}"/>'


def wide(text: str) -> float:
    """About how wide a label is drawn: fonts differ, so it is generous."""
    return len(text) * 6.2 + 10


def nice(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten at or above ``value``."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= value * 0.999999)
