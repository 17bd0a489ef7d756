"""Nothing is a pass unless what was planned happened, was seen to bite, was undone, and is on record in full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import add_events, at, clean, drop_events, edit_events, fault, info

from conformance.checkers.faults_bit import cut_short, gate
from conformance.checkers.registry import CHECKS, judge
from conformance.model import Event, ScenarioRecord, Status, Verdict

DURING = "link-delay"
Change = Callable[[ScenarioRecord], ScenarioRecord]
# The checks that the record of a lost site was made for.
ASKED = [name for name, check in CHECKS.items() if check.phrase in info().then]
PASS = Verdict(Status.PASS, "All is well.", {"n": 1})
FAIL = Verdict(Status.FAIL, "A write is lost.")
OPEN = Verdict(Status.INCONCLUSIVE, "Nobody looked.")


def struck(began: float, done: float, *, planned: int = 1, operation: str = "failover") -> Change:
    """The record of a scenario in which the link was to be disturbed during an operation, and was then. The failover of
    the clean record goes from 0.4 s to 1.5 s."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        moved = edit_events(record, fault(DURING, "injecting"), t=at(began))
        moved = edit_events(moved, fault(DURING, "injected"), t=at(done))
        faults = (*(DURING,) * planned, "site-loss")
        return replace(moved, info=info(faults_planned=faults, faults_during=((DURING, operation),) * planned))

    return change


def without_end(record: ScenarioRecord) -> ScenarioRecord:
    return drop_events(record, lambda e: e.kind == "scheme" and e.state == "end")


BLUNT: dict[str, tuple[Change, str]] = {
    "a fault was never injected": (
        lambda r: drop_events(r, fault("link-delay")),
        "The fault link-delay was planned and never injected.",
    ),
    "injection was skipped": (
        lambda r: add_events(
            drop_events(r, fault("link-delay")),
            Event(at(-3), "fault", "link-delay", "skipped", "a-b", False, "Fault injection is disabled for this run."),
        ),
        "never injected: Fault injection is disabled for this run.",
    ),
    "injection went wrong": (
        lambda r: edit_events(r, fault("link-delay", "injected"), ok=False, detail="The proxy refused."),
        "never injected: The proxy refused.",
    ),
    "a fault was not seen to bite": (
        lambda r: edit_events(r, fault("link-delay", "verified"), ok=False, detail="The round trip takes 1 ms."),
        "The fault link-delay was injected and did not show its effect: The round trip takes 1 ms.",
    ),
    "a fault was not judged": (
        lambda r: edit_events(r, fault("link-delay", "verified"), ok=None, detail=""),
        "did not show its effect.",
    ),
    "nobody looked whether a fault bit": (
        lambda r: drop_events(r, fault("link-delay", "verified")),
        "nothing on record shows that it had an effect.",
    ),
    "a fault was planned twice and injected once": (
        lambda r: replace(r, info=info(faults_planned=("link-delay", "link-delay", "site-loss"))),
        "planned and only 1 of 2 times injected",
    ),
    "a second verification found no effect": (
        lambda r: add_events(r, Event(at(-1), "fault", "link-delay", "verified", "a-b", False, "Gone.")),
        "did not show its effect: Gone.",
    ),
    "a fault that was to strike during an operation came after it": (
        struck(1.6, 1.75),
        "The fault link-delay was to strike during the failover: it was injected 1.350 s after that had begun, and "
        "that took 1.100 s, 0.250 s less.",
    ),
    "it was not there yet when the operation ended": (
        struck(1.4, 1.52),
        "it was injected 1.120 s after that had begun, and that took 1.100 s, 20 ms less.",
    ),
    "it was being injected before the operation began": (
        struck(0.3, 0.45),
        "The fault link-delay was to strike during the failover: its injection began 0.100 s before that did.",
    ),
    "the operation never ended on record": (
        lambda r: without_end(struck(0.5, 0.6)(r)),
        "it was injected 0.200 s after that had begun, and no end of it is on record.",
    ),
    "it came, and the operation did not": (
        struck(0.5, 0.6, operation="migrate"),
        "The fault link-delay was to strike during the move: it was injected, and no move is on record.",
    ),
    "of two that were to strike during the operation one came late": (
        lambda r: add_events(
            struck(0.5, 0.6, planned=2)(r),
            Event(at(1.7), "fault", DURING, "injected", "a-b"),
            Event(at(1.8), "fault", DURING, "verified", "a-b", True),
            Event(at(7.2), "fault", DURING, "healed", "a-b"),
            Event(at(7.3), "fault", DURING, "heal-verified", "a-b", True),
        ),
        "it was injected 1.300 s after that had begun, and that took 1.100 s, 0.200 s less.",
    ),
    "the scheme does not have what was asked of it": (
        lambda r: add_events(
            r,
            Event(
                at(2), "scheme", "migrate", "not-supported", "site-b", None, "The scheme x does not support migrate."
            ),
        ),
        "The scheme x does not support migrate.",
    ),
    "the run was cut short": (
        lambda r: replace(r, finished=False),
        "The run was cut short, 7.300 s after site-a was lost.",
    ),
}


