"""MS-GR-14: replication outlives a fault of the link, catches up when it heals, and loses and doubles nothing."""

from __future__ import annotations

from dataclasses import replace

from conformance.checkers.acknowledged_writes import judge_at
from conformance.checkers.final_read import final_read
from conformance.checkers.timeline import TurningPoint, link_outage
from conformance.checkers.words import NANO, seconds, span
from conformance.model import Event, Evidence, ScenarioRecord, Status, Verdict, worst

REPLICATION = "replication"

Conclusion = tuple[Status, str]


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-14: replication is seen whole again within ``catch_up_s`` of the link's healing, and the second site
    then holds all that was acknowledged, once. Figures: those of the writes, ``catch_up_s`` (upper bound: from the
    healing to the first observation that replication is whole)."""
    cut = link_outage(record)
    if cut is None:
        return Verdict(Status.INCONCLUSIVE, "No link fault that was healed is on record.")
    seen = _observations(record, cut)
    caught = next((e for e in seen if e.ok), None)
    writes = judge_at(record, cut)
    conclusions = [_caught_up(record, cut, seen, caught), _read_behind(record, caught), (writes.status, writes.reason)]
    status = worst(s for s, _ in conclusions)
    reason = " ".join(text for s, text in conclusions if s is status)
    figures = {**writes.figures, "catch_up_s": None if caught is None else seconds(caught.t - cut.done)}
    evidence = writes.evidence
    if caught is None and seen:
        evidence = (Evidence("event", REPLICATION, seen[-1].detail), *evidence)
    return replace(writes, status=status, reason=reason, figures=figures, evidence=evidence)


def _observations(record: ScenarioRecord, cut: TurningPoint) -> list[Event]:
    """How replication was seen to be after the healing, in time order."""
    found = (e for e in record.events if e.kind == "observation" and e.name == REPLICATION and e.t >= cut.done)
    return sorted(found, key=lambda e: e.t)


def _caught_up(record: ScenarioRecord, cut: TurningPoint, seen: list[Event], caught: Event | None) -> Conclusion:
    limit_s = record.info.thresholds.catch_up_s
    if caught is not None and caught.t - cut.done <= limit_s * NANO:
        return Status.PASS, f"Replication had caught up {span(caught.t - cut.done)} after the link had healed."
    if caught is not None:
        late = f"Replication had caught up only {span(caught.t - cut.done)} after the link had healed"
        return Status.FAIL, f"{late} (limit {limit_s:g} s)."
    if not seen:
        return Status.INCONCLUSIVE, "Nobody looked whether replication caught up after the link had healed."
    watched = seen[-1].t - cut.done
    if any(e.t - cut.done > limit_s * NANO for e in seen):
        return Status.FAIL, f"Replication had not caught up {span(watched)} after the link had healed."
    return Status.INCONCLUSIVE, f"Replication had not caught up, but it was watched for {span(watched)} only."


def _read_behind(record: ScenarioRecord, caught: Event | None) -> Conclusion:
    """Only the site that was behind can show that it caught up."""
    read = final_read(record.history)
    second = record.info.second_site
    if read is None or read.site != second:
        return Status.INCONCLUSIVE, f"Everything was not read back at {second}, the site that was behind."
    if caught is not None and read.began < caught.t:
        return Status.INCONCLUSIVE, f"Everything was read back at {second} before replication had caught up."
    return Status.PASS, f"It was read at {second}."
