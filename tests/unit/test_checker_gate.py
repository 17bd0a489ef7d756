"""Nothing is a pass unless what was planned happened, was seen to bite, was undone, and is on record in full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import add_events, at, clean, drop_events, edit_events, fault, info

from conformance.checkers.faults_bit import cut_short, gate
from conformance.checkers.registry import CHECKS, judge
from conformance.model import Event, ScenarioRecord, Status, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]
# The checks that the record of a lost site was made for.
ASKED = [name for name, check in CHECKS.items() if check.phrase in info().then]
PASS = Verdict(Status.PASS, "All is well.", {"n": 1})
FAIL = Verdict(Status.FAIL, "A write is lost.")
OPEN = Verdict(Status.INCONCLUSIVE, "Nobody looked.")

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
