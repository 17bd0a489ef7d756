"""MS-GR-02, the trigger: what a profile that takes an order counts from, and what one that does not cannot pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, Segment, at, clean, drop_events, edit_events, info, probes

from conformance.checkers.registry import judge
from conformance.model import Event, ScenarioRecord, Status, Thresholds, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("outage", record)


def asked(trigger: str, *segments: Segment, rto_s: float = 5, detect_s: float = 2) -> Change:
    """The profile's trigger, and how the service was probed if not as it is in the clean record."""
    limits = Thresholds(rto_s=rto_s, detect_s=detect_s, trigger=trigger)
    return lambda r: replace(r, info=info(thresholds=limits), probes=probes(segments) if segments else r.probes)


def begin(event: Event) -> bool:
    return event.kind == "scheme" and event.state == "begin"


def told(answer: object, t: float = 0.4) -> Change:
    return lambda r: edit_events(r, begin, observed={"told": answer}, t=at(t))


def detected(t: float) -> Change:
    return lambda r: edit_events(r, lambda e: e.kind == "scheme" and e.state == "detect", t=at(t))


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def never_begun(record: ScenarioRecord) -> ScenarioRecord:
    return drop_events(record, lambda e: e.kind == "scheme")


LONG: tuple[Segment, ...] = ((-4, 0, A), (0, 9, None), (9, 12, B))

GOOD: dict[str, tuple[Change, str]] = {
    "either, and it was told": (told(True), "after site-a was lost"),
    "automatic, and nobody told it": (both(asked("automatic"), told(False)), "Nobody told it to fail over"),
    "automatic, and it was back before it was told": (
        both(asked("automatic"), told(True, t=3)),
        "It was back before anybody told it to fail over",
    ),
    "manual, and the order came late": (
        both(asked("manual", *LONG), told(True, t=6), detected(7)),
        "back at site-b 2.980 s to 3.002 s after failover was ordered (limit 5 s). The loss was detected within "
        "1.000 s (limit 2 s). It was ordered 6.000 s after site-a was lost, which the profile does not count.",
    ),
    "manual, and it was back before the order": (
        both(asked("manual"), told(True, t=3)),
        "back at site-b 0 ms to 2 ms after failover was ordered",
    ),
    "manual, and nobody had to tell it": (both(asked("manual"), told(False)), "1.502 s after site-a was lost"),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_with(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


FAILING: dict[str, tuple[Change, str]] = {
    "either, and the order came late": (
        both(asked("either", *LONG), told(True, t=6)),
        "8.930 s to 9.002 s after site-a was lost, later than the 5 s allowed",
    ),
    "manual, and it took too long from the order": (
        both(asked("manual", *LONG), told(True, t=3)),
        "5.980 s to 6.002 s after failover was ordered, later than the 5 s allowed",
    ),
    "manual, and it never came back": (
        both(asked("manual", (-4, 0, A), (0, 12, None)), told(True, t=3)),
        "8.980 s after failover was ordered the service was still not back",
    ),
    "manual, and it was long in finding out": (
        both(asked("manual", *LONG, rto_s=9), told(True, t=3), detected(6)),
        "Detecting the loss took 3.000 s, over the limit of 2 s",
    ),
    "manual, and nobody gave the order": (both(asked("manual", *LONG), told(False)), "9.002 s after site-a was lost"),
    "manual, and nothing on record says whether it was told": (asked("manual", *LONG), "after site-a was lost, later"),
    "automatic, told, and too late as well": (both(asked("automatic", *LONG), told(True)), "later than the 5 s"),
    "automatic, untold and too late": (both(asked("automatic", *LONG), told(False)), "later than the 5 s allowed"),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_with(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "automatic, and it was told": (
        both(asked("automatic"), told(True)),
        "It was told to fail over 0.400 s after site-a was lost; whether it would have done so by itself",
    ),
    "automatic, and it was told just before it was back": (
        both(asked("automatic"), told(True, t=1.49)),
        "It was told to fail over 1.490 s after site-a was lost",
    ),
    "automatic, and nothing on record says whether it was told": (asked("automatic"), "Nothing on record says whether"),
    "automatic, and nonsense on record": (both(asked("automatic"), told("yes")), "Nothing on record says whether"),
    "automatic, and no failover on record": (both(asked("automatic"), never_begun), "Nothing on record says whether"),
    "manual, and the limit lies inside": (
        both(asked("manual", *LONG, rto_s=2.99), told(True, t=6), detected(7)),
        "2.980 s to 3.002 s after failover was ordered: the limit of 2.99 s lies inside",
    ),
    "manual, and probing ended before the order": (
        both(asked("manual", (-4, 0, A), (0, 3, None)), told(True, t=6)),
        "The service was not back 0 ms after failover was ordered, when probing ended",
    ),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_with(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_the_recovery_is_measured_from_the_loss_whatever_it_is_judged_from() -> None:
    figures = judged(both(asked("manual", *LONG), told(True, t=6), detected(7))(clean())).figures
    assert (figures["rto_low_s"], figures["rto_high_s"]) == pytest.approx((8.93, 9.002))
    assert (figures["after_order_low_s"], figures["after_order_high_s"]) == pytest.approx((2.98, 3.002))
    assert "after_order_low_s" not in judged(told(True)(clean())).figures
