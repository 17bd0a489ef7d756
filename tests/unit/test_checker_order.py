"""MS-MT-01, -04, -07: the first site is stopped last, by the log and by what clients saw; clocks are trusted no further
than they state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, add_events, add_ops, at, drop_events, edit_events, edit_ops, probes
from move_records import moved, returned, samples, scheme

from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, ScenarioRecord, Status

Change = Callable[[ScenarioRecord], ScenarioRecord]
REPLICATED, SERVING, BACK = "move-replicated-first", "move-serving-first", "way-back-order"


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def is_step(state: str, operation: str = "migrate") -> Callable[[Event], bool]:
    return lambda e: e.kind == "scheme" and e.name == operation and e.state == state


def at_time(state: str, t: float, operation: str = "migrate") -> Change:
    """A step happened at another time."""
    return lambda r: edit_events(r, is_step(state, operation), t=at(t))


def without(*states: str, operation: str = "migrate") -> Change:
    return lambda r: drop_events(r, lambda e: any(is_step(s, operation)(e) for s in states))


def unsure(seconds: float) -> Change:
    """All clocks are known to so much only."""
    return lambda r: edit_events(r, lambda e: e.kind == "scheme", observed={"uncertainty_ns": round(seconds * 1e9)})


def stopped_at(low: float, high: float) -> Change:
    return both(at_time("first-stopping", low), at_time("first-stopped", high), at_time("end", high + 0.1))


def asked(t: float, site: str, outcome: Outcome, error: str | None = None, f: str = "write") -> Change:
    """A client asks a site at one time."""
    op = Operation(0, 40, f, at(t), outcome, at(t + 0.01), f"extra-{t}", "x", site, error)
    return lambda r: add_ops(r, op)


def served_at_b_from(t: float) -> Change:
    """Clients are served at B from then on, by nobody between 0.7 s and then."""
    return both(
        lambda r: replace(r, probes=probes(((-4, 0.7, A), (0.7, t, None), (t, 6, B)))),
        lambda r: edit_ops(r, lambda o: o.site == B and o.f == "write" and o.outcome is Outcome.OK, f="use-session"),
    )


def served_by_a_until(t: float) -> Change:
    """Clients are served at A until then, and at B 0.2 s later."""
    return both(served_at_b_from(t), lambda r: replace(r, probes=probes(((-4, t, A), (t + 0.2, 6, B)))))


def failed_probes_until(t: float, told: str) -> Change:
    """From 0.7 s on probes fail with these words, until B serves."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        record = served_at_b_from(t)(record)
        return replace(record, probes=tuple(p if p.ok else replace(p, error=told) for p in record.probes))

    return change


GOOD: dict[str, tuple[str, Change, str]] = {
    "it was copied well before": (REPLICATED, lambda r: r, "replicated to site-b 0.700 s to 1.000 s before site-a"),
    "it was copied just before": (
        REPLICATED,
        at_time("replicated", 1.19),
        "10 ms to 0.310 s before site-a was stopped",
    ),
    "it was copied at the second try": (
        REPLICATED,
        lambda r: add_events(r, scheme("migrate", 0.3, "replicated", B, False)),
        "0.700 s to 1.000 s",
    ),
    "clocks differ by less than the lead": (REPLICATED, unsure(0.3), "The sites' clocks agree to 0.300 s"),
    "the first site still answered": (REPLICATED, lambda r: r, "It still answered 0.480 s after the copy was complete"),
    "nobody saw anything of the first site": (
        REPLICATED,
        lambda r: replace(r, history=(), probes=()),
        "0.700 s to 1.000 s before site-a was stopped.",
    ),
    "the end of the stop is not on record": (REPLICATED, without("first-stopped"), "0.700 s before site-a was stopped"),
    "it was serving well before": (SERVING, lambda r: r, "site-b was serving 0.200 s to 0.500 s before site-a"),
    "clients came to it later": (SERVING, served_by_a_until(1.1), "Clients were first served there 0.102 s later"),
    "clients came to it before the log says so": (
        SERVING,
        asked(0.8, B, Outcome.OK),
        "first served there 0.390 s before",
    ),
    "clocks differ a little": (SERVING, unsure(0.05), "The sites' clocks agree to 50 ms"),
    "it refused before it was to serve": (SERVING, asked(0.9, B, Outcome.FAIL, "503 read-only"), "site-b was serving"),
    "a session was unknown there": (SERVING, asked(1.1, B, Outcome.FAIL, "401 unknown session"), "site-b was serving"),
    "a write there has an unknown outcome": (SERVING, asked(1.1, B, Outcome.INFO), "site-b was serving"),
    "the holder there was seen to be active": (
        SERVING,
        lambda r: replace(r, holders=samples({A: [(-9, 0.7)], B: [(0.9, 9)]})),
        "site-b was serving",
    ),
    "the way back keeps both orders": (BACK, lambda r: r, "replicated to site-a 0.700 s to 1.000 s before site-b"),
    "the way back is late in the day": (
        BACK,
        at_time("first-stopped", 13, "failback"),
        "site-a was serving 0.200 s to 2.000 s before site-b",
    ),
    "the first site served again after its return": (SERVING, lambda r: returned(), "site-b was serving"),
}


