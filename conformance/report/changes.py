"""What changed from one run to another: verdicts, and figures that moved further than their uncertainty explains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.model import Status
from conformance.report.published import Judged, Published, intervals, single_figures
from conformance.report.wording import WORDS, figure, number, unit_of

# From what a reader hopes for to what is proven wrong.
_ORDER = tuple(
    map(
        str,
        (
            Status.PASS,
            Status.NOT_APPLICABLE,
            Status.NOT_TESTED,
            Status.INCONCLUSIVE,
            Status.ERROR,
            Status.FAIL,
        ),
    )
)


@dataclass(frozen=True)
class Change:
    """``name`` is a requirement or a check, ``what`` verdict or a figure's name; ``worse`` is None where neither
    direction is known to be better."""

    name: str
    what: str
    before: str
    after: str
    worse: bool | None = None


@dataclass(frozen=True)
class Changes:
    """``verdicts`` and ``moved`` are differences that mean something. ``unclear`` are figures that differ and whose
    uncertainty is not known, so that nobody can say whether they moved. ``gone`` and ``new`` are checks that only one
    of the runs has. ``asked`` is what was asked for differently: the profile, its version, and waivers."""

    verdicts: tuple[Change, ...]
    moved: tuple[Change, ...]
    unclear: tuple[Change, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    asked: tuple[Change, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 nothing changed; 1 a verdict became worse, or a check that passed is gone; 2 something else changed."""
        if any(change.worse for change in self.verdicts) or self.gone:
            return 1
        return 2 if self.verdicts or self.moved or self.new or self.asked else 0


def changes(before: Published, after: Published) -> Changes:
    """Compare two runs, the earlier one first."""
    pairs = [(before.checks[name], after.checks[name]) for name in before.checks if name in after.checks]
    return Changes(
        verdicts=tuple(_verdicts(before, after)),
        moved=tuple(change for old, new in pairs for change in _moved(old, new)),
        unclear=tuple(change for old, new in pairs for change in _unclear(old, new)),
        gone=tuple(name for name in before.checks if name not in after.checks),
        new=tuple(name for name in after.checks if name not in before.checks),
        asked=tuple(_asked(before, after)),
    )


def _asked(before: Published, after: Published) -> Iterator[Change]:
    """What makes the two runs' verdicts speak of different things."""
    was, now = (f"{run.profile}, version {run.profile_version or 'unknown'}" for run in (before, after))
    if was != now and None not in (before.profile_version, after.profile_version):
        yield Change("the run", "profile", was, now)
    for name in sorted(before.waivers.keys() | after.waivers.keys()):
        old, new = (run.waivers.get(name, "not waived") for run in (before, after))
        if old != new:
            yield Change(name, "waiver", old, new)


def _verdicts(before: Published, after: Published) -> Iterator[Change]:
    if before.verdict != after.verdict:
        yield _verdict("the run", before.verdict, after.verdict)
    for old, new in ((before.requirements, after.requirements), (before.checks, after.checks)):
        yield from _verdicts_of(old, new)


def _verdicts_of(before: Mapping[str, Judged], after: Mapping[str, Judged]) -> Iterator[Change]:
    for name, old in before.items():
        if name in after and old.verdict != after[name].verdict:
            yield _verdict(name, old.verdict, after[name].verdict)


def _verdict(name: str, before: str, after: str) -> Change:
    words = [WORDS[Status(word)].text for word in (before, after)]
    return Change(name, "verdict", words[0], words[1], _ORDER.index(after) > _ORDER.index(before))


def _moved(old: Judged, new: Judged) -> Iterator[Change]:
    """An interval has moved when the two have no value in common."""
    before, after = intervals(old.figures), intervals(new.figures)
    for name in before.keys() & after.keys():
        (low, high), (new_low, new_high) = before[name], after[name]
        if high < new_low or new_high < low:
            yield Change(old.name, name, _between(name, low, high), _between(name, new_low, new_high))


def _unclear(old: Judged, new: Judged) -> Iterator[Change]:
    before, after = single_figures(old.figures), single_figures(new.figures)
    for name in [n for n in before if n in after]:
        if before[name] != after[name] and not (_is_nan(before[name]) and _is_nan(after[name])):
            yield Change(old.name, name, figure(name, before[name])[1], figure(name, after[name])[1])


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _between(name: str, low: float, high: float) -> str:
    unit = unit_of(name)[1]
    return f"{number(low)} to {number(high)}{f' {unit}' if unit else ''}"
