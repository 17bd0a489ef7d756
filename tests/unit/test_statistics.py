"""Bounds, power, plans, schedules and percentiles against peers, published numbers and plain reasoning."""

from __future__ import annotations

import subprocess
import sys
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from conformance.statistics.bootstrap import bca_mean, resampling_weights
from conformance.statistics.drift import drifts, lopsided, trend
from conformance.statistics.latency import SLOWEST_US, Tick, latencies
from conformance.statistics.noninferiority import bounds, slowdown
from conformance.statistics.planning import MOST, plan_rounds, power, rounds_needed
from conformance.statistics.schedule import ARMS, block_schedule
from conformance.statistics.stretches import log_ratios, percentiles, share_bounds, stretch

MS = 1_000_000


def noisy(n: int, sd: float, mean: float = 0.0, seed: int = 1) -> np.ndarray:
    """Log-ratios with exactly this mean and standard deviation."""
    x = np.random.default_rng(seed).standard_normal(n)
    return mean + sd * (x - x.mean()) / x.std(ddof=1)


# -- planning -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sd", "margin", "rounds"), [(0.02, 0.05, 4), (0.05, 0.05, 11), (0.10, 0.05, 38), (0.10, 0.10, 11)]
)
def test_known_noise_needs_the_known_number_of_rounds(sd: float, margin: float, rounds: int) -> None:
    assert rounds_needed(sd, margin) == rounds
    assert power(rounds, sd, margin) >= 0.9 > power(rounds - 1, sd, margin)


@pytest.mark.parametrize("rounds", [2, 4, 6, 7, 13, 20, 51, 500, 10_000])
def test_power_is_scipys_however_far_the_margin_is(rounds: int) -> None:
    for distance in np.linspace(-45, 60, 211):  # in standard errors
        margin, slow = np.expm1(max(distance, 0) / 1000), np.expm1(max(-distance, 0) / 1000)
        expected = stats.nct.sf(stats.t.ppf(0.95, rounds - 1), rounds - 1, distance)
        ours = power(rounds, np.sqrt(rounds) / 1000, margin, true_slowdown=slow)
        assert ours == pytest.approx(expected, abs=1e-9)


def test_power_is_the_share_of_simulated_studies_that_show_it() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(log(1.02), 0.06, (20_000, 9))
    [upper] = bounds(values, (0.95,), tail=False, seed=0)
    assert np.mean(upper < log(1.1)) == pytest.approx(power(9, 0.06, 0.10, true_slowdown=0.02), abs=0.01)


def test_a_slowdown_beyond_the_margin_is_hardly_ever_shown_to_be_none() -> None:
    assert power(6, 0.10, 0.05, true_slowdown=0.10) == pytest.approx(0.004, abs=0.0005)


def test_noise_that_no_number_of_rounds_masters_needs_the_most() -> None:
    assert rounds_needed(30.0, 0.05) == MOST


def test_without_noise_two_rounds_show_it_and_one_never_does() -> None:
    assert rounds_needed(0.0, 0.05) == 2
    assert power(1, 0.0, 0.05) == 0.0
    assert power(5, 0.0, 0.05, true_slowdown=0.05) == 0.0


def test_a_plan_asks_for_the_noisiest_metric_and_says_when_the_cap_forbids_it() -> None:
    pilot = {"throughput": noisy(6, 0.02), "p99": noisy(6, 0.10)}
    free, capped = plan_rounds(pilot, 0.10, cap=100), plan_rounds(pilot, 0.10, cap=8)
    assert free.rounds == free.needed["p99"] > free.needed["throughput"]
    assert not free.capped
    assert (capped.rounds, capped.capped) == (8, True)


def test_a_plan_depends_on_the_spread_alone_and_never_asks_for_fewer_than_there_are() -> None:
    slow, fast = (plan_rounds({"p50": noisy(9, 0.03, mean)}, 0.10, cap=50) for mean in (0.5, -0.5))
    assert slow == fast
    assert slow.rounds == 9


# -- bounds ---------------------------------------------------------------------------------------------------------


def test_students_bounds_are_those_of_scipy() -> None:
    values = noisy(8, 0.04, 0.01)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.90)
    assert bounds(values, (0.05, 0.95), tail=False, seed=0) == pytest.approx([expected.low, expected.high])


