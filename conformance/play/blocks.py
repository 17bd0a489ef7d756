"""Measuring what replication costs: blocks of load with and without it, in a drawn order (docs/no-degradation.md)."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.checkers.blocks import PLAN, blocks_of, read_blocks, whole_rounds
from conformance.checkers.measuring import log_ratios, measure
from conformance.model import Observation
from conformance.play.clients import Clients
from conformance.play.stage import Stage
from conformance.play.subject import Subject
from conformance.statistics.planning import RoundPlan, plan_rounds
from conformance.statistics.schedule import REPLICATED, PlannedBlock, block_schedule


def measure_in_blocks(stage: Stage, subject: Subject, clients: Clients) -> None:
    """Carry out as many rounds as the noise asks for, and the profile allows; replication is on in the end."""
    settings = stage.profile.blocks
    done, wanted = 0, settings.pilot_rounds
    with stage.phase("blocks", f"measuring with and without replication, {wanted} rounds at first"):
        while done < wanted:
            for block in _planned(done, wanted, stage.session.request.seed):
                stage.say(f"    round {block.round + 1} of {wanted}: {block.arm}")
                _carry_out(stage, subject, clients, block)
            done = wanted
            wanted = max(wanted, _plan_more(stage).rounds)
        subject.replication(True)


def _planned(done: int, wanted: int, seed: int) -> Iterator[PlannedBlock]:
    """The blocks of the rounds that have not been measured yet."""
    yield from (block for block in block_schedule(wanted, seed) if block.round >= done)


def _carry_out(stage: Stage, subject: Subject, clients: Clients, block: PlannedBlock) -> None:
    settings = stage.profile.blocks
    wanted = block.arm == REPLICATED
    subject.replication(wanted)
    about = {"n": block.n, "round": block.round, "warmup_s": settings.warmup_s, "offered_per_s": clients.offered_per_s}
    stage.events.note("block", block.arm, "begin", ok=_in_force(subject, wanted), observed=about)
    clients.watch(settings.block_s)
    stage.events.note("block", block.arm, "end", ok=_in_force(subject, wanted), observed=about)


def _in_force(subject: Subject, wanted: bool) -> bool:
    return subject.scheme.status().protected is wanted


def _plan_more(stage: Stage) -> RoundPlan:
    """How many rounds it takes, from the noise of those on record, and that noted."""
    record = stage.session.folder.load(stage.info.id)
    rounds = whole_rounds(read_blocks(record))
    ratios = log_ratios(rounds, measure(record, blocks_of(rounds)))
    margin = stage.info.thresholds.degradation_margin
    plan = plan_rounds(ratios, margin, cap=stage.profile.blocks.max_rounds)
    observed = {"rounds": plan.rounds, "needed": dict(plan.needed), "capped": plan.capped}
    detail = f"{max(plan.needed.values())} rounds are needed by the noise so far, {plan.rounds} will be measured."
    stage.observe(PLAN, stage.info.first_site, Observation(not plan.capped, detail, observed))
    stage.say(f"    {detail}")
    return plan
