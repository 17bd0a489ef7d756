"""MS-GR-03: what a client has written or read stays so for that client, across the failover: session guarantees.

Judged client by client, from registers: *read your writes*, *monotonic reads* and *monotonic writes*; and from the
final read: a client's records are stored in the order it wrote them. A replica that is behind violates none of these as
long as each client finds there what it has seen already, so this is less than linearizability asks.

A value is certainly older than another when somebody had been told of it (its write was acknowledged, or it was read)
before the write of the other was begun. Nothing else is called older.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from conformance.checkers.final_read import final_read
from conformance.checkers.registers import FUNCTIONS, GET, PUT, Value, swap
from conformance.checkers.timeline import TurningPoint, turning_point
from conformance.checkers.words import count, verb, whole
from conformance.model import Evidence, Operation, Outcome, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue

NAMED = 100
_NEVER = 1 << 63
_ALWAYS = -1
KINDS = {
    "read_your_writes": "a client did not find what it had written",
    "monotonic_reads": "a client read an older value than it had read before",
    "monotonic_writes": "two writes of one client appeared in the wrong order",
    "stored_order": "a client's record is stored before one it had written earlier",
    "unexplained": "a client read a value that nobody had written",
}


@dataclass(frozen=True)
class Violation:
    """``op`` shows it; ``against`` is what the client knew before (None: nothing needed)."""

    kind: str
    op: Operation
    against: Operation | None
    text: str


@dataclass
class _Register:
    """What is known of one register's values. ``told``: the first instant somebody was told of a value."""

    written: dict[Value, Operation] = field(default_factory=dict)
    ambiguous: set[Value] = field(default_factory=set)
    told: dict[Value, int] = field(default_factory=lambda: {None: _ALWAYS})


@dataclass
class _Known:
    """The newest that one client knows of one register: what it wrote, and what it read; by when that write began."""

    wrote: tuple[int, Operation] | None = None
    read: tuple[int, Operation] | None = None


def check(record: ScenarioRecord) -> Verdict:
    """Judge the session guarantees. Figures: a count for each of KINDS, ``clients``, ``reads``, ``stale_reads`` (of
    values certainly overwritten when the read began: reported, not judged), ``across`` (reads after the turning point
    of what the client knew before it), ``ambiguous`` (values written twice, which tell nothing)."""
    turn = turning_point(record)
    by_key = _by_key(record.history)
    registers = {key: _register(ops) for key, ops in by_key.items()}
    violations = [v for key, ops in by_key.items() for v in _violations(ops, registers[key])]
    violations += _stored_order(record.history)
    kinds = Counter(v.kind for v in violations)
    reads = [op for ops in by_key.values() for op in ops if op.f == GET]
    figures: dict[str, FigureValue] = {
        "clients": len({op.process for op in reads}),
        "reads": len(reads),
        "stale_reads": sum(_stale_reads(ops, registers[key]) for key, ops in by_key.items()),
        "across": 0 if turn is None else sum(_across(ops, turn) for ops in by_key.values()),
        "ambiguous": sum(len(register.ambiguous) for register in registers.values()),
        **{kind: kinds[kind] for kind in KINDS},
    }
    if violations:
        violations.sort(key=lambda v: v.op.invoked)
        what = "; ".join(f"{words} ({count(kinds[kind], 'time')})" for kind, words in KINDS.items() if kinds[kind])
        evidence = tuple(_evidence(v, turn) for v in violations[:NAMED])
        reason = f"{what[0].upper()}{what[1:]}. First: {violations[0].text}."
        return Verdict(Status.FAIL, reason, figures, evidence)
    if not reads:
        return Verdict(Status.INCONCLUSIVE, "No register was read, so what clients see is not known.", figures)
    if turn is None:
        return Verdict(Status.INCONCLUSIVE, "Nothing on record could have taken from clients what they knew.", figures)
    if not figures["across"]:
        reason = f"No client read after {turn.what} what it had written or read before it, so nothing was at stake."
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    clients, across = len({op.process for op in reads}), sum(_across(ops, turn) for ops in by_key.values())
    reason = (
        f"{whole(clients, 'client')} found what {verb(clients, 'it', 'they')} had written and read in "
        f"{count(len(reads), 'read')}, {across} of them after {turn.what} of what {verb(clients, 'it', 'they')} knew "
        "from before."
    )
    return Verdict(Status.PASS, reason, figures)


def _by_key(history: Iterable[Operation]) -> dict[str, list[Operation]]:
    """The register operations that may have happened, in the order invoked; gets without an answer are left out."""
    found: dict[str, list[Operation]] = {}
    for op in history:
        if op.f in FUNCTIONS and op.outcome is not Outcome.FAIL and not (op.f == GET and op.outcome is Outcome.INFO):
            found.setdefault(op.key or "", []).append(op)
    for ops in found.values():
        ops.sort(key=lambda op: op.invoked)
    return found


def _effect(op: Operation) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """What an operation read and what it wrote: nothing, or one value."""
    if op.f == GET:
        return (op.value,), ()
    if op.f == PUT:
        return (), (op.value,)
    old, new = swap(op)
    return ((old,) if op.outcome is Outcome.OK else ()), (new,)


