"""MS-MT-06: a move that cannot be completed stops nothing, and the service goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, Segment, add_events, add_ops, at, drop_events, edit_events, fault, probes
from move_records import LIMITS, moved, refused, samples, scheme

from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, ScenarioRecord, Status, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("no-stop-without-copy", record)


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def is_step(state: str) -> Callable[[Event], bool]:
    return lambda e: e.kind == "scheme" and e.name == "migrate" and e.state == state


def probed(*segments: Segment) -> Change:
    return lambda r: replace(r, probes=probes(segments))


def step(t: float, state: str, target: str, ok: bool | None = True, spread: float = 0) -> Change:
    return lambda r: add_events(r, scheme("migrate", t, state, target, ok, spread))


def writes(site: str, first: float, n: int) -> Change:
    return lambda r: add_ops(
        r,
        *(
            Operation(0, 9, "write", at(first + i / 10), Outcome.OK, at(first + i / 10 + 0.01), f"k{i}", "v", site)
            for i in range(n)
        ),
    )


GOOD: dict[str, tuple[Change, str]] = {
    "it is called off and goes on": (lambda r: r, "it served 144 requests afterwards"),
    "the copy's failure left no event": (lambda r: drop_events(r, is_step("replicated")), "was not stopped"),
    "it is called off at once": (lambda r: edit_events(r, is_step("end"), t=at(0.01)), "was not stopped"),
    "it blinked for less than is allowed": (probed((-4, 1.5, A), (1.5, 2, None), (2, 4, A)), "was not stopped"),
    "it was interrupted while it was tried": (probed((-4, 0.2, A), (0.2, 1, None), (1, 4, A)), "was not stopped"),
    "it had been interrupted before": (probed((-4, -3.9, A), (-3.9, -1, None), (-1, 4, A)), "was not stopped"),
    "only operations show it": (both(lambda r: replace(r, probes=()), writes(A, 1.5, 12)), "it served 12 requests"),
    "operations and probes show it": (writes(A, 1.5, 12), "it served 156 requests"),
    "its holder stayed active": (
        lambda r: replace(r, holders=samples({A: [(-9, 9)], B: []})),
        "was not stopped",
    ),
    "the second site was ready otherwise": (step(0.9, "second-serving", B, False), "was not stopped"),
    "clocks are uncertain": (
        lambda r: edit_events(r, lambda e: e.kind == "scheme", observed={"uncertainty_ns": 10**9}),
        "was not stopped",
    ),
    "it was interrupted for just as long as is allowed": (
        probed((-4, 1.5, A), (1.5, 3.4, None), (3.4, 5, A)),
        "was not stopped",
    ),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_the_first_site_goes_on_when(change: Change, reason: str) -> None:
    verdict = judged(change(refused()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


STOPPED = "was stopped although nothing says that the service had been replicated before"
FAILING: dict[str, tuple[Change, str]] = {
    "it began to stop": (step(1.05, "first-stopping", A), STOPPED),
    "it was stopped": (step(1.05, "first-stopped", A), STOPPED),
    "it began to stop and that failed": (step(1.05, "first-stopping", A, False), STOPPED),
    "it was stopped before the copy was tried": (step(0.1, "first-stopping", A), STOPPED),
    "it was stopped after the move had been called off": (step(2, "first-stopped", A), STOPPED),
    "it was stopped and the copy came later": (
        both(step(1.02, "first-stopping", A), step(1.04, "first-stopped", A), step(1.08, "replicated", B)),
        "The copy was complete 40 ms later",
    ),
    "it was stopped and the copy came much later": (
        both(step(0.2, "first-stopped", A), step(1.05, "replicated", B)),
        "The copy was complete 0.850 s later",
    ),
    "clocks are uncertain by less than the delay": (
        both(step(0.2, "first-stopped", A, True, 0.1), step(1.05, "replicated", B, True, 0.1)),
        "The copy was complete 0.650 s later",
    ),
    "the copy failed and the move went on to its end": (
        both(step(1.05, "first-stopped", A), lambda r: edit_events(r, is_step("end"), ok=True)),
        STOPPED,
    ),
    "the move stopped it and never ended": (
        both(step(1.05, "first-stopped", A), lambda r: drop_events(r, is_step("end"))),
        STOPPED,
    ),
    "nobody is served any more": (probed((-4, 1, A), (1, 6, None)), "interrupted for 4.978 s at least (limit 2 s)"),
    "it is interrupted for too long": (
        probed((-4, 1, A), (1, 3.5, None), (3.5, 5, A)),
        "interrupted for 2.478 s at least (limit 2 s)",
    ),
    "it is interrupted for too long while it is tried": (
        both(probed((-4, 0.1, A), (0.1, 3, None), (3, 5, A)), lambda r: edit_events(r, is_step("end"), t=at(3))),
        "interrupted for",
    ),
    "the service is gone for good soon after": (probed((-4, 2, A), (2, 5, None)), "interrupted for 2.978 s at least"),
    "it is served by the second site": (probed((-4, 1, A), (1.1, 5, B)), "the service does not go on there"),
    "a short interruption is too long": (
        both(
            probed((-4, 1.5, A), (1.5, 2, None), (2, 4, A)),
            lambda r: replace(r, info=replace(r.info, thresholds=replace(LIMITS, max_interruption_s=0.3))),
        ),
        "(limit 0.3 s)",
    ),
    "it was stopped though the cut did not bite": (
        both(step(1.05, "first-stopped", A), lambda r: edit_events(r, fault("link-cut", "verified"), ok=False)),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(refused()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "there was no move": (lambda r: drop_events(r, lambda e: e.kind == "scheme"), "No move to site-b"),
    "the copy was completed": (
        lambda r: edit_events(r, is_step("replicated"), ok=True),
        "The copy at site-b was completed",
    ),
    "the move succeeded": (lambda r: moved(), "The copy at site-b was completed"),
    "the move ended as if all were well": (
        lambda r: edit_events(r, is_step("end"), ok=True),
        "ended as if it had succeeded",
    ),
    "the move never ended": (lambda r: drop_events(r, is_step("end")), "never came to an end"),
    "copy and stop cannot be told apart": (
        both(step(0.98, "first-stopping", A), step(1.05, "first-stopped", A), step(1.0, "replicated", B)),
        "The copy at site-b was completed",
    ),
    "nobody looked afterwards": (lambda r: replace(r, probes=()), "was seen to serve only 0 requests"),
    "probing ended too early": (probed((-4, 1.2, A)), "was seen to serve only"),
    "the limit lies inside the interruption": (
        probed((-4, 1.5, A), (1.5, 3.5, None), (3.5, 5, A)),
        "the limit of 2 s lies inside",
    ),
    "it was gone when probing ended": (probed((-4, 3, A), (3, 4, None)), "An interruption lasted 0.978 s at least"),
    "the cut did not bite": (lambda r: edit_events(r, fault("link-cut", "verified"), ok=False), "did not show"),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(refused()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_figures_count_what_was_served_and_interrupted() -> None:
    figures = judged(probed((-4, 1.5, A), (1.5, 2, None), (2, 4, A))(refused())).figures
    assert figures["interruptions"] == 1
    assert figures["interruption_low_s"] == pytest.approx(0.478)
    assert figures["interruption_high_s"] == pytest.approx(0.522)
