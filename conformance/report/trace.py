"""From each clause to its evidence: the sentence that tests it, the check behind the sentence, and what that found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conformance.model import Status
from conformance.model.results import CheckResult, RunResult, ScenarioResult
from conformance.report.figures import in_words
from conformance.report.matrix import Row


@dataclass(frozen=True)
class Link:
    """One sentence of one scenario that judges a clause. ``scenario`` and ``step`` are anchors in the page;
    ``evidence`` is how many things the check names."""

    scenario: str
    name: str
    step: str
    check: CheckResult
    figures: str
    evidence: int


@dataclass(frozen=True)
class Trace:
    """A clause with all that judged it in this run; nothing when no sentence did."""

    row: Row
    clause: str
    links: tuple[Link, ...]

    @property
    def verdicts(self) -> tuple[Status, ...]:
        """The verdict of each line that the trace has in the page."""
        return tuple(link.check.verdict.status for link in self.links) or (self.row.result.verdict,)


def traces(rows: Iterable[Row], result: RunResult, anchors: Mapping[str, str]) -> tuple[Trace, ...]:
    """One trace per clause, in the matrix's order."""
    by_requirement: dict[str, list[Link]] = {}
    for scenario in result.scenarios:
        for number, check in enumerate(scenario.checks, start=1):
            link = _link(scenario, check, number, anchors[scenario.info.id])
            for requirement in check.requirements:
                by_requirement.setdefault(requirement, []).append(link)
    return tuple(Trace(row, _clause(row), tuple(by_requirement.get(row.result.id, ()))) for row in rows)


def check_anchor(scenario: str, number: int) -> str:
    """The id of the n-th check's step in the page, counted from 1."""
    return f"{scenario}c{number}"


def _link(scenario: ScenarioResult, check: CheckResult, number: int, anchor: str) -> Link:
    return Link(
        scenario=anchor,
        name=scenario.info.name,
        step=check_anchor(anchor, number),
        check=check,
        figures=in_words(check.verdict.figures),
        evidence=len(check.verdict.evidence),
    )


def _clause(row: Row) -> str:
    """Where the clause stands in its source."""
    if row.requirement is None:
        return "unknown"
    source = row.requirement.source
    sentence = f", sentence {source.sentence}" if source.sentence is not None else ""
    return f"{source.use_case}{sentence}, {source.document}"
