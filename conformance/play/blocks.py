"""Measuring what replication costs: blocks of load with and without it, in a drawn order (docs/no-degradation.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.checkers.blocks import PLAN, Round, blocks_of, judged_rounds, read_blocks, whole_rounds
from conformance.checkers.measuring import log_ratios, measure
from conformance.lab import Lab
from conformance.model import Observation, ScenarioRecord
from conformance.other_programs import OtherPrograms
from conformance.play.clients import Clients
from conformance.play.stage import Stage
from conformance.play.subject import Subject
from conformance.statistics.planning import RoundPlan, plan_rounds
from conformance.statistics.schedule import REPLICATED, PlannedBlock, block_schedule


def measure_in_blocks(stage: Stage, subject: Subject, clients: Clients) -> None:
    """Carry out as many rounds as the noise asks for, and the profile allows; replication is on in the end. Rounds that
    other programs disturbed are made up for, as far as there are spare ones."""
    settings = stage.profile.blocks
    most = settings.max_rounds + settings.spare_rounds
    done, counted, wanted = 0, 0, settings.pilot_rounds
    with stage.phase("blocks", f"measuring with and without replication, {wanted} rounds at first"):
        while counted < wanted and done < most:
            upto = min(most, done + wanted - counted)
            for block in _planned(done, upto, stage.session.request.seed):
                stage.say(f"    round {block.round + 1} of {upto}: {block.arm}")
                _carry_out(stage, subject, clients, block)
            done = upto
            rounds = _rounds(stage)
            counted = len(rounds)
            # What cannot be measured any more is not planned: the bounds say what the rounds there are can show.
            cap = min(settings.max_rounds, counted + most - done)
            wanted = _plan_more(stage, rounds, cap).rounds
        subject.replication(True)


def _planned(done: int, wanted: int, seed: int) -> Iterator[PlannedBlock]:
    """The blocks of the rounds that have not been measured yet."""
    yield from (block for block in block_schedule(wanted, seed) if block.round >= done)


def _carry_out(stage: Stage, subject: Subject, clients: Clients, block: PlannedBlock) -> None:
    settings = stage.profile.blocks
    wanted = block.arm == REPLICATED
    subject.replication(wanted)
    about = {"n": block.n, "round": block.round, "warmup_s": settings.warmup_s, "offered_per_s": clients.offered_per_s}
    others = OtherPrograms(lambda: _lab_processes(stage))
    stage.events.note("block", block.arm, "begin", ok=_in_force(subject, wanted), observed=about)
    clients.watch(settings.block_s)
    looked = about | {"other_cpu": round(others.share(), 4)}
    stage.events.note("block", block.arm, "end", ok=_in_force(subject, wanted), observed=looked)


def _lab_processes(stage: Stage) -> set[int]:
    """What runs of the lab, where the sites are its."""
    options = stage.session.request.options
    return set() if options.sites is not None else Lab(options.lab).process_ids()


def _in_force(subject: Subject, wanted: bool) -> bool:
    return subject.scheme.status().protected is wanted


def _rounds(stage: Stage) -> tuple[Round, ...]:
    """The rounds that will be judged, of those on record."""
    return judged_rounds(whole_rounds(read_blocks(_record(stage))))


def _record(stage: Stage) -> ScenarioRecord:
    return stage.session.folder.load(stage.info.id)


def _plan_more(stage: Stage, rounds: Sequence[Round], cap: int) -> RoundPlan:
    """How many rounds it takes, from the noise of those on record, and that noted."""
    ratios = log_ratios(rounds, measure(_record(stage), blocks_of(rounds)))
    margin = stage.info.thresholds.degradation_margin
    plan = plan_rounds(ratios, margin, cap=cap)
    observed = {"rounds": plan.rounds, "needed": dict(plan.needed), "capped": plan.capped}
    detail = f"{max(plan.needed.values())} rounds are needed by the noise so far, {plan.rounds} will be measured."
    stage.observe(PLAN, stage.info.first_site, Observation(not plan.capped, detail, observed))
    stage.say(f"    {detail}")
    return plan
