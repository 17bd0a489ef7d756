"""What holds for the loss of a site, judged at other turning points: a planned move, the way back, a healed link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conformance.checkers import network, sessions, vm_count
from conformance.checkers.acknowledged_writes import judge_without_allowance
from conformance.checkers.inventories import looks_back
from conformance.checkers.timeline import FAILBACK, MIGRATE, Move, link_outage, move
from conformance.model import Outcome, ScenarioRecord, Status, Verdict


def moved(record: ScenarioRecord) -> Verdict:
    """MS-MT-03: the planned move loses no acknowledged write."""
    return _at_move(record, MIGRATE, lambda there: judge_without_allowance(record, there))


def moved_network(record: ScenarioRecord) -> Verdict:
    """MS-MT-05: after the move the network functions are connected as before."""
    return _at_move(record, MIGRATE, lambda there: network.check(record))


def moved_machines(record: ScenarioRecord) -> Verdict:
    """MS-MT-05: after the move the same virtual machines are running."""
    return _at_move(record, MIGRATE, lambda there: vm_count.check(record))


def way_back(record: ScenarioRecord) -> Verdict:
    """MS-MT-07, MS-GR-15: the return to the first site loses no acknowledged write."""
    return _at_move(record, FAILBACK, lambda there: judge_without_allowance(record, there))


def returned_network(record: ScenarioRecord) -> Verdict:
    """MS-MT-07, MS-GR-15: back at the first site the network functions are connected as before they left it."""
    return _at_move(record, FAILBACK, lambda there: network.judge(record, looks_back(record)))


def returned_machines(record: ScenarioRecord) -> Verdict:
    """MS-MT-07, MS-GR-15: back at the first site the same virtual machines run as before the service left it."""
    return _at_move(record, FAILBACK, lambda there: vm_count.judge(record, looks_back(record)))


def returned_sessions(record: ScenarioRecord) -> Verdict:
    """MS-MT-07, MS-GR-15: every session acknowledged before the return, at either site, is accepted at the first."""
    return _at_move(record, FAILBACK, lambda there: sessions.judge(record, there, there.to))


def _at_move(record: ScenarioRecord, operation: str, judge: Callable[[Move], Verdict]) -> Verdict:
    """A move that did not succeed can have broken something, and cannot show that a move keeps everything."""
    there = move(record, operation)
    if there is None:
        to = record.info.first_site if operation == FAILBACK else record.info.second_site
        return Verdict(Status.INCONCLUSIVE, f"No move to {to} is on record.")
    verdict = judge(there)
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
    verdict = judge_without_allowance(record, cut)
    acknowledged = (op.completed for op in record.history if op.f == "write" and op.outcome is Outcome.OK)
    during = sum(t is not None and cut.began < t < cut.done for t in acknowledged)
    return replace(verdict, figures={**verdict.figures, "acknowledged_while_disturbed": during})
