"""MS-GR-09: a software fault that travels with the data does not take the redundant site with it: a clean state is
regained there, and what was given up for it is stated.

Faults of which records do not tell, such as a message on which programs die, are gone from the site only when it was
looked for after the recovery and was not found any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from conformance.checkers.final_read import FinalRead, final_read
from conformance.checkers.timeline import scheme_events
from conformance.checkers.words import count, seconds, span, verb
from conformance.model import Evidence, Operation, Outcome, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue

RECOVER, SAVEPOINT, FREE_OF_FAULT = "recover", "savepoint", "free-of-fault"
SEEN_IN_RECORDS, SEEN_BY_LOOKING = ("bad-update",), ("poison-message", "bad-configuration")
"""Faults of the software that travel with the data: by what it is seen whether a site is free of them."""
NAMED = 100
# After going back the service must have served this many writes to be called a service.
SERVED_AFTER = 10

Item = tuple[str, str]


@dataclass(frozen=True)
class _Course:
    """What happened when (nanoseconds): ``kept`` is when the savepoint began, and what was acknowledged before must
    survive; ``struck`` is when the ``fault`` began, ``back`` when the recovery was over."""

    fault: str
    kept: int
    struck: int
    back: int


@dataclass
class _State:
    """The writes and records of the state regained, each in its class."""

    ruined: list[Item] = field(default_factory=list)
    doubled: list[Item] = field(default_factory=list)
    refused: list[Item] = field(default_factory=list)
    missing: list[Operation] = field(default_factory=list)
    given_up: list[Operation] = field(default_factory=list)
    lost_since: list[Operation] = field(default_factory=list)
    never_read: list[Operation] = field(default_factory=list)


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-09. Figures: ``clean`` and ``ruined`` records of the final read, ``missing`` (acknowledged before the
    savepoint and not there), ``given_up`` (acknowledged between savepoint and recovery, and not there), ``given_up_s``
    (from the savepoint to the last of these), ``lost_since`` (acknowledged after the recovery and not there),
    ``recovered_s`` (from the fault to the end of the recovery), ``served_after``. O(n)."""
    course = _course(record)
    if isinstance(course, Verdict):
        return course
    free = _free(record, course)
    if free is not None and free.status is Status.FAIL:
        return free
    read, second = final_read(record.history), record.info.second_site
    if read is None or read.site != second or read.began < course.back:
        return Verdict(Status.INCONCLUSIVE, f"There is no complete read of {second} after the recovery.")
    writes = [op for op in record.history if op.f == "write"]
    acknowledged = [op for op in writes if op.outcome is Outcome.OK]
    found = Counter(read.items())
    state = _sort(writes, found, read, course, second)
    served = sum(_done(op) > course.back and op.site == second for op in acknowledged)
    figures: dict[str, FigureValue] = {
        "clean": len(found) - len(state.ruined),
        "ruined": len(state.ruined),
        "missing": len(state.missing),
        "given_up": len(state.given_up),
        "given_up_s": seconds(max(map(_done, state.given_up), default=course.kept) - course.kept),
        "lost_since": len(state.lost_since),
        "recovered_s": seconds(course.back - course.struck),
        "served_after": served,
    }
    wrong = list(_wrong(state))
    if wrong:
        reason = f"The state regained is not clean: {'; '.join(wrong)}."
        return Verdict(Status.FAIL, reason, figures, tuple(_evidence(state)))
    if not any(_done(op) <= course.kept for op in acknowledged):
        return Verdict(Status.INCONCLUSIVE, "Nothing was written before the savepoint: nothing was at stake.", figures)
    if state.never_read:
        n = len(state.never_read)
        reason = (
            f"{count(n, 'write')} {verb(n, 'was', 'were')} acknowledged after the final read began: never looked for."
        )
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    if served < SERVED_AFTER:
        reason = f"Only {count(served, 'write')} {verb(served, 'was', 'were')} served after a clean state was regained."
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    if free is not None:
        return replace(free, figures=figures)
    n = len(state.given_up)
    reason = (
        f"A clean state was regained at {second}, {span(course.back - course.struck)} after the fault: "
        f"{count(len(found), 'record')}, all as written. For it {count(n, 'acknowledged write')} from "
        f"after the savepoint {verb(n, 'was', 'were')} given up."
    )
    return Verdict(Status.PASS, reason, figures)


