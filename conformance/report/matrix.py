"""The requirement matrix: each clause of the catalogue beside what the run says of it, in the catalogue's order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.model import Requirement, Status
from conformance.model.results import RequirementResult, RunResult
from conformance.model.verdict import worst

NOT_TESTED_REASON = "No scenario of this run judged it."
NOT_IN_CATALOGUE = "not in the catalogue"


@dataclass(frozen=True)
class Row:
    """One clause. ``requirement`` is None when the run judged an id that the catalogue does not know; ``demand`` is
    how the profile asks for it: mandatory, optional, or None when it does not."""

    requirement: Requirement | None
    result: RequirementResult
    demand: str | None

    @property
    def title(self) -> str:
        """The clause's title, or a note that there is none."""
        return self.requirement.title if self.requirement else NOT_IN_CATALOGUE


@dataclass(frozen=True)
class UseCase:
    """A use case with its rows, the worst verdict among those the run tested, and how often each verdict stands."""

    name: str
    rows: tuple[Row, ...]
    verdict: Status
    counts: Mapping[Status, int]

    @property
    def tested(self) -> int:
        """How many of the rows the run judged: a verdict speaks of no more."""
        return len(self.rows) - self.counts.get(Status.NOT_TESTED, 0)


def matrix(result: RunResult, catalogue: Mapping[str, Requirement]) -> tuple[Row, ...]:
    """A row for every clause of the catalogue and for every other id the run judged.

    What the run says nothing about stands as ``not_tested``: a clause never disappears from a report.
    """
    judged = {r.id: r for r in result.requirements}
    ids = [*catalogue, *(name for name in judged if name not in catalogue)]
    return tuple(
        Row(
            catalogue.get(name),
            judged.get(name) or RequirementResult(name, Status.NOT_TESTED, NOT_TESTED_REASON),
            _demand(name, result),
        )
        for name in ids
    )


def use_cases(rows: tuple[Row, ...]) -> tuple[UseCase, ...]:
    """The rows grouped by use case, in order."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.requirement.use_case if row.requirement else NOT_IN_CATALOGUE, []).append(row)
    return tuple(_use_case(name, tuple(members)) for name, members in groups.items())


def _use_case(name: str, rows: tuple[Row, ...]) -> UseCase:
    verdicts = [row.result.verdict for row in rows]
    counts = {status: verdicts.count(status) for status in Status if status in verdicts}
    return UseCase(name, rows, worst(verdicts), counts)


def _demand(name: str, result: RunResult) -> str | None:
    if name in result.info.mandatory:
        return "mandatory"
    return "optional" if name in result.info.optional else None
