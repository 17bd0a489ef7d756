"""MS-GR-01: a VIM that leans on the lost site is found; one that nobody looked at is not praised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from builders import A, B, add_events, at, clean, drop_events, edit_events, fault, info

from conformance.checkers.registry import judge
from conformance.model import Event, ScenarioRecord, Status, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]
TIMES = {"token_s": 0.1, "catalog_s": 0.1, "list_s": 0.2, "network_s": 0.2, "server_s": 1.1}


def judged(record: ScenarioRecord) -> Verdict:
    return judge("vim-independence", record)


def alive(event: Event) -> bool:
    return event.name == "vim-alive"


def seen(**fields: Any) -> Change:
    """Change the observation of the second site's VIM."""
    return lambda r: edit_events(r, alive, **fields)


def observation(t: float, ok: bool | None = True, name: str = "vim-alive", target: str = B, **observed: Any) -> Event:
    return Event(at(t), "observation", name, "", target, ok, "" if ok else "Keystone timed out.", observed or TIMES)


def also(*events: Event) -> Change:
    return lambda r: add_events(r, *events)


def unverified(record: ScenarioRecord) -> ScenarioRecord:
    """The loss had no verification of its own."""
    return replace(
        edit_events(record, fault("site-loss", "verified"), name="site-loss-other"), info=info(faults_planned=())
    )


GOOD: dict[str, Change] = {
    "it took its time and worked": lambda r: r,
    "sub-checks are booleans": seen(observed={"identity": True, "api": True, "scheduling": True}),
    "sub-checks are nested": seen(observed={"checks": {"identity": True, "api": {"ok": True}, "scheduling": True}}),
    "sub-checks are spread over observations": lambda r: add_events(
        seen(observed={"token_s": 0.1, "list_s": 0.1})(r), observation(3.5, server_s=2.0)
    ),
    "other things are noted beside": seen(observed={**TIMES, "hosts": ["127.12.255.1"], "note": "fine"}),
    "no host of another site is named": seen(observed={**TIMES, "foreign_hosts": [], "failed": None}),
    "it was looked at several times": also(observation(1), observation(2), observation(4)),
    "it did not work before, and does now": also(observation(-1, False)),
    "it did not work after the repair began": also(observation(5.5, False)),
    "the first site was looked at and did not answer": lambda r: add_events(
        unverified(r), observation(2, False, "api-answers", A)
    ),
    "the first site was looked at and was silent": lambda r: add_events(
        unverified(r), observation(2, True, "api-silent", A)
    ),
    "another site's VIM did not work": also(observation(3, False, target="site-c")),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_it_works_on_its_own_when(change: Change) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert verdict.reason.startswith("Identity, API and scheduling of site-b worked in ")


FAILING: dict[str, tuple[Change, str]] = {
    "it did not work": (seen(ok=False, detail="Keystone timed out."), "after site-a was lost: Keystone timed out"),
    "it did not work and nobody said why": (seen(ok=False, detail="", observed=TIMES), "it failed"),
    "a step failed": (seen(observed={**TIMES, "failed": "server"}), "server failed"),
    "a sub-check failed": (seen(observed={"identity": True, "api": False, "scheduling": True}), "api failed"),
    "a nested sub-check failed": (
        seen(observed={"checks": {"identity": {"ok": False, "detail": "401"}, "api": True}}),
        "identity failed (401)",
    ),
    "its catalog leads to the lost site": (
        seen(observed={**TIMES, "foreign_hosts": ["127.11.255.1"]}),
        "it leads to hosts of other sites: 127.11.255.1",
    ),
    "it worked once and then not": (also(observation(4, False)), "Keystone timed out"),
    "it did not work at first": (also(observation(0.5, False)), "Keystone timed out"),
    "it worked before and does not now": (
        lambda r: add_events(seen(ok=False, detail="No valid host.")(r), observation(-1)),
        "No valid host",
    ),
    "identity alone failed": (seen(observed={"identity": False, **TIMES}), "identity failed"),
    "two sub-checks failed": (
        seen(observed={"identity": False, "api": False, "scheduling": True}),
        "identity failed; api failed",
    ),
    "scheduling alone failed": (seen(observed={**TIMES, "scheduling": False}), "scheduling failed"),
    "a nested sub-check failed without a word": (
        seen(observed={"checks": {"identity": True, "api": True, "scheduling": {"ok": False}}}),
        "scheduling failed",
    ),
    "its catalog leads to two other sites": (
        seen(observed={**TIMES, "foreign_hosts": ["127.11.255.1", "127.13.255.1"]}),
        "127.11.255.1 and 127.13.255.1",
    ),
    "it failed between two that worked": (also(observation(2), observation(2.5, False)), "Keystone timed out"),
    "it failed though a link fault did not bite": (
        lambda r: edit_events(seen(ok=False)(r), fault("link-delay", "verified"), ok=False),
        "This stands although",
    ),
    "it failed in a run that was cut short": (
        lambda r: replace(seen(ok=False)(r), finished=False),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "nobody looked": (lambda r: drop_events(r, alive), "Nobody looked at the VIM of site-b while site-a was lost"),
    "it was looked at before the loss only": (seen(t=at(-1)), "Nobody looked at the VIM"),
    "it was looked at after the repair began only": (seen(t=at(5.5)), "Nobody looked at the VIM"),
    "it was looked at while the site was going": (seen(t=at(0.02)), "Nobody looked at the VIM"),
    "the first site's VIM was looked at": (seen(target=A), "Nobody looked at the VIM"),
    "nothing was judged": (seen(ok=None), "Nobody looked at identity, API and scheduling"),
    "no sub-check is on record": (seen(observed={}), "Nobody looked at identity, API and scheduling"),
    "scheduling was not tried": (
        seen(observed={k: v for k, v in TIMES.items() if k != "server_s"}),
        "Nobody looked at scheduling",
    ),
    "identity was not tried": (seen(observed={"list_s": 0.1, "server_s": 1.0}), "Nobody looked at identity of"),
    "it did not work before the loss either": (
        lambda r: add_events(seen(ok=False)(r), observation(-1, False)),
        "did not work before site-a was lost either",
    ),
    "nothing shows that the first site was silent": (unverified, "that site-a was silent"),
    "the first site was silent before the loss only": (
        lambda r: add_events(unverified(r), observation(-1, True, "api-silent", A)),
        "that site-a was silent",
    ),
    "the first site answered": (
        lambda r: add_events(r, observation(2, True, "api-answers", A)),
        "that site-a was silent",
    ),
    "the first site answered once and was silent once": (
        lambda r: add_events(
            unverified(r), observation(2, True, "api-answers", A), observation(3, True, "api-silent", A)
        ),
        "that site-a was silent",
    ),
    "the loss is not on record": (lambda r: drop_events(r, fault("site-loss")), "not on record"),
    "the loss did not bite": (
        lambda r: edit_events(r, fault("site-loss", "verified"), ok=False, detail="Glance answered."),
        "Glance answered",
    ),
    "a link fault was never injected": (lambda r: drop_events(r, fault("link-delay")), "never injected"),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_the_evidence_says_when_it_was_looked_at() -> None:
    verdict = judged(clean())
    assert [e.text for e in verdict.evidence] == ["3.000 s after site-a was lost: A server was built."]
    assert verdict.figures["first_after_s"] == pytest.approx(2.95)
