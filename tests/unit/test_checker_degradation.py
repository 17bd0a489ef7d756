"""MS-GR-08: a slowdown is found, none is shown to be none, and what cannot be shown is not claimed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from load_blocks import Change, Planted, judged_ratio, study, when

from conformance.checkers import degradation
from conformance.checkers.blocks import blocks_of, read_blocks, whole_rounds
from conformance.checkers.measuring import log_ratios, measure
from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, Probe, ScenarioRecord, Status, Verdict
from conformance.statistics.planning import plan_rounds
from conformance.statistics.schedule import ARMS, REPLICATED, UNREPLICATED, PlannedBlock, block_schedule


def judged(record: ScenarioRecord) -> Verdict:
    return judge("degradation", record)


PLAIN = study()


def plain(record: ScenarioRecord) -> ScenarioRecord:
    """Nothing is planted."""
    return record


def planted(**what: Any) -> Change:
    """A record in which exactly this is planted."""
    return lambda _: study(**what)


def then(first: Change, *more: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in (first, *more):
            record = one(record)
        return record

    return change


def events(edit: Callable[[Event], Event | None]) -> Change:
    """Change the events, or leave those out for which there is None."""
    return lambda r: replace(r, events=tuple(new for e in r.events if (new := edit(e)) is not None))


def blocks(where: Callable[[Event], bool], **fields: Any) -> Change:
    return events(lambda e: replace(e, **fields) if where(e) else e)


def observed(where: Callable[[Event], bool], **fields: Any) -> Change:
    return events(lambda e: replace(e, observed={**e.observed, **fields}) if where(e) else e)


def without(where: Callable[[Event], bool]) -> Change:
    return events(lambda e: None if where(e) else e)


def block(n: int, state: str | None = None) -> Callable[[Event], bool]:
    return lambda e: e.kind == "block" and e.observed["n"] == n and state in (None, e.state)


def of_round(number: int) -> Callable[[Event], bool]:
    return lambda e: e.kind == "block" and e.observed["round"] == number


def probes(edit: Callable[[Probe], Probe | None]) -> Change:
    return lambda r: replace(r, probes=tuple(new for p in r.probes if (new := edit(p)) is not None))


def operations(edit: Callable[[Operation], Operation | None]) -> Change:
    return lambda r: replace(r, history=tuple(new for o in r.history if (new := edit(o)) is not None))


def plan(rounds: int) -> Change:
    noted = Event(when(0.5), "observation", "block-plan", observed={"rounds": rounds})
    return lambda r: replace(r, events=(*r.events, noted))


def always(first: str) -> Callable[[int, int], tuple[PlannedBlock, ...]]:
    """A schedule in which this arm always goes first."""
    arms = (first, *(arm for arm in ARMS if arm != first))
    return lambda rounds, seed: tuple(PlannedBlock(n, n // 2, arms[n % 2]) for n in range(2 * rounds))


def closed_loop(record: ScenarioRecord) -> ScenarioRecord:
    """The prober waits for each answer, and in replicated blocks some take half a second: ticks are left out."""
    kept: list[Probe] = []
    busy_until = 0
    spans = [(b.start, b.end) for b in read_blocks(record) if b.arm == REPLICATED]
    for p in record.probes:
        if p.due < busy_until:
            continue
        slow = p.n % 60 == 0 and any(begin <= p.due < end - 600_000_000 for begin, end in spans)
        kept.append(replace(p, done=p.due + 500_000_000) if slow else p)
        busy_until = kept[-1].done
    return replace(record, probes=tuple(kept))


GOOD: dict[str, tuple[Change, str]] = {
    "nothing is slower": (plain, "In 6 rounds replication slows the service by less than 10%: throughput by"),
    "it is a little slower": (planted(slower=0.03), "p99 by +2.8%"),
    "it is as slow as the margin allows with room for noise": (planted(slower=0.07, noise=0.002), "p50 by +7."),
    "it is faster": (planted(slower=-0.2), "p50 by -20.1%"),
    "the machine slows down all the while": (planted(drift=0.01), "slows the service by less than 10%"),
    "it is noisy and there are many rounds": (planted(noise=0.05, rounds=16), "In 16 rounds"),
    "the margin is wide": (planted(slower=0.15, margin=0.3), "slows the service by less than 30%"),
    "the clients need a little time of their own": (planted(own=0.01), "by less than 10%"),
    "the load has a pace that the service cannot keep": (planted(pace=0.05, unpaced=False), "by less than 10%"),
    "the prober is a little late": (planted(late=0.0005), "by less than 10%"),
    "a probe failed here and there": (planted(failing={UNREPLICATED: 0.005}), "by less than 10%"),
    "many clients": (planted(clients=5), "by less than 10%"),
    "all rounds that were planned were measured": (then(plain, plan(4), plan(6)), "In 6 rounds"),
    "a block at the end lacks its partner": (
        then(planted(rounds=7), without(block(13))),
        "In 6 rounds replication slows the service by less than 10%",
    ),
    "there are other events and a final read": (
        then(
            plain,
            lambda r: replace(r, events=(Event(when(0), "phase", "load", "begin"), *r.events)),
            lambda r: replace(r, history=(*r.history, replace(r.history[-1], id=9999, f="scan", final=True))),
        ),
        "In 6 rounds",
    ),
    "rounds that other programs disturbed are left out": (
        planted(rounds=10, other_cpu={2: 0.5, 5: 0.2}),
        "2 further rounds are left out, for other programs had more than 10% of this machine's CPU.",
    ),
}

BAD: dict[str, tuple[Change, Status, str]] = {
    # What is slower is found.
    "everything is slower": (planted(slower=0.3), Status.FAIL, "p50 by 29.8%, certainly by 29"),
    "just beyond the margin": (planted(slower=0.15, noise=0.002), Status.FAIL, "slows the service by more than 10%: "),
    "only the tail is slower": (planted(tail=0.4), Status.FAIL, "more than 10%: p95 by 39"),
    "clients are answered later and probes are not": (
        then(
            lambda _: study(slower=0.3, seed=3),
            lambda r: replace(r, probes=study(slower=0.0, seed=3).probes),
        ),
        Status.FAIL,
        "more than 10%: throughput by 29",
    ),
    "no write is acknowledged with replication": (
        then(plain, lambda r: refuse(r, REPLICATED)),
        Status.FAIL,
        "throughput by more than 1000%",
    ),
    "it is slower though the load is throttled": (
        planted(slower=0.3, pace=0.25, unpaced=False),
        Status.FAIL,
        "more than 10%: p50 by",
    ),
    "probes fail with replication": (planted(failing={REPLICATED: 0.05}), Status.FAIL, "p99 by more than 1000%"),
    "a waiting prober leaves the slow ticks out": (then(plain, closed_loop), Status.FAIL, "p95 by more than 1000%"),
    "it is slower and grows slower": (planted(slower=0.3, growing=0.2), Status.FAIL, "slows the service by more"),
    # What cannot be shown is left open.
    "there are no blocks": (
        then(plain, without(lambda e: e.kind == "block")),
        Status.INCONCLUSIVE,
        "No block with or without replication is on record.",
    ),
    "too few rounds": (planted(rounds=5), Status.INCONCLUSIVE, "There are 5 whole rounds"),
    "one arm only": (
        then(plain, without(lambda e: e.name == REPLICATED)),
        Status.INCONCLUSIVE,
        "There are 0 whole rounds",
    ),
    "one round": (planted(rounds=1), Status.INCONCLUSIVE, "There is 1 whole round of one block with"),
    "too much noise": (planted(noise=0.15, seed=2), Status.INCONCLUSIVE, "too little power. At the noise of"),
    "so close to the margin that it may be beyond": (
        planted(slower=0.1, noise=0.002),
        Status.INCONCLUSIVE,
        "so a slowdown of 10% cannot be ruled out",
    ),
    "it grows slower": (planted(growing=0.15), Status.INCONCLUSIVE, "is not steady: from the first round to the last"),
    "the load is throttled": (
        planted(pace=0.2, unpaced=False),
        Status.INCONCLUSIVE,
        "had nothing under way for 37% of the time (2.5% is allowed), so the load is throttled",
    ),
    "the load is throttled a little": (planted(pace=0.135, unpaced=False), Status.INCONCLUSIVE, "throttled"),
    "nobody said whether the load has a pace": (
        then(planted(own=0.01), events(lambda e: replace(e, observed=dict(list(e.observed.items())[:3])))),
        Status.INCONCLUSIVE,
        "throttled",
    ),
    "the clients are the bottleneck": (planted(own=0.08), Status.INCONCLUSIVE, "so the clients are the bottleneck"),
    "replication was on in an unreplicated block": (
        then(plain, blocks(block(3, "end"), ok=False)),
        Status.INCONCLUSIVE,
        "In 1 block replication was not as the arm wanted it, the first of them 3 (",
    ),
    "nobody looked whether replication was on": (
        then(plain, blocks(lambda e: e.kind == "block", ok=None)),
        Status.INCONCLUSIVE,
        "in 12 of 12 blocks",
    ),
    "nobody looked at one end of one block": (
        then(planted(slower=0.5), blocks(block(4, "begin"), ok=None)),
        Status.INCONCLUSIVE,
        "in 1 of 12 blocks",
    ),
    "replicated blocks always went first": (
        planted(order=always(REPLICATED)),
        Status.INCONCLUSIVE,
        "In 6 of 6 rounds the replicated block came first",
    ),
    "an order that was not drawn makes a drift look like a slowdown": (
        planted(order=always(UNREPLICATED), drift=0.08),
        Status.INCONCLUSIVE,
        "The order must be drawn.",
    ),
    "a round in the middle is missing": (
        then(planted(rounds=8), without(of_round(3))),
        Status.INCONCLUSIVE,
        "there is no whole one with the number 3",
    ),
    "a block in the middle never ended": (
        then(planted(rounds=8), without(block(6, "end"))),
        Status.INCONCLUSIVE,
        "there is no whole one with the number 3",
    ),
    "the arms were not measured in turns": (
        planted(order=lambda rounds, seed: [PlannedBlock(n, n % rounds, ARMS[n // rounds]) for n in range(2 * rounds)]),
        Status.INCONCLUSIVE,
        "The blocks of round 0 were not measured one right after the other.",
    ),
    "it was stopped early": (then(plain, plan(9)), Status.INCONCLUSIVE, "6 of 9 planned rounds were measured"),
    "the prober is late": (planted(late=0.004), Status.INCONCLUSIVE, "is the prober's own delay"),
    "the prober is late with replication only": (
        then(plain, lambda r: delay(r, REPLICATED, 0.003)),
        Status.INCONCLUSIVE,
        "in replicated blocks is the prober's own delay",
    ),
    "probes are missing": (
        then(plain, probes(lambda p: None if p.n % 30 == 0 else p)),
        Status.INCONCLUSIVE,
        "The probing did not keep its schedule: of 104 probes due in block 0, 10",
    ),
    "there are no probes": (
        then(plain, probes(lambda p: None)),
        Status.INCONCLUSIVE,
        "Block 0 holds 0 probes; its p99 needs 100 at the least.",
    ),
    "there are too few probes for a p99": (
        then(plain, probes(lambda p: p if p.n % 2 else None)),
        Status.INCONCLUSIVE,
        "its p99 needs 100 at the least",
    ),
    "the service fails without replication": (
        planted(failing={UNREPLICATED: 0.03}),
        Status.INCONCLUSIVE,
        "Without replication 2.9% of the probes failed",
    ),
    "a client was gone in some blocks": (
        then(plain, operations(lambda o: None if o.process == 1 and o.invoked > when(20) else o)),
        Status.INCONCLUSIVE,
        "Not the same load: 1 client worked in block",
    ),
    "nobody wrote": (
        then(plain, lambda r: replace(r, history=())),
        Status.INCONCLUSIVE,
        "Only 0 writes acknowledged in block",
    ),
    "too few writes to tell": (planted(operation=0.6), Status.INCONCLUSIVE, "too few to tell a slowdown of 10% from"),
    "no write was acknowledged without replication": (
        then(plain, lambda r: refuse(r, UNREPLICATED)),
        Status.INCONCLUSIVE,
        "Only 0 writes acknowledged",
    ),
    "the run was cut short": (
        then(plain, lambda r: replace(r, finished=False)),
        Status.INCONCLUSIVE,
        "The run was cut short",
    ),
    # What cannot be is an error.
    "a line could not be read": (
        then(plain, lambda r: replace(r, problems=("history.jsonl line 7: not JSON.",))),
        Status.ERROR,
        "The record cannot be read in full",
    ),
    "what other programs had is no share": (
        then(plain, observed(block(3, "end"), other_cpu="much")),
        Status.ERROR,
        "In block 3 other programs had the share 'much' of the machine, expected a number.",
    ),
    "too few rounds were left alone by other programs": (
        planted(rounds=8, other_cpu={0: 0.5, 3: 0.4, 5: 0.3}),
        Status.INCONCLUSIVE,
        "In 3 of 8 rounds other programs had more than 10% of this machine's CPU: it takes a quieter one.",
    ),
    "a block has no number": (
        then(plain, observed(block(3, "begin"), n=None)),
        Status.ERROR,
        "A block's begin has n = None, expected a number.",
    ),
    "a block has a name of its own": (
        then(plain, blocks(block(3), name="half-replicated")),
        Status.ERROR,
        "A block is called 'half-replicated'; expected replicated or unreplicated.",
    ),
    "a block begins twice": (
        then(plain, observed(block(3, "begin"), n=2)),
        Status.ERROR,
        "Block 2 begins twice.",
    ),
    "a block ends as another": (
        then(plain, lambda r: swap_end(r, 3)),
        Status.ERROR,
        "without having begun so",
    ),
    "a round has two blocks of one arm": (
        then(plain, lambda r: same_arm(r, 2)),
        Status.ERROR,
        "Round 2 has two blocks that are",
    ),
    "a warm-up is longer than its block": (
        then(plain, observed(block(3, "begin"), warmup_s=5)),
        Status.ERROR,
        "Block 3 ends before its warm-up of 5 s is over.",
    ),
    "a warm-up is no length of time": (
        then(plain, observed(block(3, "begin"), warmup_s="long")),
        Status.ERROR,
        "Block 3 has a warm-up of 'long', expected seconds.",
    ),
    "blocks overlap": (
        then(plain, lambda r: begin_early(r, 3)),
        Status.ERROR,
        "Block 3 begins before block 2 has ended.",
    ),
}


def spans_of(record: ScenarioRecord, arm: str) -> list[tuple[int, int]]:
    begins = {e.observed["n"]: e.t for e in record.events if e.kind == "block" and e.state == "begin"}
    return [
        (begins[e.observed["n"]], e.t)
        for e in record.events
        if e.kind == "block" and e.state == "end" and e.name == arm
    ]


def refuse(record: ScenarioRecord, arm: str) -> ScenarioRecord:
    """Every operation that is under way in blocks of this arm is refused."""
    spans = spans_of(record, arm)

    def edit(o: Operation) -> Operation:
        within = any(o.invoked < end and (o.completed or 0) > begin for begin, end in spans)
        return replace(o, outcome=Outcome.FAIL, error="503") if within else o

    return operations(edit)(record)


def delay(record: ScenarioRecord, arm: str, by: float) -> ScenarioRecord:
    """The prober is late in blocks of this arm."""
    shift = round(by * 1e9)
    spans = spans_of(record, arm)

    def edit(p: Probe) -> Probe:
        within = any(begin <= p.due < end for begin, end in spans)
        return replace(p, sent=p.sent + shift, done=p.done + shift) if within else p

    return probes(edit)(record)


def other(arm: str) -> str:
    return UNREPLICATED if arm == REPLICATED else REPLICATED


def swap_end(record: ScenarioRecord, n: int) -> ScenarioRecord:
    return events(lambda e: replace(e, name=other(e.name)) if block(n, "end")(e) else e)(record)


def same_arm(record: ScenarioRecord, number: int) -> ScenarioRecord:
    return blocks(of_round(number), name=REPLICATED)(record)


def begin_early(record: ScenarioRecord, n: int) -> ScenarioRecord:
    return events(lambda e: replace(e, t=e.t - 300_000_000) if block(n, "begin")(e) else e)(record)


@pytest.mark.parametrize("case", GOOD)
def test_what_is_not_slower_passes(case: str) -> None:
    change, words = GOOD[case]
    verdict = judged(change(PLAIN))
    assert verdict.status is Status.PASS, verdict.reason
    assert words in verdict.reason


@pytest.mark.parametrize("case", BAD)
def test_what_is_slower_fails_and_what_cannot_be_shown_does_not_pass(case: str) -> None:
    change, status, words = BAD[case]
    verdict = judged(change(PLAIN))
    assert verdict.status is status, verdict.reason
    assert words in verdict.reason, verdict.reason


@pytest.mark.parametrize("slower", [-0.2, 0.0, 0.05, 0.3, 1.0])
def test_the_slowdown_reported_is_the_one_that_was_planted(slower: float) -> None:
    record = study(slower=slower, noise=0.0)
    for metric in ("p50", "p95", "p99"):
        assert judged_ratio(record, metric) == pytest.approx(100 * slower, abs=0.5)
    assert judged_ratio(record, "throughput") == pytest.approx(100 * slower, abs=1)


def test_the_truth_lies_within_the_bounds_that_are_reported() -> None:
    figures = judged(study(slower=0.04, noise=0.03, rounds=10)).figures
    for metric in ("throughput", "p50", "p95", "p99"):
        assert float(str(figures[f"{metric}_slowdown_low_percent"])) < 4
        assert float(str(figures[f"{metric}_slowdown_high_percent"])) > 4


def test_figures_name_noise_power_and_the_rounds_that_are_needed() -> None:
    figures = judged(study(noise=0.08, seed=4)).figures
    assert figures["rounds"] == 6
    assert figures["blocks"] == 12
    assert 4 < float(str(figures["p50_sd_percent"])) < 20
    assert float(str(figures["p50_power_percent"])) < 100
    assert int(str(figures["rounds_needed"])) > 6
    assert figures["p50_unreplicated_s"] == pytest.approx(0.004, rel=0.2)


def test_every_round_is_in_the_evidence_with_its_blocks_and_its_order() -> None:
    record = PLAIN
    verdict = judged(record)
    assert [e.kind for e in verdict.evidence] == ["round"] * 6
    first = next(e.name for e in record.events)
    assert verdict.evidence[0].text.startswith(
        f"Round 0 (the {first} one first): with replication slower by throughput "
    )


def test_warm_up_is_not_counted() -> None:
    """Everything takes ten times as long in the warm-up of replicated blocks, and nothing else does."""
    record = PLAIN
    starts = [(b.start, b.arm) for b in read_blocks(record)]

    def edit(p: Probe) -> Probe:
        warming = any(arm == REPLICATED and start - 100_000_000 <= p.due < start for start, arm in starts)
        return replace(p, done=p.due + 10 * (p.done - p.due)) if warming else p

    assert judged(probes(edit)(record)).figures == judged(record).figures


def test_a_seed_moves_the_resampled_bounds_and_nothing_else() -> None:
    record = study(noise=0.03)
    one, other_one = degradation.check(record, seed=1).figures, degradation.check(record, seed=2).figures
    assert degradation.check(record, seed=1).figures == one
    assert {k for k in one if one[k] != other_one[k]} <= {
        f"{p}_slowdown_{edge}_percent" for p in ("p95", "p99") for edge in ("low", "high")
    }


def test_a_runner_plans_its_rounds_from_the_record_so_far() -> None:
    def so_far(noise: float) -> dict[str, list[float]]:
        record = study(noise=noise, seed=5)
        rounds = whole_rounds(read_blocks(record))
        return log_ratios(rounds, measure(record, blocks_of(rounds)))

    quiet, noisy = (plan_rounds(so_far(noise), 0.10, cap=24) for noise in (0.005, 0.08))
    assert (quiet.rounds, quiet.capped) == (6, False)
    assert noisy.rounds > 6


def test_probes_that_are_due_in_no_block_count_nowhere() -> None:
    record = PLAIN
    spans = [(b.start, b.end) for b in read_blocks(record)]
    counted = sum(any(begin <= p.due < end for begin, end in spans) for p in record.probes)
    assert judged(record).figures["probes"] == counted < len(record.probes)


def test_the_schedule_of_the_product_is_the_one_that_is_accepted() -> None:
    for seed in range(10):
        record = study(Planted(rounds=6, seed=seed, noise=0.002, order=block_schedule))
        assert judged(record).status is Status.PASS