def _register(ops: Sequence[Operation]) -> _Register:
    register = _Register()
    for op in ops:
        read, wrote = _effect(op)
        for value in wrote:
            if value in register.written:
                register.ambiguous.add(value)
            register.written[value] = op
        for value in (*read, *wrote):
            if op.outcome is Outcome.OK:
                register.told[value] = min(register.told.get(value, _NEVER), _ended(op))
    return register


def _violations(ops: Sequence[Operation], register: _Register) -> Iterator[Violation]:
    """Follow each client through one register."""
    known: dict[int, _Known] = {}
    for op in ops:
        client = known.setdefault(op.process, _Known())
        read, wrote = _effect(op)
        for value in read:
            if value in register.ambiguous:
                continue
            writer = register.written.get(value)
            if value is not None and writer is None:
                yield Violation("unexplained", op, None, f"{_who(op)} read {value!r}, which nobody had written")
                continue
            violation = _older(op, value, writer, client, register)
            if violation is not None:
                yield violation
            elif writer is not None:
                client.read = max(client.read or (_ALWAYS, op), (writer.invoked, op), key=lambda known: known[0])
        for value in wrote:
            if op.outcome is Outcome.OK and value not in register.ambiguous:
                client.wrote = (op.invoked, op)


def _older(
    op: Operation, value: Value, writer: Operation | None, client: _Known, register: _Register
) -> Violation | None:
    """The violation that reading ``value`` is to a client that knows something certainly newer."""
    told = register.told.get(value, _NEVER)
    what = "found nothing" if value is None else f"read {value!r}"
    if client.wrote is not None and told < client.wrote[0]:
        mine = client.wrote[1]
        text = f"{_who(op)} {what} in {op.key} though it had written {_written(mine)!r} there (operation {mine.id})"
        return Violation("read_your_writes", op, mine, text)
    if client.read is not None and told < client.read[0]:
        earlier = client.read[1]
        newer = register.written[_effect(earlier)[0][0]]
        same = writer is not None and writer.process == newer.process
        text = f"{_who(op)} {what} in {op.key} after it had read {_effect(earlier)[0][0]!r} (operation {earlier.id})"
        if same:
            text += f", which client {newer.process} wrote later"
        return Violation("monotonic_writes" if same else "monotonic_reads", op, earlier, text)
    return None


def _stored_order(history: Iterable[Operation]) -> Iterator[Violation]:
    """Records of one client that the final read holds in another order than they were written one after the other."""
    ops = list(history)
    read = final_read(ops)
    if read is None:
        return
    copies: Counter[str] = Counter()
    place: dict[str, int] = {}
    for n, (key, _) in enumerate(read.items()):
        copies[key] += 1
        place[key] = n
    last: dict[int, Operation] = {}
    for op in sorted((o for o in ops if o.f == "write" and o.outcome is Outcome.OK), key=lambda o: o.invoked):
        key = op.key or ""
        if copies[key] != 1:
            continue  # lost or doubled: that is for the check of acknowledged writes
        before = last.get(op.process)
        if before is not None and place[before.key or ""] > place[key]:
            text = f"{op.key} of client {op.process} is stored before {before.key}, which it had written earlier"
            yield Violation("stored_order", op, before, text)
        else:
            last[op.process] = op


def _stale_reads(ops: Sequence[Operation], register: _Register) -> int:
    """How many gets answered a value although a newer one had been acknowledged before they began."""
    stale = 0
    answered = [op for op in ops if op.outcome is Outcome.OK and op.completed is not None and _effect(op)[1]]
    acknowledged = sorted((_ended(op), op.invoked) for op in answered)
    newest, at = _ALWAYS, 0
    for op in ops:
        while at < len(acknowledged) and acknowledged[at][0] < op.invoked:
            newest = max(newest, acknowledged[at][1])
            at += 1
        if op.f == GET and op.value not in register.ambiguous:
            stale += register.told.get(op.value, _NEVER) < newest
    return stale


def _across(ops: Sequence[Operation], turn: TurningPoint) -> int:
    """How many gets came after the turning point from clients that had read or written the register before it."""
    before = {op.process for op in ops if op.outcome is Outcome.OK and _ended(op) <= turn.began}
    return sum(op.f == GET and op.invoked >= turn.done and op.process in before for op in ops)


def _ended(op: Operation) -> int:
    return op.invoked if op.completed is None else op.completed


def _who(op: Operation) -> str:
    return f"client {op.process} (operation {op.id}, at {op.site})"


def _written(op: Operation) -> Value:
    return _effect(op)[1][0]


def _evidence(violation: Violation, turn: TurningPoint | None) -> Evidence:
    op = violation.op
    when = turn.relative(op.invoked) if turn else f"at {op.invoked} ns"
    moved = violation.against is not None and violation.against.site != op.site
    switch = f" It had been at {violation.against.site} before." if moved and violation.against else ""
    text = f"{violation.text[0].upper()}{violation.text[1:]}, {when}.{switch}"
    return Evidence(violation.kind.replace("_", " "), str(op.id), text)
