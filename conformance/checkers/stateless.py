"""MS-GR-04: a VNF that keeps no state has its VMs started at the second site in their initial state.

The same VMs run there, the service answers, and nothing of what was before the loss is there: what survived would show
that the state is not the initial one.
"""

from __future__ import annotations

from conformance.checkers import vm_count
from conformance.checkers.answers import answers
from conformance.checkers.final_read import FinalRead, final_read
from conformance.checkers.timeline import Departure, departure
from conformance.checkers.words import count, listed
from conformance.model import Evidence, Operation, Outcome, ScenarioRecord, Status, Verdict, worst

OBSERVATION = "initial-state"
SERVED_AFTER = 10

Conclusion = tuple[Status, str]


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-04. Figures: those of the comparison of VMs, ``served_after`` (operations and probes that the second
    site served after the loss), ``survived`` (records and sessions from before it that are still there). O(n log n)."""
    loss, second = departure(record), record.info.second_site
    if loss is None:
        return Verdict(Status.INCONCLUSIVE, f"The loss of {record.info.first_site} is not on record.")
    machines = vm_count.check(record)
    served = sum(a.served is True and a.sent > loss.began for a in answers(record, second))
    survived = _survived(record, loss, second)
    conclusions = [
        (machines.status, machines.reason),
        _answering(record, served, loss, second),
        _initial(record, survived, loss, second),
    ]
    status = worst(s for s, _ in conclusions)
    reason = " ".join(text for s, text in conclusions if s is status)
    evidence = (*machines.evidence, *(Evidence("survivor", ref, text) for ref, text in survived[:100]))
    figures = {**machines.figures, "served_after": served, "survived": len(survived)}
    return Verdict(status, reason, figures, evidence)


def _answering(record: ScenarioRecord, served: int, loss: Departure, second: str) -> Conclusion:
    if served >= SERVED_AFTER:
        return Status.PASS, f"The service answers at {second} ({count(served, 'request')} after {loss.what})."
    asked = sum(p.sent > loss.done for p in record.probes)
    limit = record.info.thresholds.rto_s
    watched = max((p.sent for p in record.probes), default=loss.done) - loss.done
    if not served and asked >= SERVED_AFTER and watched > limit * 1e9:
        return Status.FAIL, f"The service does not answer at {second}: none of {count(asked, 'probe')} was served."
    return Status.INCONCLUSIVE, f"The service was seen to answer only {count(served, 'time')} at {second}."


def _acknowledged(record: ScenarioRecord, loss: Departure, f: str) -> list[Operation]:
    """The operations of one kind that were certainly acknowledged before the loss."""
    done = (op for op in record.history if op.f == f and op.outcome is Outcome.OK and op.completed is not None)
    return [op for op in done if (op.completed or 0) <= loss.began]


def _read_back(record: ScenarioRecord, loss: Departure, second: str) -> FinalRead | None:
    """The final read, if it shows what the second site held after the loss."""
    read = final_read(record.history)
    return read if read is not None and read.began >= loss.done and read.site == second else None


def _uses(record: ScenarioRecord, loss: Departure, second: str, outcome: Outcome) -> list[Operation]:
    """Uses, at the second site after the loss, of sessions from before it."""
    opened = {op.key for op in _acknowledged(record, loss, "open-session")}
    uses = (op for op in record.history if op.f == "use-session" and op.outcome is outcome and op.key in opened)
    return [op for op in uses if op.site == second and op.invoked >= loss.done]


def _survived(record: ScenarioRecord, loss: Departure, second: str) -> list[tuple[str, str]]:
    """What was acknowledged before the loss and is still there: records of the final read, sessions that were accepted
    at the second site. A reference and a sentence for each."""
    before = {(op.key, op.value): op for op in _acknowledged(record, loss, "write")}
    read = _read_back(record, loss, second)
    items = [item for item in read.items() if item in before] if read else []
    accepted = _uses(record, loss, second, Outcome.OK)
    return [
        *((str(before[i].id), f"{i[0]} was written before {loss.what} and is still there.") for i in items),
        *((str(op.id), f"Session {op.key} was opened before {loss.what} and is accepted there.") for op in accepted),
    ]


def _initial(record: ScenarioRecord, survived: list[tuple[str, str]], loss: Departure, second: str) -> Conclusion:
    """Whether the state there is the initial one, by what clients find and by what the guests themselves say."""
    not_initial = f"The state at {second} is not the initial one"
    if survived:
        return Status.FAIL, f"{not_initial}, {count(len(survived), 'thing')} survived. {survived[0][1]}"
    looks = [e for e in record.events if e.kind == "observation" and e.name == OBSERVATION and e.t >= loss.done]
    looks = [e for e in looks if e.target in (second, None)]
    bad = [e for e in looks if e.ok is False]
    if bad:
        return Status.FAIL, f"{not_initial}: {bad[0].detail.rstrip('.') or 'the guests say so'}."
    seen = ["what the guests say"] if any(e.ok for e in looks) else []
    if _acknowledged(record, loss, "write") and _read_back(record, loss, second):
        seen.append("the final read")
    if _uses(record, loss, second, Outcome.FAIL):
        seen.append("the refusal of earlier sessions")
    if not seen:
        return Status.INCONCLUSIVE, f"Nothing on record shows whether the state at {second} is the initial one."
    return Status.PASS, f"Its state is the initial one, by {listed(seen)}."
