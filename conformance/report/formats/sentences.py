"""A scenario told sentence by sentence: what was carried out, and what was judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from conformance.model.results import CheckResult, ScenarioResult
from conformance.report.wording import WORDS, figure


class Done(StrEnum):
    """What is known of a sentence that acts."""

    CARRIED_OUT = "carried out"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Sentence:
    """``keyword`` is Given, When, Then, And or But. A Then sentence has its ``check``, an acting one its ``done``."""

    keyword: str
    text: str
    check: CheckResult | None = None
    done: Done | None = None


def sentences(scenario: ScenarioResult) -> tuple[Sentence, ...]:
    """All sentences of a scenario in order. Those that are judged are the last ones.

    A scenario recorded without its sentences is told by what it was judged for alone.
    """
    written = [step.partition(" ")[::2] for step in scenario.info.steps]
    acting = written[: len(written) - len(scenario.info.then)]
    judged = written[len(acting) :] or [("And" if n else "Then", then) for n, then in enumerate(scenario.info.then)]
    done = _done(scenario, len(acting))
    told = [Sentence(keyword, text, done=seen) for (keyword, text), seen in zip(acting, done, strict=True)]
    checks = {check.phrase: check for check in scenario.checks}
    return (*told, *(Sentence(keyword, text, checks.get(text)) for keyword, text in judged))


def _done(scenario: ScenarioResult, acting: int) -> list[Done]:
    """A run without an error carried out everything. Of one with an error, the record may say how far it came."""
    if scenario.finished and scenario.error is None:
        return [Done.CARRIED_OUT] * acting
    failed = scenario.failed_step
    if failed is None or failed >= acting:
        return [Done.UNKNOWN] * acting
    return [Done.CARRIED_OUT] * failed + [Done.FAILED] + [Done.NOT_REACHED] * (acting - failed - 1)


def trouble(scenario: ScenarioResult) -> str | None:
    """What keeps a scenario from being good news beside its checks; None when nothing does."""
    if scenario.error:
        return scenario.error
    if not scenario.finished:
        return "The scenario was cut short."
    return None if scenario.checks else "No check judged this scenario."


def verdict_text(check: CheckResult) -> str:
    """A verdict in full: word and reason, figures, and evidence, a line each."""
    verdict = check.verdict
    figures = [": ".join(figure(name, value)) for name, value in verdict.figures.items()]
    evidence = [f"{item.kind} {item.ref}: {item.text}" for item in verdict.evidence]
    return "\n".join([f"{WORDS[verdict.status].text}: {verdict.reason}", *figures, *evidence])