def record_of(check: str) -> ScenarioRecord:
    return returned() if check == BACK else moved()


@pytest.mark.parametrize(("check", "change", "reason"), GOOD.values(), ids=GOOD)
def test_the_order_is_kept_when(check: str, change: Change, reason: str) -> None:
    verdict = judge(check, change(record_of(check)))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


FAILING: dict[str, tuple[str, Change, str]] = {
    "the copy came after the stop": (
        REPLICATED,
        at_time("replicated", 1.6),
        "site-a was stopped 0.100 s at least before",
    ),
    "there was no copy": (REPLICATED, without("replicated"), "nothing on record says that the service"),
    "the copy failed": (
        REPLICATED,
        lambda r: edit_events(r, is_step("replicated"), ok=False),
        "nothing on record says that the service had been replicated",
    ),
    "the copy came long after, clocks uncertain": (
        REPLICATED,
        both(at_time("replicated", 3), at_time("end", 4), unsure(0.3)),
        "site-a was stopped 0.900 s at least before",
    ),
    "the first site was gone before the copy": (
        REPLICATED,
        both(
            served_at_b_from(1.2),
            asked(0.2, A, Outcome.FAIL, "not connected: Connection refused"),
            lambda r: replace(r, probes=probes(((-4, 0.1, A), (0.1, 1, None), (1, 4, B)))),
        ),
        "site-a could not be reached any more",
    ),
    "nobody knows when it was copied and only the end of the stop": (
        REPLICATED,
        both(at_time("replicated", 1.55), without("first-stopping")),
        "site-a was stopped 50 ms at least before",
    ),
    "the second served after the stop": (
        SERVING,
        at_time("second-serving", 1.55),
        "50 ms at least before site-b was serving",
    ),
    "the second never served": (SERVING, without("second-serving"), "nothing on record says that site-b was serving"),
    "the second was to serve and failed": (
        SERVING,
        lambda r: edit_events(r, is_step("second-serving"), ok=False),
        "nothing on record says that site-b was serving",
    ),
    "clients were refused there after the stop": (
        SERVING,
        failed_probes_until(2.5, f"{A}: not connected: Connection refused; {B}: 503 read-only"),
        "The log says that site-b was serving before site-a was stopped, but probe",
    ),
    "an operation was refused there after the stop": (
        SERVING,
        both(served_at_b_from(2.5), asked(1.7, B, Outcome.FAIL, "503 read-only")),
        "was not served there, and nobody had been before",
    ),
    "the holder there said no after the stop": (
        SERVING,
        both(served_at_b_from(3), lambda r: replace(r, holders=samples({B: [(3, 9)]}))),
        "was not served there, and nobody had been before",
    ),
    "both came after the stop on the way back": (
        BACK,
        both(at_time("replicated", 12, "failback"), at_time("second-serving", 12.1, "failback")),
        "site-b was stopped 0.500 s at least before the service had been replicated to site-a",
    ),
    "the copy came late on the way back": (
        BACK,
        at_time("replicated", 11.55, "failback"),
        "site-b was stopped 50 ms at least before",
    ),
    "the service came late on the way back": (
        BACK,
        at_time("second-serving", 11.58, "failback"),
        "site-b was stopped 80 ms at least before site-a was serving",
    ),
    "there was no copy on the way back": (BACK, without("replicated", operation="failback"), "nothing on record says"),
    "it came after the stop though the run was cut short": (
        SERVING,
        both(at_time("second-serving", 1.55), lambda r: replace(r, finished=False)),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("check", "change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(check: str, change: Change, reason: str) -> None:
    verdict = judge(check, change(record_of(check)))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[str, Change, str]] = {
    "there was no move": (REPLICATED, lambda r: drop_events(r, lambda e: e.kind == "scheme"), "No move to site-b"),
    "there was no way back": (BACK, lambda r: moved(), "No move to site-a"),
    "nothing was stopped": (REPLICATED, without("first-stopping", "first-stopped"), "no order to prove"),
    "the move was called off": (
        SERVING,
        both(without("first-stopping", "first-stopped"), lambda r: edit_events(r, is_step("end"), ok=False)),
        "The move was called off",
    ),
    "the copy was complete while the first site was stopping": (
        REPLICATED,
        at_time("replicated", 1.3),
        "is open (replicated): their order lies within the uncertainty",
    ),
    "clocks differ by more than the lead": (REPLICATED, unsure(0.4), "their order lies within the uncertainty"),
    "one clock differs by more than the lead": (
        SERVING,
        lambda r: edit_events(r, is_step("second-serving"), observed={"uncertainty_ns": 300_000_000}),
        "The sites' clocks agree to 0.300 s",
    ),
    "only the end of the stop is on record": (
        REPLICATED,
        without("first-stopping"),
        "no first-stopping event says when",
    ),
    "the first site served after its stop": (
        REPLICATED,
        asked(1.8, A, Outcome.OK),
        "was served there: the log cannot be trusted",
    ),
    "the first site held the identity after its stop": (
        SERVING,
        lambda r: replace(r, holders=samples({A: [(-9, 3)]})),
        "the log cannot be trusted",
    ),
    "nobody was ever served by the second": (
        SERVING,
        lambda r: replace(r, history=tuple(o for o in r.history if o.site == A), probes=probes(((-4, 0.7, A),))),
        "nobody was seen to be served by site-b",
    ),
    "clients were refused there before the stop": (
        SERVING,
        both(served_at_b_from(1.15), asked(1.05, B, Outcome.FAIL, "503 read-only")),
        "they contradict each other",
    ),
    "an event is of the wrong site": (
        SERVING,
        lambda r: edit_events(r, is_step("second-serving"), target=A),
        "the event second-serving is of site-a, not of site-b",
    ),
    "the move ended badly": (
        REPLICATED,
        lambda r: edit_events(r, is_step("end"), ok=False),
        "did not come to a good end",
    ),
    "the move never ended": (REPLICATED, without("end"), "did not come to a good end"),
    "the run was cut short": (SERVING, lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("check", "change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(check: str, change: Change, reason: str) -> None:
    verdict = judge(check, change(record_of(check)))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


@pytest.mark.parametrize("value", [-1, "5 ms", True, 1.5])
def test_an_uncertainty_that_is_no_length_of_time_is_an_error(value: object) -> None:
    verdict = judge(REPLICATED, edit_events(moved(), is_step("replicated"), observed={"uncertainty_ns": value}))
    assert verdict.status is Status.ERROR
    assert "the uncertainty of the event migrate replicated is" in verdict.reason


def test_figures_say_when_each_step_was_and_by_how_much_it_led() -> None:
    figures = judge(BACK, unsure(0.01)(returned())).figures
    assert figures == {
        "uncertainty_s": 0.01,
        "replicated_s": 0.5,
        "replicated_lead_s": pytest.approx(0.68),
        "serving_s": 1.0,
        "serving_lead_s": pytest.approx(0.18),
        "stop_low_s": pytest.approx(1.19),
        "stop_high_s": pytest.approx(1.51),
    }


def test_the_evidence_names_the_steps() -> None:
    verdict = judge(SERVING, moved())
    assert [e.ref for e in verdict.evidence] == ["replicated", "second-serving", "stop of the first site"]


def test_a_return_after_a_failover_is_judged_alike() -> None:
    assert judge("return-order", returned()).reason == judge(BACK, returned()).reason
