"""Operations that a check names as lost, wrong or refused, joined with what their clients were told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from conformance.model import Evidence, Operation, ScenarioRecord
from conformance.model.results import CheckResult
from conformance.report.wording import number

SHOWN = 200
SECOND = 1_000_000_000

# Kinds of evidence whose ref is an operation's id, with the figure that says how many there are in all.
OPERATION_KINDS: Mapping[str, str] = {
    "lost write": "lost",
    "wrong value": "wrong_value",
    "refused write": "refused_but_present",
    "write never read": "never_read",
    "refused session": "refused",
    "session not used": "not_used",
    "operation": "rpo_operations",
}


@dataclass(frozen=True)
class NamedOperation:
    """``ref`` is the operation's id as the evidence gives it; ``operation`` None when the history holds none such.
    ``told_s`` is when its client was told, counted from the timeline's origin."""

    ref: str
    text: str
    operation: Operation | None
    told_s: float | None


@dataclass(frozen=True)
class Losses:
    """Operations of one kind that one check names: the first of them, and how many there are in all."""

    kind: str
    phrase: str
    operations: tuple[NamedOperation, ...]
    total: int

    @property
    def title(self) -> str:
        """The kind as a heading."""
        words = {"session not used": "Sessions not used", "write never read": "Writes never read"}
        return words.get(self.kind, f"{self.kind[:1].upper()}{self.kind[1:]}s")

    @property
    def note(self) -> str:
        """How many there are, how many are shown, and where the rest is."""
        shown = len(self.operations)
        if shown >= self.total:
            return f"{number(self.total)} in all."
        return (
            f"{number(self.total)} in all, of which the first {number(shown)} are named here. Every operation is in "
            "history.jsonl of the scenario's folder."
        )


def losses(checks: Iterable[CheckResult], record: ScenarioRecord, origin: int) -> tuple[Losses, ...]:
    """For every check and kind of evidence that names operations: the first 200 with what is recorded of each."""
    groups = [(check, kind, named) for check in checks for kind, named in _by_kind(check)]
    refs = {e.ref for _, _, named in groups for e in named[:SHOWN]}
    by_id = {str(o.id): o for o in record.history if str(o.id) in refs} if refs else {}
    return tuple(
        Losses(
            kind=kind,
            phrase=check.phrase,
            operations=tuple(_named(e, by_id.get(e.ref), origin) for e in named[:SHOWN]),
            total=_total(check, kind, len(named)),
        )
        for check, kind, named in groups
    )


def _by_kind(check: CheckResult) -> Iterator[tuple[str, list[Evidence]]]:
    for kind in OPERATION_KINDS:
        named = [e for e in check.verdict.evidence if e.kind == kind]
        if named:
            yield kind, named


def _named(evidence: Evidence, operation: Operation | None, origin: int) -> NamedOperation:
    told = operation.completed if operation else None
    return NamedOperation(evidence.ref, evidence.text, operation, None if told is None else (told - origin) / SECOND)


def _total(check: CheckResult, kind: str, named: int) -> int:
    stated = check.verdict.figures.get(OPERATION_KINDS[kind])
    return max(named, int(stated)) if isinstance(stated, int) and not isinstance(stated, bool) else named