def test_resampled_bounds_agree_with_scipys_where_the_sample_is_large() -> None:
    values = np.random.default_rng(3).gamma(0.5, 1.0, 400)
    ours = bca_mean(values, (0.05, 0.95), resampling_weights(400, seed=4, resamples=20_000))
    peer = stats.bootstrap((values,), np.mean, confidence_level=0.90, n_resamples=20_000, method="BCa", rng=5)
    width = peer.confidence_interval.high - peer.confidence_interval.low
    assert ours[0] == pytest.approx(peer.confidence_interval.low, abs=width * 0.03)
    assert ours[1] == pytest.approx(peer.confidence_interval.high, abs=width * 0.03)


def test_resampled_bounds_lean_to_where_the_values_are_skewed() -> None:
    values = np.concatenate([np.zeros(25), np.full(5, 1.0)])
    low, high = bca_mean(values, (0.05, 0.95), resampling_weights(30, seed=1))
    assert high - values.mean() > values.mean() - low


def test_a_tail_has_the_outer_of_both_bounds() -> None:
    values = np.random.default_rng(6).standard_normal((50, 7))
    student = bounds(values, (0.0125, 0.95), tail=False, seed=1)
    resampled = bca_mean(values, (0.0125, 0.95), resampling_weights(7, seed=1))
    low, high = bounds(values, (0.0125, 0.95), tail=True, seed=1)
    assert np.array_equal(low, np.minimum(student[0], resampled[0]))
    assert np.array_equal(high, np.maximum(student[1], resampled[1]))


def test_bounds_move_with_the_values_and_the_same_seed_gives_the_same() -> None:
    values = noisy(8, 0.05)
    plain, again = (bounds(values, (0.05, 0.95), tail=True, seed=9) for _ in range(2))
    assert np.array_equal(plain, again)
    assert bounds(values + 0.2, (0.05, 0.95), tail=True, seed=9) == pytest.approx(plain + 0.2)


def test_values_without_any_spread_have_no_width() -> None:
    found = slowdown(np.full(6, log(1.2)), 0.10, tail=True, seed=1)
    assert (found.low, found.measured, found.high) == pytest.approx((0.2, 0.2, 0.2))
    assert found.power == 1.0


def test_a_slowdown_is_stated_as_a_factor_between_its_bounds() -> None:
    found = slowdown(noisy(10, 0.03, log(1.05)), 0.10, tail=False, seed=1, proof=0.01)
    assert found.low < found.measured < found.high
    assert found.measured == pytest.approx(0.05)
    assert found.sd == pytest.approx(0.03)


# -- drift and order ------------------------------------------------------------------------------------------------


def test_a_trend_is_the_one_of_scipys_regression() -> None:
    values = noisy(12, 0.05, seed=8)
    peer = stats.linregress(np.arange(12), values)
    found = trend(values)
    assert float(found.p) == pytest.approx(peer.pvalue)
    assert float(found.change) == pytest.approx(peer.slope * 11)


@pytest.mark.parametrize(("change", "expected"), [(0.0, False), (0.04, False), (0.2, True)])
def test_a_slowdown_that_grows_by_more_than_half_the_margin_is_a_drift(change: float, expected: bool) -> None:
    values = noisy(12, 0.001) + np.linspace(0, change, 12)
    assert bool(drifts(values, log(1.1), metrics=4)) is expected


def test_a_straight_line_without_noise_is_a_drift_and_a_constant_is_none() -> None:
    assert bool(drifts(np.linspace(0, 1, 6), log(1.1), metrics=4))
    assert not bool(drifts(np.full(6, 0.3), log(1.1), metrics=4))


def test_one_arm_first_in_more_than_three_quarters_of_the_rounds_is_lopsided() -> None:
    assert lopsided(["a"] * 6)
    assert lopsided(["a"] * 5 + ["b"])
    assert not lopsided(["a"] * 4 + ["b"] * 2)


# -- schedule -------------------------------------------------------------------------------------------------------


@given(st.integers(6, 40), st.integers(0, 2**32))
def test_a_schedule_has_each_arm_once_a_round_and_first_about_equally_often(rounds: int, seed: int) -> None:
    blocks = block_schedule(rounds, seed)
    assert [b.n for b in blocks] == list(range(2 * rounds))
    by_round = [{b.arm for b in blocks if b.round == r} for r in range(rounds)]
    assert by_round == [set(ARMS)] * rounds
    first = [b.arm for b in blocks[::2]]
    assert abs(first.count(ARMS[0]) - first.count(ARMS[1])) <= 2
    assert not lopsided(first)


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 2**32))
def test_a_longer_schedule_begins_with_the_shorter_one(rounds: int, more: int, seed: int) -> None:
    assert block_schedule(rounds + more, seed)[: 2 * rounds] == block_schedule(rounds, seed)


