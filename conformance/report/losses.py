"""Operations that a check names as lost, wrong or refused, joined with what their clients were told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from conformance.model import Evidence, Operation, ScenarioRecord
from conformance.model.results import CheckResult
from conformance.report.wording import number

SHOWN = 200
KEY_KINDS = ("duplicated record",)  # kinds of evidence whose ref is the key of a record, not an operation's id
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
    "duplicated record": "duplicated",
}


@dataclass(frozen=True)
class NamedOperation:
    """``ref`` is what the evidence gives: the operation's id, or a key; ``operation`` None when the history holds none
    such. ``asked_s`` and ``told_s`` count from the timeline's origin; ``before`` and ``after`` are what the same client
    asked for next to it."""

    ref: str
    text: str
    operation: Operation | None
    told_s: float | None
    asked_s: float | None = None
    before: Operation | None = None
    after: Operation | None = None

    @property
    def took_ms(self) -> float | None:
        """How long its client waited for the answer."""
        asked = self.operation
        return None if asked is None or asked.completed is None else (asked.completed - asked.invoked) / 1e6


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


def losses(checks: Iterable[CheckResult], record: ScenarioRecord, origin: int, most: int = SHOWN) -> tuple[Losses, ...]:
    """For every check and kind of evidence that names operations: the first ``most`` with what is recorded of each."""
    groups = [(check, kind, named) for check in checks for kind, named in _by_kind(check)]
    ids = {e.ref for _, kind, named in groups for e in named[:most] if kind not in KEY_KINDS}
    keys = {e.ref for _, kind, named in groups for e in named[:most] if kind in KEY_KINDS}
    known = _known(record.history, ids, keys) if ids or keys else {}
    return tuple(
        Losses(
            kind=kind,
            phrase=check.phrase,
            operations=tuple(_named(e, known.get(e.ref), origin) for e in named[:most]),
            total=_total(check, kind, len(named)),
        )
        for check, kind, named in groups
    )


def _by_kind(check: CheckResult) -> Iterator[tuple[str, list[Evidence]]]:
    for kind in OPERATION_KINDS:
        named = [e for e in check.verdict.evidence if e.kind == kind]
        if named:
            yield kind, named


@dataclass
class _Known:
    operation: Operation
    before: Operation | None
    after: Operation | None = None


def _known(history: Iterable[Operation], ids: set[str], keys: set[str]) -> dict[str, _Known]:
    """The operations with these ids, and the writes of these keys, each with its client's neighbours; one pass."""
    found: dict[str, _Known] = {}
    last: dict[int, Operation] = {}
    awaiting: dict[int, _Known] = {}
    for operation in history:
        if operation.process in awaiting:
            awaiting.pop(operation.process).after = operation
        name = operation.key if operation.key in keys and operation.f == "write" else str(operation.id)
        if name is not None and (name in ids or name in keys):
            found[name] = awaiting[operation.process] = _Known(operation, last.get(operation.process))
        last[operation.process] = operation
    return found


def _named(evidence: Evidence, known: _Known | None, origin: int) -> NamedOperation:
    if known is None:
        return NamedOperation(evidence.ref, evidence.text, None, None)
    told, asked = known.operation.completed, known.operation.invoked
    return NamedOperation(
        ref=evidence.ref,
        text=evidence.text,
        operation=known.operation,
        told_s=None if told is None else (told - origin) / SECOND,
        asked_s=(asked - origin) / SECOND,
        before=known.before,
        after=known.after,
    )


def _total(check: CheckResult, kind: str, named: int) -> int:
    stated = check.verdict.figures.get(OPERATION_KINDS[kind])
    return max(named, int(stated)) if isinstance(stated, int) and not isinstance(stated, bool) else named


def told(item: NamedOperation) -> str:
    """What its client was told about an operation, and what the same client did next to it, in sentences."""
    operation = item.operation
    if operation is None:
        return ""
    outcome = {"ok": "acknowledged", "fail": "refused", "info": "never known"}[operation.outcome.value]
    took = "" if item.took_ms is None else f" after {number(item.took_ms)} ms"
    error = f" ({operation.error})" if operation.error else ""
    parts = [f"Operation {operation.id}, {operation.f}: {outcome}{took}{error}."]
    for word, other in (("Before it", item.before), ("After it", item.after)):
        said = (
            "nothing" if other is None else f"{other.id}, {other.f} {other.key or ''} at {other.site}: {other.outcome}"
        )
        parts.append(f"{word} client {operation.process} asked for {said}.")
    return " ".join(parts)