@pytest.mark.parametrize(("change", "reason"), BLUNT.values(), ids=BLUNT)
def test_a_pass_becomes_inconclusive_when(change: Change, reason: str) -> None:
    verdict = gate(PASS, change(clean()))
    assert verdict.status is Status.INCONCLUSIVE
    assert reason in verdict.reason
    assert "Otherwise: All is well." in verdict.reason
    assert verdict.figures == PASS.figures


@pytest.mark.parametrize(("change", "reason"), BLUNT.values(), ids=BLUNT)
def test_a_fail_stands_and_it_is_said_that(change: Change, reason: str) -> None:
    verdict = gate(FAIL, change(clean()))
    assert verdict.status is Status.FAIL
    assert verdict.reason.startswith("A write is lost.")
    assert reason.rstrip(".") in verdict.reason


@pytest.mark.parametrize(("change", "reason"), BLUNT.values(), ids=BLUNT)
def test_what_was_open_stays_open_and_it_is_said_that(change: Change, reason: str) -> None:
    verdict = gate(OPEN, change(clean()))
    assert verdict.status is Status.INCONCLUSIVE
    assert reason in verdict.reason
    assert verdict.reason.endswith("Nobody looked.")


@pytest.mark.parametrize(("began", "done"), [(0.4, 0.5), (0.5, 1.5), (0.8, 0.8)])
def test_a_fault_that_struck_during_the_operation_it_was_meant_for_is_no_doubt(began: float, done: float) -> None:
    assert gate(PASS, struck(began, done)(clean())) == PASS


def test_a_fault_that_was_to_strike_during_an_operation_may_strike_during_the_second_of_the_kind() -> None:
    again = Event(at(2), "scheme", "failover", "begin"), Event(at(2.5), "scheme", "failover", "end", None, True)
    assert gate(PASS, add_events(struck(2.1, 2.2)(clean()), *again)) == PASS


def test_one_that_was_never_injected_is_not_said_to_be_late_as_well() -> None:
    never = drop_events(struck(0.5, 0.6)(clean()), fault(DURING))
    reason = gate(PASS, never).reason
    assert "planned and never injected" in reason and "was to strike" not in reason


