"""Instants are dated no more exactly than they are known, and the turning point is what the scenario is about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import MS, A, B, add_events, at, clean, drop_events, edit_events, fault, info

from conformance.checkers.timeline import TurningPoint, last_instant, site_loss, turning_point
from conformance.model import Event, Operation, Outcome, ScenarioRecord


def no_loss_planned(record: ScenarioRecord) -> ScenarioRecord:
    return drop_events(replace(record, info=info(faults_planned=("link-delay",))), fault("site-loss"))


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        (-1, "1.050 s before site-a was lost"),
        (-0.001, "51 ms before site-a was lost"),
        (0, "as site-a was lost"),
        (0.05, "as site-a was lost"),
        (0.06, "60 ms after site-a was lost"),
        (2, "2.000 s after site-a was lost"),
    ],
)
def test_a_time_before_counts_to_the_later_edge_and_one_after_from_the_earlier(instant: float, words: str) -> None:
    assert TurningPoint("site-a was lost", at(0), at(0.05)).relative(at(instant)) == words


def test_the_loss_lies_between_the_injectors_first_and_last_act() -> None:
    loss = site_loss(clean())
    assert loss is not None
    assert (loss.began, loss.done, loss.healing, loss.verified) == (at(0), at(0.05), at(5), True)


def test_a_loss_without_a_beginning_on_record_is_dated_by_its_end() -> None:
    loss = site_loss(drop_events(clean(), fault("site-loss", "injecting")))
    assert loss is not None
    assert loss.began == loss.done == at(0.05)


def test_an_earlier_attempt_and_a_later_loss_do_not_move_it() -> None:
    record = add_events(
        clean(),
        Event(at(-3), "fault", "site-loss", "injecting", A),
        Event(at(-2), "fault", "site-loss", "injected", A, False, "Refused."),
        Event(at(-1), "fault", "site-loss", "verified", A, False),
        Event(at(9), "fault", "site-loss", "injecting", A),
        Event(at(9.1), "fault", "site-loss", "injected", A),
    )
    loss = site_loss(record)
    assert loss is not None
    assert (loss.began, loss.done, loss.verified) == (at(0), at(0.05), True)


def test_a_loss_that_failed_is_none() -> None:
    assert site_loss(edit_events(clean(), fault("site-loss", "injected"), ok=False)) is None
    assert site_loss(edit_events(clean(), fault("site-loss"), target=B)) is None


def test_a_site_is_lost_until_its_repair_begins() -> None:
    loss = site_loss(clean())
    assert loss is not None
    assert [loss.lasts_at(at(t)) for t in (0.049, 0.05, 4.999, 5)] == [False, True, True, False]
    unrepaired = replace(loss, healing=None)
    assert unrepaired.lasts_at(at(99))


def test_where_no_loss_is_planned_the_first_fault_is_the_turning_point() -> None:
    turn = turning_point(no_loss_planned(clean()))
    assert turn is not None
    assert (turn.what, turn.began) == ("link-delay struck a-b", at(-2.9))


def test_where_no_fault_struck_the_first_failover_or_move_is_the_turning_point() -> None:
    record = drop_events(no_loss_planned(clean()), lambda e: e.kind == "fault")
    record = add_events(
        record,
        Event(at(-1), "scheme", "protect", "begin", B),
        Event(at(-1), "observation", "failover", "injected", B),
        Event(at(-1), "fault", "link-delay", "injected", "a-b", False),
    )
    turn = turning_point(record)
    assert turn is not None
    assert (turn.what, turn.began) == ("the failover began", at(0.4))


def test_a_planned_loss_that_did_not_happen_is_not_replaced_by_another_turning_point() -> None:
    assert turning_point(drop_events(clean(), fault("site-loss"))) is None


def test_the_record_ends_with_the_last_thing_that_was_seen_to_happen() -> None:
    record = clean(events=(), probes=())
    assert last_instant(record) == max(op.completed or 0 for op in record.history)
    hung = Operation(0, 1, "write", at(60), Outcome.INFO)
    assert last_instant(replace(record, history=(*record.history, hung))) == at(60)
    assert last_instant(clean(history=(), probes=())) == at(7.3)
    assert last_instant(clean(history=(), events=())) == at(3.98) + 2 * MS
    assert last_instant(clean(history=(), events=(), probes=())) is None
