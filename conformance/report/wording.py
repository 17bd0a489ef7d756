"""How reports word verdicts and figures: one place, so that every format says the same of the same thing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from conformance.model import Status
from conformance.model.results import RunInfo
from conformance.model.verdict import FigureValue


@dataclass(frozen=True)
class Word:
    """A verdict as a person reads it: the word, a symbol that stands beside it, and what it means for a run."""

    text: str
    symbol: str
    meaning: str


WORDS: Mapping[Status, Word] = {
    Status.PASS: Word(
        "pass",
        "✓",
        "Every mandatory requirement held: every fault was injected and seen to bite, and their checks passed.",
    ),
    Status.FAIL: Word(
        "fail",
        "✗",
        "At least one requirement is proven violated. The evidence is named below and stays in the run folder.",
    ),
    Status.INCONCLUSIVE: Word(
        "inconclusive",
        "?",
        "The record neither proves nor disproves conformance. This is not a pass: the reasons say what is missing.",
    ),
    Status.ERROR: Word(
        "error",
        "!",
        "The harness or its infrastructure failed, so something was not judged. That says nothing about the clouds.",
    ),
    Status.NOT_APPLICABLE: Word(
        "not applicable", "–", "Nothing in this run applies to the system under test, so nothing was judged."
    ),
    Status.NOT_TESTED: Word("not tested", "○", "Nothing was tested, so nothing is known."),
}

# The figures that a report picks out and shows large, or draws; checkers use exactly these names.
RTO_LOW = "rto_low_s"
RTO_HIGH = "rto_high_s"
RPO_OPERATIONS = "rpo_operations"
RPO_SECONDS = "rpo_s"

_UNITS = (
    ("_per_s", "/s"),
    ("_ops", "operations"),
    ("_ms", "ms"),
    ("_us", "µs"),
    ("_ns", "ns"),
    ("_s", "s"),
    ("_percent", "%"),
    ("_bytes", "bytes"),
    ("_mib", "MiB"),
    ("_gib", "GiB"),
)
_ACRONYMS = {name.lower(): name for name in ("RTO", "RPO", "VM", "VMs", "VIM", "RTT", "API", "MTU", "IP", "IPs", "ID")}


def number(value: FigureValue) -> str:
    """A figure for a person: at most four significant digits below a thousand, digits grouped above."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f") if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "unknown"
        if math.isinf(value):
            return "without end" if value > 0 else "−∞"
        if abs(value) >= 1000:
            return number(round(value))
        if value and abs(value) < 0.0005:
            return f"{value:.1e}"
        return f"{value:.3f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.4g}"
    return str(value)


def unit_of(name: str) -> tuple[str, str]:
    """A figure's name as (words, unit): ``rto_high_s`` is ("RTO high", "s"); the unit is "" where the name has none."""
    unit = ""
    for suffix, text in _UNITS:
        if name.endswith(suffix) and len(name) > len(suffix):
            name, unit = name.removesuffix(suffix), text
            break
    words = " ".join(_ACRONYMS.get(word, word) for word in name.split("_"))
    return words[:1].upper() + words[1:], unit


def figure(name: str, value: FigureValue) -> tuple[str, str]:
    """A figure as (label, value with its unit)."""
    label, unit = unit_of(name)
    text = number(value)
    known = value is not None and not (isinstance(value, float) and not math.isfinite(value))
    return label, f"{text} {unit}" if unit and known and not isinstance(value, (str, bool)) else text


def duration(seconds: float | None) -> str:
    """A length of time: ``12.3 s``, ``4 min 05 s``; ``unknown`` when it was never recorded."""
    if seconds is None:
        return "unknown"
    if seconds < 60:
        return f"{number(float(seconds))} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def profile_of(info: RunInfo) -> str:
    """Its name, and the version of its lists."""
    return info.profile if info.profile_version is None else f"{info.profile}, version {info.profile_version}"


def counted(n: int, one: str, many: str | None = None) -> str:
    """``1 check``, ``3 checks``."""
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def brief(value: object) -> str:
    """A measured value of any kind in words, of which at most 300 characters are kept."""
    text = _words(value)
    return text if len(text) <= 300 else f"{text[:299]}…"


def _words(value: object) -> str:
    if value is None or isinstance(value, (bool, int, float)):
        return "none" if value is None else number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_words(inner) for inner in value) or "none"
    return str(value)
