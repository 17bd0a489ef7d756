"""MS-GR-05 and -11: how old what is missing may be, where the profile says that rather than how much (rpo_s)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import (
    A,
    B,
    add_events,
    add_ops,
    at,
    clean,
    drop_events,
    edit_events,
    edit_ops,
    edit_read,
    fault,
    info,
    lose,
)
from volume_records import ending_with, writes

from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, ScenarioRecord, Status, Thresholds

Change = Callable[[ScenarioRecord], ScenarioRecord]
SITE_LOST = at(0.05)


def limited(rpo_s: float | None, operations: int | None = None) -> Change:
    return lambda r: replace(r, info=replace(r.info, thresholds=Thresholds(rpo_s=rpo_s, rpo_operations=operations)))


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def missing(t: float, site: str | None = A) -> Change:
    """A write was acknowledged at that time, and is not there."""
    key = f"at {t}"
    lost = Operation(0, 99, "write", at(t - 0.01), Outcome.OK, at(t), key=key, value=f"v of {key}", site=site)
    return lambda r: add_ops(r, lost)


def struck(record: ScenarioRecord) -> ScenarioRecord:
    """The link was disturbed and no site was lost."""
    plain = replace(record, info=replace(record.info, faults_planned=("link-delay",)))
    return drop_events(plain, lambda e: e.name == "site-loss")


def moved(record: ScenarioRecord) -> ScenarioRecord:
    """The service was moved, and no site was lost."""
    plain = drop_events(replace(record, info=info(faults_planned=())), lambda e: e.kind in ("fault", "scheme"))
    return add_events(plain, Event(at(-0.01), "scheme", "migrate", "begin", B))


GOOD: dict[str, tuple[Change, str]] = {
    "nothing is lost": (limited(1), "All 60 acknowledged writes are there"),
    "what is lost is young": (
        both(limited(1), missing(-0.9)),
        "The oldest lost write was acknowledged 0.900 s to 0.950 s before site-a was lost (limit 1 s).",
    ),
    "many are lost and all are young": (both(limited(5), lose(*(f"b-{n}" for n in range(40)))), "(limit 5 s)"),
    "few are lost and young": (both(limited(1, 2), missing(-0.9), missing(-0.5)), "(limit 1 s)"),
    "the answer was on its way when the site was lost": (
        both(limited(1), missing(0.06)),
        "0 ms before site-a was lost",
    ),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_when(change: Change, reason: str) -> None:
    verdict = judge("acknowledged-writes", change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


FAILING: dict[str, tuple[Change, str]] = {
    "one that is lost is too old": (
        both(limited(1), missing(-0.9), missing(-1.01)),
        "acknowledged 1.010 s to 1.060 s before site-a was lost, more than the 1 s allowed",
    ),
    "all are young and too many": (
        both(limited(1, 1), missing(-0.9), missing(-0.5)),
        "2 of 62 acknowledged writes are lost where the profile allows 1",
    ),
    "one was acknowledged by the second site": (
        both(limited(5), lose("a-3")),
        "1 lost write was acknowledged after site-a was lost: the limit of 5 s is for what was acknowledged before",
    ),
    "one was acknowledged by the first site after its repair": (
        both(limited(5), lambda r: edit_events(r, fault("site-loss", "healing"), t=at(2)), missing(3)),
        "1 lost write was acknowledged after site-a was lost",
    ),
    "one has another value": (
        both(
            limited(5),
            lambda r: edit_read(r, lambda items: [(k, "rotten" if k == "b-39" else v) for k, v in items]),
        ),
        "there with a value that was never written",
    ),
    "no site was lost": (both(limited(5), struck, lose("b-39")), "1 of 60 acknowledged writes is lost"),
    "the service was moved": (both(moved, limited(5), lose("b-39")), "1 of 60 acknowledged writes is lost"),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judge("acknowledged-writes", change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason
    assert verdict.evidence


OPEN: dict[str, tuple[Change, str]] = {
    "the limit lies inside": (
        both(limited(0.93), missing(-0.9)),
        "acknowledged 0.900 s to 0.950 s before site-a was lost: the limit of 0.93 s lies inside",
    ),
    "nobody noted who acknowledged it after the loss": (
        both(limited(5), missing(0.5, site=None), missing(-0.5)),
        "others after it by a site that is not on record",
    ),
    "what is lost is young and the read was of the lost site": (
        both(limited(5), missing(-0.5), lambda r: edit_ops(r, lambda o: o.f == "scan", site=A)),
        "not by the redundant one",
    ),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judge("acknowledged-writes", change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


# -- volumes ---------------------------------------------------------------------------------------------------------


def volume(last: int, rpo_s: float, operations: int | None = None) -> ScenarioRecord:
    """A copy that ends with this of 40 writes."""
    return limited(rpo_s, operations)(ending_with(last).record())


def age_of(seq: int) -> float:
    """Seconds from the acknowledgement of a write to the later edge of the loss."""
    done = next(w.completed for w in writes() if w.seq == seq)
    assert done is not None
    return (SITE_LOST - done) / 1e9


@pytest.mark.parametrize(
    ("over", "operations", "status", "reason"),
    [
        (0.01, None, Status.PASS, "20 of 40 acknowledged writes are missing at the end"),
        (0.01, 20, Status.PASS, "The oldest lost write was acknowledged"),
        (0.01, 19, Status.FAIL, "where the profile allows 19"),
        (-0.02, None, Status.INCONCLUSIVE, "lies inside"),
        (-0.06, None, Status.FAIL, "more than the"),
    ],
)
def test_the_copy_of_a_volume_may_be_as_old_as_the_profile_allows(
    over: float, operations: int | None, status: Status, reason: str
) -> None:
    verdict = judge("volume-copy", volume(20, age_of(21) + over, operations))
    assert verdict.status is status, verdict.reason
    assert reason in verdict.reason


def test_the_order_of_a_copy_is_judged_without_a_look_at_its_age() -> None:
    assert judge("volume-order", volume(20, 0.001)).status is Status.PASS