def test_schedules_of_different_seeds_differ() -> None:
    assert len({block_schedule(12, seed) for seed in range(20)}) > 10


# -- latency --------------------------------------------------------------------------------------------------------


def test_percentiles_count_from_when_a_tick_was_due() -> None:
    ticks = [Tick(n * 20 * MS, n * 20 * MS + (n + 1) * MS) for n in range(100)]
    found = latencies(ticks, 20 * MS)
    assert found.ticks == 100
    assert found.filled == 0
    assert found.seconds == pytest.approx({50: 0.050, 95: 0.095, 99: 0.099}, rel=0.002)


def test_ticks_that_a_waiting_prober_left_out_are_filled_in() -> None:
    """A prober that waits for each answer: 1 ms for 98 answers, one of 2 s, and 1 ms again."""
    due = [n * 20 * MS for n in range(99)]
    waited = Tick(99 * 20 * MS, 99 * 20 * MS + 2_000 * MS)
    after = [199 * 20 * MS + n * 20 * MS for n in range(100)]
    ticks = [*(Tick(t, t + MS) for t in due), waited, *(Tick(t, t + MS) for t in after)]
    found = latencies(ticks, 20 * MS)
    assert found.filled == 99
    assert found.seconds[95] > 1.5
    honest = [*(Tick(t, t + MS) for t in due), *(Tick(waited.due + n * 20 * MS, waited.done) for n in range(100))]
    full = latencies([*honest, *(Tick(t, t + MS) for t in after)], 20 * MS)
    assert found.seconds == pytest.approx(full.seconds, rel=0.02)


def test_ticks_missing_for_no_reason_are_not_made_up() -> None:
    ticks = [Tick(n * 20 * MS, n * 20 * MS + MS) for n in range(100) if n % 10]
    assert latencies(ticks, 20 * MS).filled == 0


def test_an_unanswered_tick_is_slower_than_every_answer() -> None:
    ticks = [Tick(n * MS, n * MS + 500_000, answered=n % 10 != 0) for n in range(100)]
    found = latencies(ticks, MS)
    assert found.seconds[50] == pytest.approx(0.0005, rel=0.002)
    assert found.seconds[95] == pytest.approx(SLOWEST_US / 1e6, rel=0.002)


def test_the_command_line_starts_without_scipy() -> None:
    code = (
        "import sys, conformance.cli as c\n"
        "[c.cli.get_command(None, name) for name in c.COMMANDS]\n"
        "print(*({'scipy', 'numpy', 'hdrh'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# -- stretches of time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "of"), [(0, 299), (3, 500), (500, 500), (1, 2)])
def test_bounds_of_a_share_are_scipys_exact_ones(hits: int, of: int) -> None:
    peer = stats.binomtest(hits, of).proportion_ci(0.90, method="exact")
    assert share_bounds(hits, of, 0.05) == pytest.approx((peer.low, peer.high))


def test_no_error_among_299_rules_out_one_in_a_hundred_and_among_298_does_not() -> None:
    assert share_bounds(0, 299, 0.05)[1] < 0.01 < share_bounds(0, 298, 0.05)[1]


def test_percentiles_of_a_stretch_count_its_chunks_as_often_as_they_were_drawn() -> None:
    row = stretch(range(0, 1000, 10), range(1, 101), 250)
    assert row.chunks == 4
    assert percentiles(row, (50, 99)).tolist() == [50, 99]
    assert percentiles(row, (50, 100), np.array([4, 0, 0, 0])).tolist() == [13, 25]


def test_a_stretch_that_takes_half_as_long_again_is_found_to_and_its_bounds_hold_the_truth() -> None:
    rng = np.random.default_rng(11)
    before, after = (rng.lognormal(0, 0.3, 600) * 1e6 for _ in range(2))
    due = range(0, 6000, 10)
    rows = [stretch(due, x.astype(int).tolist(), 500) for x in (before, after * 1.5)]
    found, (low, high) = log_ratios(*rows, (50, 95, 99), (0.05, 0.95), seed=1)
    assert np.all(low < log(1.5))
    assert np.all(high > log(1.5))
    assert found[0] == pytest.approx(log(1.5), abs=0.1)
