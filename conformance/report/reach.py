"""What was observed to reach what at either site, side by side. Whether it may differ is for the checkers to say."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.model import Reach, Reachability
from conformance.report.losses import SHOWN
from conformance.report.wording import counted

_WORDS = {True: "✓ reached", False: "✗ not reached", None: "? not tried"}


@dataclass(frozen=True)
class ReachRow:
    """One attempt that came out differently at both sites, or was made at one only."""

    attempt: str
    first: str
    second: str


@dataclass(frozen=True)
class ReachComparison:
    """``summary`` counts every attempt in words; ``rows`` are the first 200 that differ."""

    summary: str
    rows: tuple[ReachRow, ...]


def compare_reach(first: Reachability | None, second: Reachability | None) -> ReachComparison | None:
    """Both observations beside each other; None when neither was made."""
    seen = [side for side in (first, second) if side is not None]
    if not seen:
        return None
    here, there = (_by_attempt(side) for side in (first, second))
    differing = [key for key in sorted({**here, **there}) if _answer(here, key) != _answer(there, key)]
    parts = [f"{side.site}: {_counts(side)}." for side in seen]
    if len(seen) == 2:
        shown = f", of which the first {SHOWN} are shown" if len(differing) > SHOWN else ""
        parts.append(f"{counted(len(differing), 'attempt')} came out differently{shown}.")
    else:
        parts.append("At the other site it was not observed.")
    rows = tuple(ReachRow(" ".join(key), _answer(here, key), _answer(there, key)) for key in differing[:SHOWN])
    return ReachComparison(" ".join(parts), rows if len(seen) == 2 else ())


Key = tuple[str, ...]


def _by_attempt(side: Reachability | None) -> dict[Key, Reach]:
    return {} if side is None else {_key(reach): reach for reach in side.reaches}


def _key(reach: Reach) -> Key:
    port = "" if reach.port is None else f"/{reach.port}"
    return (reach.source, "→", reach.target, "on", reach.network, f"{reach.protocol}{port}")


def _answer(side: dict[Key, Reach], key: Key) -> str:
    return _WORDS[side[key].reached] if key in side else "– no attempt"


def _counts(side: Reachability) -> str:
    answers = [reach.reached for reach in side.reaches]
    words = {True: "reached", False: "not reached", None: "could not be tried"}
    said = [f"{answers.count(answer)} {word}" for answer, word in words.items() if answers.count(answer)]
    return f"{counted(len(answers), 'attempt')}" + (f", {', '.join(said)}" if said else "")
