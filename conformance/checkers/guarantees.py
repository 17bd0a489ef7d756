"""The checks of acknowledged writes at other instants than the loss of a site: the way back, and a link that healed."""

from __future__ import annotations

from dataclasses import replace

from conformance.checkers.acknowledged_writes import judge_at
from conformance.checkers.timeline import FAILBACK, MIGRATE, link_outage, move
from conformance.model import Outcome, ScenarioRecord, Status, Verdict


def moved(record: ScenarioRecord) -> Verdict:
    """MS-MT-03: the planned move loses nothing. The turning point is the move."""
    return _moved(record, MIGRATE, f"No move to {record.info.second_site} is on record.")


def way_back(record: ScenarioRecord) -> Verdict:
    """MS-MT-07, MS-GR-15: the return to the first site loses nothing. The turning point is the failback."""
    return _moved(record, FAILBACK, f"No return to {record.info.first_site} is on record.")


def _moved(record: ScenarioRecord, operation: str, missing: str) -> Verdict:
    """A move that did not succeed can have lost something, and cannot show that a move keeps everything."""
    there = move(record, operation)
    if there is None:
        return Verdict(Status.INCONCLUSIVE, missing)
    verdict = judge_at(record, there)
    if there.ok is True or verdict.status is not Status.PASS:
        return verdict
    reason = f"The move to {there.to} did not succeed, so it does not show what one keeps. {verdict.reason}"
    return replace(verdict, status=Status.INCONCLUSIVE, reason=reason)


def healed_link(record: ScenarioRecord) -> Verdict:
    """MS-GR-13: what was acknowledged before and while the link was disturbed is there once it has healed. The final
    read must have begun after the healing. Figure ``acknowledged_while_disturbed``."""
    cut = link_outage(record)
    if cut is None:
        return Verdict(Status.INCONCLUSIVE, "No link fault that was healed is on record.")
    verdict = judge_at(record, cut)
    acknowledged = (op.completed for op in record.history if op.f == "write" and op.outcome is Outcome.OK)
    during = sum(t is not None and cut.began < t < cut.done for t in acknowledged)
    return replace(verdict, figures={**verdict.figures, "acknowledged_while_disturbed": during})
