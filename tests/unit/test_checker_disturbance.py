"""MS-MT-02: what a planned move does to the service is judged, and what nobody saw is not claimed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from moved_service import moved, when

from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, Probe, ScenarioRecord, Status, Thresholds, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]
PLAIN = moved()
STRICT = Thresholds(max_interruption_s=1.0, degradation_margin=0.25, max_error_share=0.0001)


def judged(record: ScenarioRecord) -> Verdict:
    return judge("disturbance", record)


def planted(**what: Any) -> Change:
    return lambda _: moved(**what)


def probes(edit: Callable[[Probe], Probe | None]) -> Change:
    return lambda r: replace(r, probes=tuple(new for p in r.probes if (new := edit(p)) is not None))


def operations(edit: Callable[[Operation], Operation | None]) -> Change:
    return lambda r: replace(r, history=tuple(new for o in r.history if (new := edit(o)) is not None))


def events(edit: Callable[[Event], Event | None]) -> Change:
    return lambda r: replace(r, events=tuple(new for e in r.events if (new := edit(e)) is not None))


def unanswered(begin: float, end: float) -> Change:
    """Operations that begin in this time are never answered."""

    def edit(o: Operation) -> Operation:
        if not when(begin) <= o.invoked < when(end):
            return o
        return replace(o, outcome=Outcome.INFO, completed=None, error="no answer")

    return operations(edit)


def swap(operation: Operation, error: str) -> Operation:
    return replace(operation, f="cas", outcome=Outcome.FAIL, error=error)


def until(seconds: float) -> Change:
    """Probing ended so long after the move began."""
    return probes(lambda p: p if p.due < when(seconds) else None)


GOOD: dict[str, tuple[Change, str]] = {
    "nothing is noticed": (planted(), "The service was not interrupted. 0 of 1002 operations and probes"),
    "it is away for a moment": (planted(away=[(7, 7.5)]), "was interrupted 1 time, for 0.477 s to 0.525 s altogether"),
    "it is away twice for a moment": (planted(away=[(2, 2.3), (7, 7.4)]), "was interrupted 2 times, for 0.6"),
    "it is away when the move begins": (planted(away=[(-0.2, 0.3)]), "for 0.280 s to 0.304 s altogether"),
    "it is away when the move ends": (planted(away=[(9.8, 10.2)]), "was interrupted 1 time"),
    "it is away just long enough": (planted(away=[(7, 7.94)]), "altogether (1 s are allowed)"),
    "a little slower": (planted(slower=0.1), "p99 by +10.0%"),
    "faster": (planted(slower=-0.3), "p50 by -"),
    "a few errors are allowed": (
        planted(failing=50, limits=Thresholds(max_error_share=0.05, degradation_margin=0.25)),
        "of 1002 operations and probes outside of interruptions failed (5.0% is allowed)",
    ),
    "swaps meet another value than they expect": (
        operations(lambda o: swap(o, "409 it holds another value") if o.id % 10 == 0 else o),
        "0 of 1002 operations and probes outside of interruptions failed",
    ),
    "the sites' clocks differ a little": (planted(uncertainty=50_000_000), "The service was not interrupted."),
    "the prober is a little late": (planted(late=0.0005), "The service was not interrupted."),
    "it is away long before the move and long after it": (
        planted(away=[(-8, -7.9), (10.5, 10.9)]),
        "The service was not interrupted.",
    ),
    "one probe fails": (planted(away=[(4.99, 5.01)]), "The service was not interrupted. 2 of "),
    "probes are few and the move is long": (planted(period=0.08, before=40, lasts=40), "higher by less than 25%"),
}

BAD: dict[str, tuple[Change, Status, str]] = {
    "it is away too long": (
        planted(away=[(7, 8.5)]),
        Status.FAIL,
        "for 1.477 s to 1.524 s altogether, longer than the 1 s",
    ),
    "it is away often and too long altogether": (
        planted(away=[(t, t + 0.3) for t in (1, 3, 5, 7)]),
        Status.FAIL,
        "was interrupted 4 times",
    ),
    "it never comes back": (planted(away=[(7, 99)]), Status.FAIL, "at least altogether, longer than the 1 s allowed"),
    "answers are held up too long": (planted(stalled=[(7, 8.2)]), Status.FAIL, "A probe waited 1.2"),
    "everything is slower": (planted(slower=0.6), Status.FAIL, "higher by more than 25%: p50 by 60.0%"),
    "the tail is slower": (planted(tail=1.0), Status.FAIL, "higher by more than 25%: p95 by 100.0%"),
    "every tenth request fails": (planted(failing=10), Status.FAIL, "102 of 1002 operations and probes outside of"),
    "clients are refused and probes are not": (
        operations(
            lambda o: replace(o, outcome=Outcome.FAIL, error="409") if o.id % 10 == 0 and o.invoked > when(0) else o
        ),
        Status.FAIL,
        "outside of interruptions failed, more than the 1.0% allowed",
    ),
    "clients are refused a swap for another reason than its value": (
        operations(lambda o: swap(o, "503 read-only") if o.id % 10 == 0 and o.invoked > when(0) else o),
        Status.FAIL,
        "outside of interruptions failed, more than the 1.0% allowed",
    ),
    "clients are left without an answer": (unanswered(2, 6), Status.FAIL, "failed, more than the 1.0% allowed"),
    "it fails though the move was called off": (planted(ok=False, slower=0.6), Status.FAIL, "higher by more than 25%"),
    "it is away for about as long as is allowed": (
        planted(away=[(7, 7.98)]),
        Status.INCONCLUSIVE,
        "for 0.957 s to 1.004 s altogether: the limit of 1 s lies inside that",
    ),
    "it is away when probing ends": (
        lambda _: until(10.1)(moved(away=[(9.5, 99)])),
        Status.INCONCLUSIVE,
        "the limit of 1 s lies inside that",
    ),
    "there was no move": (events(lambda e: None), Status.INCONCLUSIVE, "No move to site-b is on record."),
    "the move was called off": (planted(ok=False), Status.INCONCLUSIVE, "did not come to a good end"),
    "the move never ended": (planted(ended=False), Status.INCONCLUSIVE, "did not come to a good end"),
    "the move is too short": (planted(lasts=1.5), Status.INCONCLUSIVE, "There are 76 probes during the move"),
    "there was nothing before the move": (
        planted(before=1.5),
        Status.INCONCLUSIVE,
        "There are 75 probes before the move",
    ),
    "there are no probes": (probes(lambda p: None), Status.INCONCLUSIVE, "There are 0 probes before the move"),
    "probing ended early": (until(9), Status.INCONCLUSIVE, "Probing ended before the move did."),
    "nobody probed for a while": (
        probes(lambda p: None if when(4) < p.due < when(5.5) else p),
        Status.INCONCLUSIVE,
        "No probe was sent for 1.500 s, in which more than 1 s may have failed.",
    ),
    "the prober is late": (planted(late=0.004), Status.INCONCLUSIVE, "is the prober's own delay"),
    "the prober is late during the move": (
        probes(lambda p: replace(p, sent=p.sent + 4_000_000, done=p.done + 4_000_000) if p.due > when(0) else p),
        Status.INCONCLUSIVE,
        "during the move is the prober's own delay",
    ),
    "it failed before the move, too": (
        planted(failing_before=10),
        Status.INCONCLUSIVE,
        "Before the move 10.0% of the probes",
    ),
    "clients were refused before the move, too": (
        operations(
            lambda o: replace(o, outcome=Outcome.FAIL, error="409") if o.id % 10 == 0 and o.invoked < when(0) else o
        ),
        Status.INCONCLUSIVE,
        "More than 1.0% of the operations failed before the move, too.",
    ),
    "it was getting slower before the move": (
        planted(drift=0.05),
        Status.INCONCLUSIVE,
        "Latency was changing before the",
    ),
    "nobody used it": (planted(clients=0), Status.INCONCLUSIVE, "No client asked anything of the service"),
    "too few asked to tell so few errors": (
        planted(limits=STRICT),
        Status.INCONCLUSIVE,
        "0 of 1002 operations and probes outside of interruptions failed: that may stand for up to 0.3%",
    ),
    "it may be slower than the margin": (
        planted(slower=0.24),
        Status.INCONCLUSIVE,
        "Latency may be higher by more than 25%",
    ),
    "it is held up for a while": (planted(stalled=[(7, 7.5)]), Status.INCONCLUSIVE, "Latency may be higher by more"),
    "the run was cut short": (lambda r: replace(r, finished=False), Status.INCONCLUSIVE, "The run was cut short"),
    "a line could not be read": (
        lambda r: replace(r, problems=("probes.jsonl line 7: not JSON.",)),
        Status.ERROR,
        "The record cannot be read in full",
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_move_that_hardly_disturbs_passes(case: str) -> None:
    change, words = GOOD[case]
    verdict = judged(change(PLAIN))
    assert verdict.status is Status.PASS, verdict.reason
    assert words in verdict.reason, verdict.reason


@pytest.mark.parametrize("case", BAD)
def test_a_move_that_disturbs_fails_and_what_nobody_saw_does_not_pass(case: str) -> None:
    change, status, words = BAD[case]
    verdict = judged(change(PLAIN))
    assert verdict.status is status, verdict.reason
    assert words in verdict.reason, verdict.reason


def test_an_interruption_lies_in_the_interval_that_is_reported() -> None:
    figures = judged(moved(away=[(3, 3.33), (7, 7.41)])).figures
    assert figures["interruptions"] == 2
    assert float(str(figures["interruption_low_s"])) <= 0.74 <= float(str(figures["interruption_high_s"]))
    assert float(str(figures["interruption_high_s"])) - float(str(figures["interruption_low_s"])) <= 0.12


def test_requests_in_an_interruption_are_no_errors_on_top() -> None:
    figures = judged(moved(away=[(7, 7.5)])).figures
    assert figures["errors"] == 0
    assert int(str(figures["asked"])) < 1002


def test_evidence_names_interruptions_and_failed_operations() -> None:
    verdict = judged(moved(away=[(7, 8.5)], failing=25))
    kinds = [e.kind for e in verdict.evidence]
    assert kinds.count("outage") == 1
    assert "operation" in kinds
    assert "in a row failed" in verdict.evidence[0].text


@pytest.mark.parametrize("slower", [-0.3, 0.0, 0.2, 1.0])
def test_the_slowdown_reported_is_the_one_that_was_planted(slower: float) -> None:
    figures = judged(moved(slower=slower)).figures
    for p in (50, 95, 99):
        assert float(str(figures[f"p{p}_slowdown_percent"])) == pytest.approx(100 * slower, abs=4)


def test_the_same_record_gives_the_same_verdict() -> None:
    assert judged(moved(slower=0.2)) == judged(moved(slower=0.2))
