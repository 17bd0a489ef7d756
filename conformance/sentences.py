"""The sentences that features can use: what there is, and whether a feature keeps to it, before anything is run.

pytest-bdd finds out in mid-scenario that a sentence is not known, when a VNF is deployed and clients run; and of two
definitions that match it silently takes one.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.errors import UsageError
from conformance.link_phrases import PHRASES
from conformance.resources import closest
from conformance.site_phrases import HEALED, SITE_PHRASES, SITE_VALUES, WHICH
from conformance.vocabulary import DURING, OPERATIONS, RELAPSE

if TYPE_CHECKING:
    from pytest_bdd.parser import Step
    from pytest_bdd.steps import StepFunctionContext


@dataclass(frozen=True)
class Sentence:
    """``keyword`` is given, when or then; ``text`` has its parameters in braces; ``values`` explains them."""

    keyword: str
    text: str
    values: str = ""


def known_sentences() -> tuple[Sentence, ...]:
    """Every sentence that has been defined in this process, ours and those of a user's own modules."""
    found: list[Sentence] = []
    for context in _definitions():
        text = context.parser.name
        expanded = _EXPANSIONS.get(text)
        for one in expanded if expanded is not None else (text,):
            found.append(Sentence(context.type or "any", one, _VALUES.get(one, "")))
    order = {"given": 0, "when": 1, "then": 2}
    return tuple(sorted(dict.fromkeys(found), key=lambda s: order.get(s.keyword, 3)))


def check_sentences(path: Path) -> None:
    """Refuse a feature with a sentence that nothing, more than one thing, or an async function stands behind.

    UsageError names the file, the line and the nearest sentence.
    """
    from pytest_bdd.feature import get_feature

    feature = get_feature(str(path.parent), path.name)
    for template in feature.scenarios.values():
        rows: Iterable[dict[str, str]] = [row for e in template.examples for row in e.as_contexts()] or [{}]
        for row in rows:
            for step in template.render(row).steps:
                _check(path, step)


def _check(path: Path, step: Step) -> None:
    matching = [c for c in _definitions() if c.type in (None, step.type) and c.parser.is_matching(step.name)]
    where = f"{path}, line {step.line_number}"
    if not matching:
        known = [s.text for s in known_sentences() if s.keyword in (step.type, "any")]
        raise UsageError(
            f"{where}: nothing is known to do for the sentence {step.type.capitalize()} {step.name!r}. "
            f"{closest(step.name, known)} 'multisite-ha steps' lists them all."
        )
    if len(matching) > 1:
        names = " and ".join(f"{c.step_func.__module__}.{c.step_func.__name__}" for c in matching)
        raise UsageError(f"{where}: {step.name!r} is ambiguous, it means {names}. Reword one of their sentences.")
    if inspect.iscoroutinefunction(matching[0].step_func):
        name = matching[0].step_func.__name__
        raise UsageError(f"{where}: {step.name!r} is carried out by the async function {name}, which would never run.")


def _definitions() -> Iterator[StepFunctionContext]:
    from pytest_bdd.steps import step_function_context_registry

    yield from list(step_function_context_registry.values())


STRIKE = "a disturbance of a site"
STRIKE_DURING = "a disturbance of a site during an operation"
DISTURBANCE = "a disturbance of the link"
DISTURBANCE_DURING = "a disturbance of the link during an operation"
DISTURBANCE_AGAIN = "a disturbance of the link during catch-up"
_EXPANSIONS = {
    DISTURBANCE: tuple(p.sentence for p in PHRASES),
    DISTURBANCE_DURING: (DURING,),
    DISTURBANCE_AGAIN: (RELAPSE,),
    STRIKE: tuple(p.sentence for p in SITE_PHRASES),
    STRIKE_DURING: (DURING,),
}
_VALUES = {
    DURING: f"operation: {', '.join(OPERATIONS)}; disturbance: any sentence about the link, the WAN or a site",
    RELAPSE: "disturbance: any sentence about the link or the WAN",
    HEALED: f"which: {', '.join(WHICH)}",
    **SITE_VALUES,
}