def _course(record: ScenarioRecord) -> _Course | Verdict:
    """What happened, or what is to be said where the record shows no savepoint, fault and recovery in that order.

    Of several savepoints before the fault the first binds: which of them was gone back to is not on record.
    """
    names = (*SEEN_IN_RECORDS, *SEEN_BY_LOOKING)
    faults = sorted((e for e in record.fault_events() if e.name in names), key=lambda e: e.t)
    injected = next((e for e in faults if e.state == "injected" and e.ok is not False), None)
    struck = None
    if injected is not None:
        begun = [e.t for e in faults if (e.name, e.state) == (injected.name, "injecting") and e.t <= injected.t]
        struck = max(begun, default=injected.t)
    keeping = scheme_events(record, SAVEPOINT)
    kept = next((e for e in keeping if e.state == "end" and e.ok), None)
    began = None if kept is None else max((e.t for e in keeping if e.state == "begin" and e.t <= kept.t), default=None)
    if injected is None or struck is None or kept is None or began is None or kept.t > struck:
        return Verdict(Status.INCONCLUSIVE, "No savepoint followed by a fault of the software is on record.")
    attempts = [e for e in scheme_events(record, RECOVER) if e.t >= injected.t]
    if not attempts:
        return Verdict(Status.INCONCLUSIVE, "Nobody tried to regain a clean state after the fault.")
    back = next((e for e in reversed(attempts) if e.state == "end"), None)
    if back is None or back.ok is None:
        return Verdict(Status.INCONCLUSIVE, "Whether a clean state was regained is not on record: no end of it is.")
    if not back.ok:
        return Verdict(Status.FAIL, f"No clean state was regained: {back.detail or 'the scheme does not say why.'}")
    if back.target not in (None, record.info.second_site):
        return Verdict(Status.INCONCLUSIVE, f"A clean state was regained at {back.target}, not at the redundant site.")
    return _Course(injected.name, began, struck, back.t)


def _free(record: ScenarioRecord, course: _Course) -> Verdict | None:
    """What is to be said where the second site was not seen to be free of a fault that no record shows; None where it
    was, or where the records do."""
    if course.fault in SEEN_IN_RECORDS:
        return None
    second = record.info.second_site
    looks = [e for e in record.events if (e.kind, e.name, e.target) == ("observation", FREE_OF_FAULT, second)]
    looks = [e for e in looks if e.t >= course.back]
    ill = next((e for e in looks if e.ok is False), None)
    if ill is not None:
        return Verdict(Status.FAIL, f"{second} is not free of the fault {course.fault}: {ill.detail}")
    if not any(e.ok for e in looks):
        reason = f"Nobody saw, after the recovery, whether {second} is free of the fault {course.fault}."
        return Verdict(Status.INCONCLUSIVE, reason)
    return None


def _sort(writes: list[Operation], found: Counter[Item], read: FinalRead, course: _Course, second: str) -> _State:
    asked = Counter(_item(op) for op in writes if op.outcome is not Outcome.FAIL)
    refused = {_item(op) for op in writes if op.outcome is Outcome.FAIL}
    state = _State()
    for item, copies in found.items():
        if item in asked:
            if copies > asked[item]:
                state.doubled.append(item)
        else:
            (state.refused if item in refused else state.ruined).append(item)
    ruined_keys = {key for key, _ in state.ruined}
    for op in writes:
        if op.outcome is Outcome.OK and _item(op) not in found and op.key not in ruined_keys:
            _gone(state, op, read, course, second)
    return state


def _gone(state: _State, op: Operation, read: FinalRead, course: _Course, second: str) -> None:
    """A write that was acknowledged and is not there. One that the ruined site may have taken before the recovery was
    over is given up, even if its client heard of it later."""
    if _done(op) <= course.kept:
        state.missing.append(op)
    elif _done(op) >= read.began:
        state.never_read.append(op)
    elif op.invoked >= course.back or (_done(op) >= course.back and op.site == second):
        state.lost_since.append(op)
    else:
        state.given_up.append(op)


def _wrong(state: _State) -> Iterator[str]:
    for things, what, one, many in (
        (state.ruined, "record", "there is not what was written", "there are not what was written"),
        (state.missing, "write", "from before the savepoint is gone", "from before the savepoint are gone"),
        (
            state.lost_since,
            "write",
            "acknowledged after the recovery is gone",
            "acknowledged after the recovery are gone",
        ),
        (state.doubled, "record", "is there more often than written", "are there more often than written"),
        (
            state.refused,
            "record",
            "is there although its write was refused",
            "are there although their write was refused",
        ),
    ):
        n = len(things)
        if n:
            yield f"{count(n, what)} {verb(n, one, many)}"


def _evidence(state: _State) -> Iterator[Evidence]:
    for op in [*state.missing, *state.lost_since][:NAMED]:
        yield Evidence("operation", str(op.id), f"{op.key} is gone.")
    for key, value in [*state.ruined, *state.doubled, *state.refused][:NAMED]:
        yield Evidence("record", key, f"{key} holds {value!r}.")


def _item(op: Operation) -> Item:
    return op.key or "", op.value or ""


def _done(op: Operation) -> int:
    return op.invoked if op.completed is None else op.completed
