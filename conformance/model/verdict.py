"""What a checker concludes, and how conclusions add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

FigureValue = float | int | str | bool | None


class Status(StrEnum):
    """The six words a verdict can be; nothing else is ever written into a report."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"
    NOT_TESTED = "not_tested"


# A proven violation outranks everything: no later trouble can undo it. A harness error outranks doubt, doubt outranks
# pass. What was not applicable or not tested only shows when there is nothing else to say.
_RANK = (
    Status.FAIL,
    Status.ERROR,
    Status.INCONCLUSIVE,
    Status.PASS,
    Status.NOT_APPLICABLE,
    Status.NOT_TESTED,
)


def worst(statuses: Iterable[Status]) -> Status:
    """The status that stands for several: fail > error > inconclusive > pass > not applicable > not tested.

    Of nothing it is ``not_tested``, never ``pass``.
    """
    return min(statuses, key=_RANK.index, default=Status.NOT_TESTED)


@dataclass(frozen=True)
class Evidence:
    """One thing to look at: ``kind`` is operation, probe, event, server, network, difference, …; ``ref`` names it
    (an operation id, a resource id); ``text`` says in words what is the matter with it."""

    kind: str
    ref: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """What one check concluded about one scenario.

    ``reason`` is a sentence for a person; ``figures`` are the measured numbers, unit in the name
    (``rto_high_s``, ``rpo_operations``); ``evidence`` names what the sentence is based on, at most a few hundred
    entries, the total always among the figures.
    """

    status: Status
    reason: str
    figures: Mapping[str, FigureValue] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
