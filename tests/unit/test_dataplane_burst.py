"""The figures of a numbered burst: what is lost, doubled, late and damaged."""

from __future__ import annotations

import pytest

from conformance.dataplane import Arrival, Burst


def burst(*numbers: int, sent: int = 10, damaged: int = 0) -> Burst:
    return Burst(sent, tuple(Arrival(number, 1000 * (at + 1)) for at, number in enumerate(numbers)), damaged)


def test_everything_in_order_shows_nothing() -> None:
    seen = burst(*range(10))
    assert (seen.lost_share, seen.duplicate_share, seen.late_share, seen.gaps, seen.missing) == (0, 0, 0, 0, ())


def test_packets_that_are_missing_are_lost_and_their_runs_are_gaps() -> None:
    seen = burst(0, 3, 4, 9)
    assert seen.missing == (1, 2, 5, 6, 7, 8) and seen.gaps == 2 and seen.lost_share == pytest.approx(0.6)


def test_a_damaged_packet_did_arrive() -> None:
    seen = burst(*range(8), damaged=1)
    assert seen.lost_share == pytest.approx(0.1) and seen.arrived == 8


def test_copies_are_counted_beside_what_arrived_and_make_nobody_late() -> None:
    seen = burst(0, 0, 1, 2, 2, 2, 3)
    assert seen.arrived == 4 and seen.duplicate_share == pytest.approx(3 / 4) and seen.late_share == 0


def test_a_packet_behind_later_ones_is_late_once_and_the_others_are_not() -> None:
    assert burst(0, 2, 3, 1, 4, 1).late_share == pytest.approx(1 / 5)


def test_times_are_taken_at_shares_of_what_arrived() -> None:
    seen = burst(*range(10))
    assert (seen.took_ns(0), seen.took_ns(0.5), seen.took_ns(1)) == (1000, 6000, 10000)
    assert burst().took_ns(0.5) is None and burst().lost_share == 1
