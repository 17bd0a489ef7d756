"""MS-GR-05: no acknowledged write is lost (the set-full check: what was acknowledged against what a final
read finds).

Every write ends in one of these: present, lost (acknowledged and not there), wrong (there under another
value), never read (acknowledged only after the final read began), recovered (outcome unknown, and there) or
absent and not owed. What is there without ever having been written, more often than written, or although the
client was told it was refused, violates the requirement too. An unknown outcome counts neither way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from conformance.checkers.final_read import FinalRead, final_read
from conformance.checkers.recovery_point import Acknowledged, allowance, judge_age
from conformance.checkers.timeline import Departure, Move, TurningPoint, returned_after, turning_point
from conformance.checkers.words import NANO, count, seconds, span, verb, whole
from conformance.model import Evidence, Operation, Outcome, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue

NAMED_LOST = 200
NAMED_OTHERS = 50
# The load must reach to within this much of the loss, or the check looked at nothing that was at stake.
LOOK_BACK = NANO


@dataclass
class _Writes:
    """The writes and what was read, each in its class."""

    present: int = 0
    lost: list[Operation] = field(default_factory=list)
    wrong: list[tuple[Operation, str]] = field(default_factory=list)
    never_read: list[Operation] = field(default_factory=list)
    recovered: int = 0
    refused_but_present: list[Operation] = field(default_factory=list)
    duplicated: list[tuple[str, int]] = field(default_factory=list)
    unexpected: list[tuple[str, str, int]] = field(default_factory=list)

    def gone(self) -> list[Operation]:
        """The acknowledged writes that are not there as they were written."""
        return [*self.lost, *(op for op, _ in self.wrong)]

    def figures(self) -> dict[str, FigureValue]:
        """Every class's total."""
        return {
            "present": self.present,
            "lost": len(self.lost),
            "wrong_value": len(self.wrong),
            "never_read": len(self.never_read),
            "recovered": self.recovered,
            "refused_but_present": len(self.refused_but_present),
            "duplicated": len(self.duplicated),
            "unexpected": len(self.unexpected),
            "rpo_operations": len(self.gone()),
        }


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-05. Figures: every class's total, ``rpo_operations`` and ``rpo_s``. O(n) but for naming
    what is lost."""
    return judge_at(record, turning_point(record))


def judge_without_allowance(record: ScenarioRecord, turn: TurningPoint | None) -> Verdict:
    """The same where nothing may be missing at all: the profile's recovery point is for the loss of a site, and
    neither a link that heals nor a planned move is one."""
    strict = replace(record.info, thresholds=replace(record.info.thresholds, rpo_operations=0, rpo_s=None))
    return judge_at(replace(record, info=strict), turn)


def judge_at(record: ScenarioRecord, turn: TurningPoint | None) -> Verdict:
    """The same with ``turn`` as the instant at which the writes were at stake."""
    by_outcome: dict[Outcome, list[Operation]] = {Outcome.OK: [], Outcome.INFO: [], Outcome.FAIL: []}
    for op in record.history:
        if op.f == "write":
            by_outcome[op.outcome].append(op)
    figures: dict[str, FigureValue] = {
        "attempted": sum(map(len, by_outcome.values())),
        "acknowledged": len(by_outcome[Outcome.OK]),
        "refused": len(by_outcome[Outcome.FAIL]),
        "unknown": len(by_outcome[Outcome.INFO]),
    }
    read = final_read(record.history)
    if read is None:
        reason = "There is no complete final read of one site, so what survived is not known."
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    found = _sort(by_outcome, read)
    figures |= found.figures()
    figures |= {"final_read_site": read.site, "rpo_s": _rpo(found.gone(), turn)}
    evidence = tuple(_evidence(found, turn))
    limits, lost = record.info.thresholds, [Acknowledged(_acknowledged_at(op), op.site) for op in found.lost]
    violations = list(_violations(found, allowance(limits, turn), len(by_outcome[Outcome.OK]), turn))
    age = judge_age(limits, lost, turn)
    if age and age[0] is Status.FAIL:
        violations.append(age[1])
    if violations:
        return Verdict(Status.FAIL, " ".join(violations), figures, evidence)
    before = [] if turn is None else _acknowledged_before(by_outcome[Outcome.OK], turn)
    doubt = _not_looked(record, by_outcome, before, found, read, turn)
    if age and age[0] is Status.INCONCLUSIVE:
        doubt = f"{age[1]} {doubt}".rstrip()
    if turn is None or doubt:
        return Verdict(Status.INCONCLUSIVE, doubt, figures, evidence)
    figures |= {
        "acknowledged_before": len(before),
        "last_acknowledged_before_s": seconds(turn.began - max(before)),
    }
    said = _all_there(found, by_outcome, turn, before)
    return Verdict(Status.PASS, f"{said} {age[1]}" if age else said, figures, evidence)


def _sort(by_outcome: dict[Outcome, list[Operation]], read: FinalRead) -> _Writes:
    """Every write and every record in its class. Keys that were written once and read at most once, as written, are
    settled at a glance; what is left is sorted out copy by copy."""
    last = {op.key: op.value for ops in by_outcome.values() for op in ops}
    odd: set[str | None] = set()
    if len(last) < sum(map(len, by_outcome.values())):
        attempts = Counter(op.key for ops in by_outcome.values() for op in ops)
        odd = {key for key, n in attempts.items() if n > 1}
    take = last.pop
    odd.update([key for page in read.pages for key, value in page.items if take(key, None) != value])
    found = _Writes()
    absent = last.keys()  # the keys that no record took
    plain = {o: [op for op in ops if op.key not in odd] for o, ops in by_outcome.items()} if odd else by_outcome
    gone = [op for op in plain[Outcome.OK] if op.key in absent] if absent else []
    found.present = len(plain[Outcome.OK]) - len(gone)
    found.recovered = sum(op.key not in absent for op in plain[Outcome.INFO])
    found.refused_but_present = [op for op in plain[Outcome.FAIL] if op.key not in absent]
    left: Counter[tuple[str, str]] = Counter()
    unsettled = {o: [op for op in ops if op.key in odd] for o, ops in by_outcome.items()} if odd else {}
    if odd:
        left = Counter(item for item in read.items() if item[0] in odd)
        gone += _take_copies(found, unsettled, left)
    _sort_rest(found, left, unsettled, gone, read)
    return found


def _take_copies(
    found: _Writes, by_outcome: dict[Outcome, list[Operation]], left: Counter[tuple[str, str]]
) -> list[Operation]:
    """Let every write take one copy of what was read: the acknowledged first, then the unknown, then the refused.
    ``left`` keeps the copies that nobody took. The acknowledged writes that took none."""
    absent: list[Operation] = []
    for outcome, ops in by_outcome.items():
        for op in ops:
            item = (op.key or "", op.value or "")
            if not left.get(item):
                if outcome is Outcome.OK:
                    absent.append(op)
                continue
            left[item] -= 1
            if outcome is Outcome.OK:
                found.present += 1
            elif outcome is Outcome.INFO:
                found.recovered += 1
            else:
                found.refused_but_present.append(op)
    for item in [item for item, copies in left.items() if not copies]:
        del left[item]
    return absent


def _sort_rest(
    found: _Writes,
    left: Counter[tuple[str, str]],
    by_outcome: dict[Outcome, list[Operation]],
    absent: Iterable[Operation],
    read: FinalRead,
) -> None:
    """What became of the copies that no write took, and of the acknowledged writes that took none."""
    keys = {key for key, _ in left}
    attempts = Counter((op.key, op.value) for ops in by_outcome.values() for op in ops if op.key in keys)
    attempted_keys = {key for key, _ in attempts}
    others: dict[str, list[str]] = {}
    for (key, value), copies in left.items():
        if attempts[key, value]:
            found.duplicated.append((key, copies + attempts[key, value]))
        elif key in attempted_keys:
            others.setdefault(key, []).extend([value] * copies)
        else:
            found.unexpected.append((key, value, copies))
    for op in absent:
        if op.key is not None and others.get(op.key):
            found.wrong.append((op, others[op.key].pop()))
        elif _acknowledged_at(op) >= read.began:
            found.never_read.append(op)
        else:
            found.lost.append(op)
    found.lost.sort(key=_acknowledged_at)
    # Values that nobody wrote under a key whose acknowledged writes are all accounted for.
    found.unexpected += [(key, value, 1) for key, values in others.items() for value in values]


def _acknowledged_at(op: Operation) -> int:
    return op.invoked if op.completed is None else op.completed


def _acknowledged_before(acknowledged: Iterable[Operation], turn: TurningPoint) -> list[int]:
    """When each write was acknowledged that certainly was so before the turning point."""
    began = turn.began
    return [at for op in acknowledged if (at := op.invoked if op.completed is None else op.completed) <= began]


def _rpo(gone: Iterable[Operation], turn: TurningPoint | None) -> float | None:
    """Seconds from the acknowledgement of the earliest write that is gone to the later edge of the turning
    point: an upper bound. 0 when none is gone; None when what is gone was acknowledged only afterwards or
    nothing happened."""
    instants = [_acknowledged_at(op) for op in gone]
    if not instants:
        return 0.0
    if turn is None or min(instants) > turn.done:
        return None
    return seconds(turn.done - min(instants))


def _violations(found: _Writes, allowed: int | None, acknowledged: int, turn: TurningPoint | None) -> Iterator[str]:
    n = len(found.lost)
    if allowed is not None and n > allowed:
        earliest = f", the earliest acknowledged {turn.relative(_acknowledged_at(found.lost[0]))}" if turn else ""
        limit = f" where the profile allows {allowed}" if allowed else ""
        yield f"{n} of {count(acknowledged, 'acknowledged write')} {verb(n, 'is', 'are')} lost{limit}{earliest}."
    for n, what, words in (
        (len(found.wrong), "acknowledged write", "there with a value that was never written under its key"),
        (len(found.unexpected), "record", "there that nobody ever wrote"),
        (len(found.duplicated), "record", "there more often than written"),
        (len(found.refused_but_present), "write", "there although the client was told that it was refused"),
    ):
        if n:
            yield f"{count(n, what)} {verb(n, 'is', 'are')} {words}."


def _not_looked(
    record: ScenarioRecord,
    by_outcome: dict[Outcome, list[Operation]],
    before: Sequence[int],
    found: _Writes,
    read: FinalRead,
    turn: TurningPoint | None,
) -> str:
    """Why finding nothing lost proves nothing here; empty when it does prove something."""
    if turn is None:
        return "Nothing on record could have lost a write: no site was lost, no fault struck, nothing was moved."
    if not before:
        return f"No write was acknowledged before {turn.what}, so there was nothing to lose."
    idle = turn.began - max(before)
    if idle > LOOK_BACK and not _were_waiting((op for ops in by_outcome.values() for op in ops), turn):
        return (
            f"The last write before {turn.what} was acknowledged {span(idle)} earlier and no client was "
            "waiting for another: the load had stopped, so nothing was at stake at that instant."
        )
    if read.began < turn.done:
        return f"The final read began {turn.relative(read.began)}, so it does not show what survived."
    if found.never_read:
        n = len(found.never_read)
        return (
            f"{count(n, 'write')} {verb(n, 'was', 'were')} acknowledged after the final read began: never looked for."
        )
    stayed = isinstance(turn, Move) and turn.ok is False
    if isinstance(turn, Departure) and read.site == turn.site and not stayed and not returned_after(record, turn):
        gone = "that the service was moved from" if isinstance(turn, Move) else "that was lost"
        return f"The final read was answered by {read.site}, the site {gone}, not by the redundant one."
    return ""


def _were_waiting(writes: Iterable[Operation], turn: TurningPoint) -> bool:
    """Whether clients that were still at work had a write open at the turning point.

    A system that replicates synchronously acknowledges nothing while its link is stalled: waiting clients are
    load.
    """
    waiting = alive = False
    for op in writes:
        ended_later = op.completed is not None and op.completed >= turn.began
        waiting = waiting or (op.invoked <= turn.began and (op.completed is None or ended_later))
        alive = alive or op.invoked >= turn.began or ended_later
        if waiting and alive:
            return True
    return False


def _all_there(
    found: _Writes, by_outcome: dict[Outcome, list[Operation]], turn: TurningPoint, before: list[int]
) -> str:
    acknowledged, unknown = len(by_outcome[Outcome.OK]), len(by_outcome[Outcome.INFO])
    idle = turn.began - max(before)
    sentences = [
        f"{whole(acknowledged, 'acknowledged write')} {verb(acknowledged, 'is', 'are')} there, "
        f"{len(before)} of them from before {turn.what}."
        if not found.lost
        else f"{len(found.lost)} of {count(acknowledged, 'acknowledged write')} are lost, which the profile allows."
    ]
    if idle > LOOK_BACK:
        sentences.append(f"In the last {span(idle)} before it clients were waiting and no write was acknowledged.")
    if unknown:
        sentences.append(f"Of {count(unknown, 'write')} with an unknown outcome {found.recovered} took effect.")
    return " ".join(sentences)


def _evidence(found: _Writes, turn: TurningPoint | None) -> Iterator[Evidence]:
    """Name what is wrong: each lost write first, then some of every other class."""

    def when(op: Operation) -> str:
        at = _acknowledged_at(op)
        return turn.relative(at) if turn else f"at {at} ns"

    for op in found.lost[:NAMED_LOST]:
        text = f"The write of {op.key} was acknowledged by {op.site} {when(op)}, and is not there."
        yield Evidence("lost write", str(op.id), text)
    for op, other in found.wrong[:NAMED_OTHERS]:
        text = f"The write of {op.key} as {op.value!r} was acknowledged by {op.site} {when(op)}; read was {other!r}."
        yield Evidence("wrong value", str(op.id), text)
    for key, value, copies in found.unexpected[:NAMED_OTHERS]:
        yield Evidence(
            "unexpected record", key, f"{key} = {value!r} was read {count(copies, 'time')}; nobody wrote it."
        )
    for key, copies in found.duplicated[:NAMED_OTHERS]:
        yield Evidence("duplicated record", key, f"{key} was read {copies} times.")
    for op in found.refused_but_present[:NAMED_OTHERS]:
        text = (
            f"The write of {op.key} was refused by {op.site} {when(op)} ({op.error or 'no reason given'}), "
            "and is there."
        )
        yield Evidence("refused write", str(op.id), text)
    for op in found.never_read[:NAMED_OTHERS]:
        text = f"The write of {op.key} was acknowledged {when(op)}, after the final read had begun, and was not in it."
        yield Evidence("write never read", str(op.id), text)
