"""MS-GR-02: recovery is judged as an interval, and what the probes do not show is not made up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import (
    A,
    B,
    Segment,
    add_events,
    at,
    clean,
    drop_events,
    edit_events,
    fault,
    info,
    probes,
)

from conformance.checkers.registry import judge
from conformance.model import Event, Probe, ScenarioRecord, Status, Thresholds, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("outage", record)


def probed(*segments: Segment, interval: float = 0.02, took: float = 0.002) -> Change:
    """The service was probed so: (from, to, who answered)."""
    period = round(interval * 1e9)
    return lambda r: replace(r, probes=probes(segments, interval, took), info=replace(r.info, probe_interval_ns=period))


def back_after(seconds: float, until: float = 20, limit: float = 5.0) -> Change:
    """The service was back so long after the loss, and stayed."""
    return lambda r: replace(
        r,
        probes=probes(((-4, 0, A), (0, seconds, None), (seconds, until, B))),
        info=info(thresholds=Thresholds(rto_s=limit, detect_s=2)),
    )


def edit_probes(where: Callable[[Probe], bool], **fields: object) -> Change:
    return lambda r: replace(
        r,
        probes=tuple(replace(p, **fields) if where(p) else p for p in r.probes),  # type: ignore[arg-type]
    )


def hang(record: ScenarioRecord) -> ScenarioRecord:
    """Every probe of the outage hangs for a second before it fails."""
    return replace(record, probes=tuple(p if p.ok else replace(p, done=p.sent + 10**9) for p in record.probes))


def late(lateness: float) -> Change:
    """Every probe from a while after the loss on is sent late."""
    shift = round(lateness * 1e9)
    return lambda r: replace(
        r, probes=tuple(replace(p, sent=p.due + shift, done=p.done + shift) if p.due > at(0.1) else p for p in r.probes)
    )


def scheme(state: str, t: float, ok: bool | None = None, detail: str = "") -> Change:
    """The failover reached this state at this time."""
    return lambda r: add_events(
        drop_events(r, lambda e: e.kind == "scheme" and e.state == state),
        Event(at(t), "scheme", "failover", state, B, ok, detail),
    )


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


GOOD: dict[str, tuple[Change, str]] = {
    "it is back soon": (lambda r: r, "The service was back at site-b 1.430 s to 1.502 s after site-a was lost"),
    "it is back just in time": (back_after(4.98), "(limit 5 s)"),
    "nothing was noticed at all": (probed((-4, 0.04, A), (0.04, 4, B)), "No probe failed"),
    "one probe failed": (probed((-4, 0.06, A), (0.06, 0.08, None), (0.08, 4, B)), "back at site-b"),
    "the lost site still answered as it went": (
        probed((-4, 0.05, A), (0.05, 1, None), (1, 4, B)),
        "back at site-b",
    ),
    "clients were held up before the loss": (
        probed((-4, -2, A), (-2, 1, None), (1, 4, B)),
        "For clients the outage began 1.998 s earlier, before site-a was lost; it lasted 2.978 s to 3.022 s.",
    ),
    "it came and went before it stayed": (
        probed((-4, 0, A), (0, 1, None), (1, 1.5, B), (1.5, 2, None), (2, 5, B)),
        "back at site-b 1.930 s to 2.002 s",
    ),
    "it blinked long after": (
        probed((-4, 0, A), (0, 1, None), (1, 4, B), (4, 4.1, None), (4.1, 7, B)),
        "After the recovery there was 1 short outage",
    ),
    "it had blinked before the loss": (
        probed((-4, -3, A), (-3, -2.8, None), (-2.8, 0, A), (0, 1, None), (1, 4, B)),
        "back at site-b 0.930 s",
    ),
    "probes hang": (hang, "back at site-b"),
    "probes are few": (probed((-30, 0, A), (0, 2, None), (2, 30, B), interval=1.0), "back at site-b"),
    "probes are missing in the middle": (
        probed((-4, 0, A), (0, 0.5, None), (1.5, 4, B)),
        "No probe was sent for 1.020 s in between, which makes the interval wider",
    ),
    "the scheme says nothing of detection": (
        lambda r: drop_events(r, lambda e: e.kind == "scheme"),
        "back at site-b",
    ),
    "it was detected just in time": (scheme("detect", 1.999), "detected within 1.999 s (limit 2 s)"),
    "the failover complained but the service is back": (scheme("end", 1.5, False, "Timed out."), "back at site-b"),
    "nobody noted who answered": (edit_probes(lambda p: p.sent > at(1), site=None), "back at site-b"),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


FAILING: dict[str, tuple[Change, str]] = {
    "it is back too late": (back_after(6), "later than the 5 s allowed"),
    "it is back a little too late": (back_after(5.1), "later than the 5 s allowed"),
    "it never came back": (
        probed((-4, 0, A), (0, 10, None)),
        "9.930 s after site-a was lost the service was still not back",
    ),
    "it came back and did not stay": (
        probed((-4, 0, A), (0, 2, None), (2, 2.5, B), (2.5, 9, None)),
        "still not back",
    ),
    "it came and went all the time": (
        probed((-4, 0, A), *((n / 2, n / 2 + 0.5, B if n % 2 else None) for n in range(20))),
        "still not back",
    ),
    "every other probe fails": (
        probed((-4, 0, A), *((n / 50, n / 50 + 0.02, B if n % 2 else None) for n in range(400))),
        "still not back",
    ),
    "it went again for too long": (
        probed((-4, 0, A), (0, 1, None), (1, 3, B), (3, 9, None), (9, 11, B)),
        "Having come back, the service was gone again for 5.978 s to 6.022 s",
    ),
    "it went again for good": (
        probed((-4, 0, A), (0, 1, None), (1, 3, B), (3, 9, None)),
        "Having come back, the service was gone again for 5.978 s",
    ),
    "the failover gave up": (
        both(probed((-4, 0, A), (0, 2, None)), scheme("end", 1.5, False, "The standby did not answer.")),
        "The failover ended in failure: The standby did not answer. The service was not back",
    ),
    "the limit is short": (
        lambda r: replace(r, info=info(thresholds=Thresholds(rto_s=1, detect_s=2))),
        "later than the 1 s allowed",
    ),
    "it was detected too late": (
        both(back_after(4), scheme("detect", 2.6)),
        "Detecting the loss took 2.200 s to 2.600 s, over the limit of 2 s. The service was back",
    ),
    "it was detected and recovered too late": (both(back_after(6), scheme("detect", 2.6)), "later than"),
    "a third site answers": (
        both(probed((-4, 0, A), (0, 9, "site-c"))),
        "still not back",
    ),
    "probes hang and it is back too late": (both(back_after(9), hang), "later than"),
    "it is back too late though a fault did not bite": (
        both(back_after(6), lambda r: edit_events(r, fault("link-delay", "verified"), ok=False)),
        "This stands although",
    ),
    "it was gone for too long when the run was cut short": (
        both(probed((-4, 0, A), (0, 10, None)), lambda r: replace(r, finished=False)),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "the service was not probed": (lambda r: replace(r, probes=()), "not probed"),
    "the limit lies inside the interval": (back_after(5.0), "the limit of 5 s lies inside that interval"),
    "missing probes hide the recovery": (
        probed((-4, 0, A), (0, 4, None), (6, 9, B)),
        "the limit of 5 s lies inside that interval",
    ),
    "probing ended before the limit": (
        probed((-4, 0, A), (0, 3, None)),
        "The service was not back 2.930 s after site-a was lost, when probing ended; it was allowed 5 s",
    ),
    "probing ended just as it came back": (
        probed((-4, 0, A), (0, 2, None), (2, 2.3, B)),
        "only for 0.280 s so far: too short",
    ),
    "probing ended with the loss": (probed((-4, 0.05, A)), "Probing ended"),
    "the service had never answered": (probed((-4, 1, None), (1, 4, B)), "0 probes answered before site-a was lost"),
    "the service had hardly answered": (probed((-0.1, 0, A), (0, 1, None), (1, 4, B)), "5 probes answered before"),
    "the lost site went on answering": (probed((-4, 4, A)), "the loss did not reach the service"),
    "the lost site answered once": (
        edit_probes(lambda p: at(0.5) < p.sent < at(0.53), ok=True, site=A),
        "1 probe answered by site-a while it was meant to be lost",
    ),
    "the loss is not on record": (lambda r: drop_events(r, fault("site-loss")), "not on record"),
    "the loss was never finished": (lambda r: drop_events(r, fault("site-loss", "injected")), "not on record"),
    "it had gone again when probing ended": (
        probed((-4, 0, A), (0, 1, None), (1, 3, B), (3, 4, None)),
        "gone again, for 0.978 s when probing ended",
    ),
    "it went again for about as long as is allowed": (
        probed((-4, 0, A), (0, 1, None), (1, 3, B), (3, 8, None), (8, 10, B)),
        "gone again for 4.978 s to 5.022 s: the limit lies inside",
    ),
    "when it was detected is uncertain": (
        both(back_after(4), scheme("begin", 0.5), scheme("detect", 2.3)),
        "Detecting the loss took 1.800 s to 2.300 s: the limit of 2 s lies inside",
    ),
    "the last probe of all was answered": (
        probed((-4, 0, A), (0, 2, None), (2, 2.02, B)),
        "too short to say that it was back",
    ),
    "hardly any probe was sent after it came back": (
        probed((-4, 0, A), (0, 1, None), (1, 1.02, B), (2.98, 3, B)),
        "too short to say that it was back",
    ),
    "the loss was not seen to bite": (
        lambda r: edit_events(r, fault("site-loss", "verified"), ok=False, detail="Nova answered."),
        "did not show its effect: Nova answered",
    ),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
    "the failover gave up and the run was cut short": (
        both(probed((-4, 0, A), (0, 2, None)), scheme("end", 1.5, False), lambda r: replace(r, finished=False)),
        "was not back",
    ),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_late_probes_are_taken_at_the_time_they_were_sent() -> None:
    figures = judged(late(0.3)(clean())).figures
    assert figures["rto_low_s"] == pytest.approx(1.73)
    assert figures["rto_high_s"] == pytest.approx(1.802)
    assert figures["latest_probe_s"] == pytest.approx(0.3)


def test_the_interval_of_a_recovery_is_two_periods_and_the_time_the_loss_took() -> None:
    figures = judged(clean()).figures
    low, high = figures["rto_low_s"], figures["rto_high_s"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert high - low <= 0.05 + 2 * 0.02 + 0.002


def test_a_service_that_was_not_seen_back_has_no_upper_bound() -> None:
    figures = judged(probed((-4, 0, A), (0, 10, None))(clean())).figures
    assert figures["rto_high_s"] == math.inf
    assert figures["outage_high_s"] == math.inf


def test_a_slow_answer_dates_the_recovery_to_its_end_unless_a_quicker_one_came() -> None:
    record = clean()
    first = next(p for p in record.probes if p.ok and p.sent > at(0))
    slow = edit_probes(lambda p: p.n == first.n, done=first.sent + 500_000_000)(record)
    assert judged(slow).figures["rto_high_s"] == pytest.approx(1.522)


def test_each_phase_has_its_figure() -> None:
    figures = judged(clean()).figures
    assert figures["failover_begun_s"] == pytest.approx(0.4)
    assert figures["detect_s"] == pytest.approx(0.8)
    assert figures["promote_s"] == pytest.approx(0.4)
    assert figures["serve_s"] == pytest.approx(0.302)


def test_outages_are_named_in_time_order() -> None:
    record = probed((-4, -3, A), (-3, -2.8, None), (-2.8, 0, A), (0, 1, None), (1, 4, B))(clean())
    verdict = judged(record)
    assert [e.ref for e in verdict.evidence] == ["probes 50–59", "probes 200–249"]
    assert "10 probes in a row failed; the outage lasted 0.178 s to 0.222 s" in verdict.evidence[0].text
    assert verdict.figures["outages"] == 2


def test_the_whole_outage_is_the_one_around_the_loss() -> None:
    blinks = ((-4, -3, A), (-3, -2.8, None), (-2.8, 0, A), (0, 1, None), (1, 4, B), (4, 4.1, None), (4.1, 7, B))
    figures = judged(probed(*blinks)(clean())).figures
    assert figures["outage_low_s"] == pytest.approx(0.978)
    assert figures["outage_high_s"] == pytest.approx(1.022)
    assert figures["outage_before_loss_s"] == 0
    assert figures["outages"] == 3
    assert figures["later_outages"] == 1
    assert figures["longest_later_outage_s"] == pytest.approx(0.078)


def test_a_service_that_answered_for_a_second_is_back_and_for_less_is_not() -> None:
    def up_for(probes: int) -> Status:
        return judged(probed((-4, 0, A), (0, 2, None), (2, 2 + probes * 0.02, B))(clean())).status

    assert up_for(50) is Status.PASS
    assert up_for(49) is Status.INCONCLUSIVE


def test_at_least_half_of_the_probes_must_have_been_sent_for_it_to_count() -> None:
    def thinned(every: int) -> ScenarioRecord:
        record = clean()
        return replace(record, probes=tuple(p for p in record.probes if p.sent < at(1.5) or p.n % every == 0))

    assert judged(thinned(2)).status is Status.PASS
    assert judged(thinned(3)).status is Status.INCONCLUSIVE


def test_only_holes_between_the_loss_and_the_recovery_count() -> None:
    early = probed((-4, -3, A), (-2, 0, A), (0, 1, None), (1, 4, B))
    late = probed((-4, 0, A), (0, 1, None), (1, 3, B), (4, 7, B))
    within = probed((-4, -0.3, A), (0.3, 1, None), (1, 4, B))
    assert judged(early(clean())).figures["longest_probe_gap_s"] == pytest.approx(0.02)
    assert judged(late(clean())).figures["longest_probe_gap_s"] == pytest.approx(0.02)
    assert judged(within(clean())).figures["longest_probe_gap_s"] == pytest.approx(0.62)


def test_a_clean_failover_is_told_in_two_sentences() -> None:
    assert judged(clean()).reason == (
        "The service was back at site-b 1.430 s to 1.502 s after site-a was lost (limit 5 s). "
        "The loss was detected within 0.800 s (limit 2 s)."
    )


def test_only_the_failover_after_the_loss_tells_its_phases() -> None:
    record = add_events(
        drop_events(clean(), lambda e: e.kind == "scheme"),
        Event(at(-2), "scheme", "failover", "detect", B),
        Event(at(0.5), "scheme", "protect", "detect", B),
        Event(at(0.6), "scheme", "failover", "detect", B, False),
    )
    assert "detect_s" not in judged(record).figures
    late = add_events(record, Event(at(3), "scheme", "failover", "detect", B))
    verdict = judged(late)
    assert verdict.status is Status.FAIL
    assert "Detecting the loss took 2.950 s to 3.000 s" in verdict.reason


def test_an_outage_that_began_before_the_loss_and_never_ended_is_at_least_so_long() -> None:
    verdict = judged(probed((-4, -2, A), (-2, 10, None))(clean()))
    assert "For clients the outage began 1.998 s earlier, before site-a was lost; it lasted 11.978 s at least." in (
        verdict.reason
    )


def test_failed_probes_are_counted() -> None:
    figures = judged(clean()).figures
    assert (figures["probes"], figures["probes_failed"]) == (400, 75)
