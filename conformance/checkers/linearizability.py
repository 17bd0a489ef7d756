"""MS-GR-13: every register reads as if there were one copy of it (linearizability, register by register).

Two sites that both took writes, a replica that was promoted without the last of them, a front-end that still reads the
old primary: to clients all of these look like a register of which there are two. What is linearizable register by
register is so as a whole, so each is judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.checkers.linearizing import Found, linearize
from conformance.checkers.registers import GET, PUT, Access, accesses, swap, that_matter
from conformance.checkers.timeline import TurningPoint, turning_point
from conformance.checkers.witness import Witness, witness
from conformance.checkers.words import count, listed, span, verb, whole
from conformance.model import Evidence, Operation, Outcome, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue

STEPS = 20_000_000
"""Effort for all registers of a record together (20 s or less), and STEPS_EACH for one of them, in steps of the search.
Both grow with the operations: an ordinary record takes less than ten steps for each."""
STEPS_EACH = 2_000_000
STEPS_PER_OPERATION = 20
EXPLAINED = 5
NAMED = 50
SHOWN = 20
"""Of a witness that is not minimal, how many accesses before the culprit are shown."""


@dataclass
class _Judged:
    """The registers, each in its class."""

    bad: dict[str, Sequence[Access]]
    undecided: list[str]
    steps: int = 0


def check(record: ScenarioRecord) -> Verdict:
    """Judge that registers behave as one copy. Figures: ``registers``, ``register_operations`` and of them
    ``gets``, ``puts``, ``swaps``, ``refused`` and ``unknown``; ``violated``, ``undecided``, ``across`` (registers
    written before the turning point and read after it), ``search_steps``."""
    by_key = accesses(record.history)
    figures = _totals(record.history)
    figures["registers"] = len(by_key)
    if not any(access.ended is not None for each in by_key.values() for access in each):
        return Verdict(Status.INCONCLUSIVE, "No operation on a register was answered, so nothing is known.", figures)
    judged = _search_all(by_key)
    turn = turning_point(record)
    across = 0 if turn is None else sum(_across(each, turn) for each in by_key.values())
    figures |= {"violated": len(judged.bad), "undecided": len(judged.undecided), "across": across}
    figures["search_steps"] = judged.steps
    if judged.bad:
        return _violated(judged, by_key, record.history, turn, figures)
    if judged.undecided:
        n = len(judged.undecided)
        reason = (
            f"For {n} of {count(len(by_key), 'register')} no order was found and none was ruled out within the effort "
            f"there is: {listed(judged.undecided)}."
        )
        evidence = tuple(Evidence("register", key, f"{key} was not decided.") for key in judged.undecided[:NAMED])
        return Verdict(Status.INCONCLUSIVE, reason, figures, evidence)
    if turn is None:
        return Verdict(Status.INCONCLUSIVE, "Nothing on record could have made two copies of a register.", figures)
    if not across:
        reason = f"No register was written before {turn.what} and read afterwards, so nothing was at stake."
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    reason = (
        f"{whole(len(by_key), 'register')} {verb(len(by_key), 'reads', 'read')} as one copy over "
        f"{count(sum(map(len, by_key.values())), 'operation')}; {across} of them {verb(across, 'was', 'were')} written "
        f"before {turn.what} and read afterwards."
    )
    return Verdict(Status.PASS, reason, figures)


def _totals(history: Sequence[Operation]) -> dict[str, FigureValue]:
    """How many of each there are."""
    names = {GET: "gets", PUT: "puts", "cas": "swaps"}
    figures: dict[str, FigureValue] = dict.fromkeys(["register_operations", *names.values(), "refused", "unknown"], 0)
    ops = [op for op in history if op.f in names]
    figures["register_operations"] = len(ops)
    for f, name in names.items():
        figures[name] = sum(op.f == f and op.outcome is Outcome.OK for op in ops)
    figures["refused"] = sum(op.outcome is Outcome.FAIL for op in ops)
    figures["unknown"] = sum(op.outcome is Outcome.INFO for op in ops)
    return figures


def _search_all(by_key: Mapping[str, Sequence[Access]]) -> _Judged:
    """Search every register for an order, the small ones first: they are sure to be decided."""
    judged = _Judged({}, [])
    budget = STEPS + STEPS_PER_OPERATION * sum(map(len, by_key.values()))
    for key, each in sorted(by_key.items(), key=lambda item: len(item[1])):
        relevant = that_matter(each)
        search = linearize(relevant, min(budget - judged.steps, STEPS_EACH + STEPS_PER_OPERATION * len(each)))
        judged.steps += search.steps
        if search.found is Found.NO_ORDER:
            judged.bad[key] = relevant
        elif search.found is Found.GAVE_UP:
            judged.undecided.append(key)
    judged.undecided.sort()
    return judged


def _across(each: Sequence[Access], turn: TurningPoint) -> bool:
    """Whether a register was certainly written before the turning point and read after it."""
    written = any(access.writes and access.ended is not None and access.ended <= turn.began for access in each)
    return written and any(a.reads and a.ended is not None and a.begun >= turn.done for a in each)


def _violated(
    judged: _Judged,
    by_key: Mapping[str, Sequence[Access]],
    history: Sequence[Operation],
    turn: TurningPoint | None,
    figures: dict[str, FigureValue],
) -> Verdict:
    """Name the registers, and explain some of them: the ones with the fewest operations are the easiest to follow."""
    evidence: list[Evidence] = []
    first = ""
    for key, each in list(judged.bad.items())[:EXPLAINED]:
        found = witness(each)
        why = _why(found, history)
        first = first or f" {key}: {_said(found.culprit)}: {why}."
        evidence += _shown(key, found, why, turn)
    names = list(judged.bad)
    evidence += [Evidence("register", key, f"{key} does not read as one copy.") for key in names[EXPLAINED:NAMED]]
    reason = (
        f"{len(names)} of {count(len(by_key), 'register')} {verb(len(names), 'does', 'do')} not read as one copy: "
        f"{listed(names)}.{first}"
    )
    return Verdict(Status.FAIL, reason, figures, tuple(evidence))


def _shown(key: str, found: Witness, why: str, turn: TurningPoint | None) -> Iterator[Evidence]:
    """The operation that cannot be placed, then what it contradicts, in the order begun."""
    culprit = found.culprit.op
    yield Evidence("operation", str(culprit.id), f"{key}: {_said(found.culprit)} {_when(culprit, turn)}: {why}.")
    around = [access for access in found.accesses if access.op.id != culprit.id]
    for access in around if found.minimal else around[-SHOWN:]:
        text = f"{key}: {_said(access)} {_when(access.op, turn)}; with operation {culprit.id} that cannot be."
        yield Evidence("operation", str(access.op.id), text)


def _said(access: Access) -> str:
    """What a client did and was told, in words."""
    op = access.op
    told = "" if op.outcome is Outcome.OK else ", outcome unknown"
    if op.f == GET:
        done = f"read {_value(op.value)}"
    elif op.f == PUT:
        done = f"wrote {_value(op.value)}"
    else:
        old, new = swap(op)
        done = f"replaced {_value(old)} by {_value(new)}"
    return f"operation {op.id}, client {op.process} {done} at {op.site}{told}"


def _value(value: str | None) -> str:
    return "nothing" if value is None else repr(value)


def _when(op: Operation, turn: TurningPoint | None) -> str:
    """When it was asked, and how long it took."""
    asked = f"(asked {turn.relative(op.invoked)}" if turn else f"(asked at {op.invoked} ns"
    return f"{asked}, no answer)" if op.completed is None else f"{asked}, {span(op.completed - op.invoked)} long)"


def _why(found: Witness, history: Sequence[Operation]) -> str:
    """What kind of contradiction it is."""
    culprit = found.culprit
    writers = [a for a in found.accesses if a.writes and a.new == culprit.old and a.op.id != culprit.op.id]
    if culprit.reads and culprit.old is not None and not writers:
        return _never_written(culprit, history)
    others = [a for a in found.accesses if a.writes and a.op.id != culprit.op.id and a not in writers]
    later = [
        other
        for other in others
        if other.ended is not None
        and other.ended < culprit.begun
        and all(w.ended is not None and w.ended < other.begun for w in writers)
    ]
    if culprit.reads and found.minimal and len(later) == 1 and len(found.accesses) == len(writers) + 2:
        was = "the register was still empty" if culprit.old is None else f"{_value(culprit.old)} is an older value"
        return f"{was}, operation {later[0].op.id} had written {_value(later[0].new)} since"
    n = len(found.accesses) - 1
    return f"no order of it and {count(n, 'other operation')} explains every answer"


def _never_written(culprit: Access, history: Sequence[Operation]) -> str:
    """Where a value may come from that no access had written by then."""
    for op in history:
        if op.key != culprit.op.key or op.f not in (PUT, "cas"):
            continue
        if (op.value if op.f == PUT else swap(op)[1]) == culprit.old:
            if op.outcome is Outcome.FAIL:
                return f"that value was refused to its writer (operation {op.id}: {op.error or 'no reason given'})"
            return f"operation {op.id} began to write that value only later"
    return "nobody ever wrote that value"
