"""MS-GR-09: a software fault that travels with the data does not take the redundant site with it: a clean state is
regained there, and what was given up for it is stated."""

from __future__ import annotations

from collections import Counter

from conformance.checkers.final_read import final_read
from conformance.checkers.timeline import scheme_events
from conformance.checkers.words import count, seconds, span
from conformance.model import Event, Evidence, Operation, Outcome, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue

FAULT, RECOVER, SAVEPOINT = "bad-update", "recover", "savepoint"
NAMED = 100
# After going back the service must have served this many writes to be called a service.
SERVED_AFTER = 10


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-09. Figures: ``clean`` and ``ruined`` records of the final read, ``missing`` (acknowledged before the
    savepoint and not there), ``given_up`` (acknowledged between savepoint and recovery, and not there), ``given_up_s``
    (from the savepoint to the fault), ``served_after``. O(n)."""
    struck = next((e for e in record.fault_events(FAULT, "injected") if e.ok is not False), None)
    kept = _end(record, SAVEPOINT)
    back = _end(record, RECOVER)
    if struck is None or kept is None or not kept.ok or kept.t > struck.t:
        return Verdict(Status.INCONCLUSIVE, "No savepoint followed by a fault of the software is on record.")
    if back is None:
        return Verdict(Status.INCONCLUSIVE, "Nobody tried to regain a clean state after the fault.")
    if not back.ok:
        return Verdict(Status.FAIL, f"No clean state was regained: {back.detail}")
    read = final_read(record.history)
    second = record.info.second_site
    if read is None or read.site != second or read.began < back.t:
        return Verdict(Status.INCONCLUSIVE, f"There is no complete read of {second} after the recovery.")
    writes = [op for op in record.history if op.f == "write"]
    return _judge(record, writes, Counter(read.items()), (kept, struck, back))


def _judge(
    record: ScenarioRecord, writes: list[Operation], found: Counter[tuple[str, str]], at: tuple[Event, Event, Event]
) -> Verdict:
    kept, struck, back = at
    asked = {(op.key, op.value) for op in writes}
    ruined = [item for item in found if item not in asked]
    doubled = [item for item, times in found.items() if times > 1]
    owed = [op for op in writes if op.outcome is Outcome.OK and op.completed is not None]
    began_keeping = kept.t - int(float(kept.observed.get("took_s", 0.0)) * 1e9)
    gone = [op for op in owed if (op.key, op.value) not in found]
    missing = [op for op in gone if (op.completed or 0) <= began_keeping]
    given_up = [op for op in gone if began_keeping < (op.completed or 0) < back.t]
    lost_since = [op for op in gone if (op.completed or 0) >= back.t]
    served = sum((op.completed or 0) > back.t and op.site == record.info.second_site for op in owed)
    figures: dict[str, FigureValue] = {
        "clean": len(found) - len(ruined),
        "ruined": len(ruined),
        "missing": len(missing),
        "given_up": len(given_up),
        "given_up_s": seconds(struck.t - began_keeping),
        "served_after": served,
    }
    wrong = []
    if ruined:
        wrong.append(f"{count(len(ruined), 'record')} there {'is' if len(ruined) == 1 else 'are'} not what was written")
    if missing:
        wrong.append(f"{count(len(missing), 'write')} from before the savepoint is gone")
    if lost_since:
        wrong.append(f"{count(len(lost_since), 'write')} acknowledged after the recovery is gone")
    if doubled:
        wrong.append(f"{count(len(doubled), 'record')} is there more than once")
    evidence = tuple(Evidence("operation", str(op.id), f"{op.key} is gone.") for op in [*missing, *lost_since][:NAMED])
    evidence += tuple(Evidence("record", key, f"{key} holds {value!r}.") for key, value in ruined[:NAMED])
    if wrong:
        return Verdict(Status.FAIL, f"The state regained is not clean: {'; '.join(wrong)}.", figures, evidence)
    if not any((op.completed or 0) <= began_keeping for op in owed):
        return Verdict(Status.INCONCLUSIVE, "Nothing was written before the savepoint: nothing was at stake.", figures)
    if served < SERVED_AFTER:
        reason = f"Only {count(served, 'write')} was served after the clean state had been regained."
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    reason = (
        f"A clean state was regained at {record.info.second_site}, {span(back.t - struck.t)} after the fault: "
        f"{count(len(found), 'record')}, all as written. For it {count(len(given_up), 'acknowledged write')} from "
        f"after the savepoint {'was' if len(given_up) == 1 else 'were'} given up."
    )
    return Verdict(Status.PASS, reason, figures)


def _end(record: ScenarioRecord, operation: str) -> Event | None:
    return next((e for e in scheme_events(record, operation) if e.state == "end"), None)