UNHEALED: dict[str, tuple[Change, str]] = {
    "healing failed": (
        lambda r: edit_events(r, fault("link-delay", "healed"), ok=False, detail="The proxy is gone."),
        "Healing the fault link-delay failed: The proxy is gone.",
    ),
    "the effect was still there": (
        lambda r: edit_events(r, fault("link-delay", "heal-verified"), ok=False, detail="Still 160 ms."),
        "Healing the fault link-delay failed: Still 160 ms.",
    ),
    "a fault was never healed": (
        lambda r: drop_events(r, fault("site-loss", "healing", "healed", "heal-verified")),
        "The fault site-loss was injected and nothing on record shows that it was healed.",
    ),
    "nobody looked whether it was healed": (
        lambda r: drop_events(r, fault("site-loss", "heal-verified")),
        "nothing on record shows that its effect was gone afterwards.",
    ),
    "a fault nobody planned was not healed": (
        lambda r: add_events(r, Event(at(-1), "fault", "link-cut", "injected", "a-b")),
        "The fault link-cut was injected and nothing on record shows that it was healed.",
    ),
}


@pytest.mark.parametrize("verdict", [PASS, OPEN], ids=["pass", "inconclusive"])
@pytest.mark.parametrize(("change", "reason"), UNHEALED.values(), ids=UNHEALED)
def test_it_is_an_error_when(change: Change, reason: str, verdict: Verdict) -> None:
    gated = gate(verdict, change(clean()))
    assert gated.status is Status.ERROR
    assert reason in gated.reason


@pytest.mark.parametrize(("change", "reason"), UNHEALED.values(), ids=UNHEALED)
def test_a_fail_stands_over_an_error_in_healing(change: Change, reason: str) -> None:
    gated = gate(FAIL, change(clean()))
    assert gated.status is Status.FAIL
    assert reason in gated.reason


def test_a_run_cut_short_need_not_have_healed() -> None:
    record = drop_events(clean(), fault("site-loss", "healing", "healed", "heal-verified"))
    assert gate(PASS, replace(record, finished=False)).status is Status.INCONCLUSIVE


@pytest.mark.parametrize("verdict", [PASS, FAIL, OPEN], ids=["pass", "fail", "inconclusive"])
def test_a_damaged_record_is_an_error_whatever_was_found(verdict: Verdict) -> None:
    problems = ("history.jsonl line 7: not JSON.", "probes.jsonl line 2: not JSON.")
    gated = gate(verdict, clean(problems=problems))
    assert gated.status is Status.ERROR
    assert "2 problems, first history.jsonl line 7: not JSON. From what could be read:" in gated.reason
    assert verdict.reason in gated.reason
    assert [e.text for e in gated.evidence][:2] == list(problems)


def test_a_clean_record_leaves_every_verdict_alone() -> None:
    for status in Status:
        verdict = Verdict(status, "As it is.")
        assert gate(verdict, clean()) == verdict


def test_what_was_not_applicable_stays_so() -> None:
    verdict = Verdict(Status.NOT_APPLICABLE, "There is no session.")
    assert gate(verdict, clean(finished=False)) == verdict


def test_a_run_cut_short_is_dated_by_its_last_record_and_its_open_phase() -> None:
    record = drop_events(clean(finished=False), lambda e: e.t > at(0.9) or (e.name == "load" and e.state == "end"))
    record = replace(record, probes=(), history=())
    assert cut_short(record) == "The run was cut short in the phase load, 0.800 s after site-a was lost."
    early = drop_events(record, fault("site-loss"))
    assert cut_short(early) == "The run was cut short in the phase load, before any site was lost."
    nothing = replace(record, events=())
    assert cut_short(nothing) == "The run was cut short before anything was recorded."


@pytest.mark.parametrize("name", ASKED)
def test_no_check_passes_on_a_record_that_was_cut_short(name: str) -> None:
    assert judge(name, clean()).status is Status.PASS
    assert judge(name, clean(finished=False)).status is Status.INCONCLUSIVE


@pytest.mark.parametrize("name", ASKED)
def test_no_check_passes_when_no_fault_was_injected(name: str) -> None:
    assert judge(name, drop_events(clean(), lambda e: e.kind == "fault")).status is Status.INCONCLUSIVE


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_survives_an_empty_record(name: str) -> None:
    assert judge(name, ScenarioRecord(info())).status is Status.INCONCLUSIVE
