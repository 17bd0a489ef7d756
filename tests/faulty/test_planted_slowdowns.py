"""Slowdowns and disturbances planted in otherwise correct records: found always, and never seen where there is none."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from load_blocks import study
from moved_service import moved

from conformance.checkers.registry import judge
from conformance.model import ScenarioRecord, Thresholds

seeds = st.integers(0, 2**32)
noises = st.floats(0, 0.02)
drifts = st.floats(0, 0.003)


@settings(max_examples=40, deadline=None)
@given(seeds, noises, drifts, st.floats(0.25, 2), st.integers(6, 10))
def test_a_slowdown_beyond_the_margin_is_always_found(
    seed: int, noise: float, drift: float, slower: float, rounds: int
) -> None:
    verdict = judge("degradation", study(seed=seed, noise=noise, drift=drift, slower=slower, rounds=rounds))
    assert verdict.status == "fail", verdict.reason


@settings(max_examples=40, deadline=None)
@given(seeds, noises, st.floats(0.3, 5), st.integers(6, 10))
def test_a_slowdown_of_the_tail_alone_is_always_found(seed: int, noise: float, tail: float, rounds: int) -> None:
    verdict = judge("degradation", study(seed=seed, noise=noise, tail=tail, rounds=rounds))
    assert verdict.status == "fail", verdict.reason
    assert "p99" in verdict.reason
    assert "p50" not in verdict.reason


@settings(max_examples=40, deadline=None)
@given(seeds, noises, drifts, st.floats(-0.3, 0.05), st.integers(6, 10))
def test_without_a_slowdown_beyond_the_margin_none_is_reported(
    seed: int, noise: float, drift: float, slower: float, rounds: int
) -> None:
    verdict = judge("degradation", study(seed=seed, noise=noise, drift=drift, slower=slower, rounds=rounds))
    assert verdict.status != "fail", verdict.reason


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0.12, 0.5), noises, st.floats(0.145, 0.4))
def test_a_throttled_load_or_a_growing_effect_never_passes(seed: int, slower: float, noise: float, pace: float) -> None:
    assert judge("degradation", study(seed=seed, noise=noise, pace=pace, unpaced=False)).status == "inconclusive"
    assert judge("degradation", study(seed=seed, noise=noise / 10, growing=slower)).status != "pass"


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0.5, 8), st.floats(1.1, 3))
def test_an_interruption_longer_than_allowed_is_always_found(seed: int, begin: float, lasts: float) -> None:
    verdict = judge("disturbance", moved(seed=seed, away=[(begin, begin + lasts)], after=5))
    assert verdict.status == "fail"
    assert "longer than the 1 s allowed" in verdict.reason
    low, high = (float(str(verdict.figures[f"interruption_{edge}_s"])) for edge in ("low", "high"))
    assert low <= lasts <= high


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0.5, 8), st.floats(0, 0.9), st.floats(-0.2, 0.1))
def test_a_move_that_keeps_to_its_limits_is_never_reported(
    seed: int, begin: float, lasts: float, slower: float
) -> None:
    record = moved(seed=seed, away=[(begin, begin + lasts)], slower=slower)
    assert judge("disturbance", record).status != "fail"


@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(0.5, 3), st.integers(2, 12))
def test_a_move_that_slows_or_fails_is_always_found(seed: int, slower: float, every: int) -> None:
    assert judge("disturbance", moved(seed=seed, slower=slower)).status == "fail"
    assert judge("disturbance", moved(seed=seed, failing=every)).status == "fail"


JUNK = (None, True, -1, 0, 3, 7.5, "long", [1], float("nan"))
BLOCKS, MOVE = study(), moved()


def torn(record: ScenarioRecord, seed: int) -> ScenarioRecord:
    """The record with events missing, junk in what others observed, and all, most, some or none of the rest."""
    rng = random.Random(seed)
    events = tuple(
        replace(e, observed={k: rng.choice(JUNK) if rng.random() < 0.02 else v for k, v in e.observed.items()})
        for e in record.events
        if rng.random() > 0.02
    )
    share = rng.choice((0.0, 0.1, 0.9, 1.0))
    probes = tuple(p for p in record.probes if rng.random() >= share)
    history = tuple(o for o in record.history if rng.random() >= share)
    return replace(record, events=events, probes=probes, history=history)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_a_torn_record_never_makes_a_check_crash_and_never_shows_a_slowdown(seed: int) -> None:
    for name, record in (("degradation", BLOCKS), ("disturbance", MOVE)):
        verdict = judge(name, torn(record, seed))
        assert "crashed" not in verdict.reason
        assert verdict.status != "fail", verdict.reason


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.05, 0.5))
def test_a_wider_margin_never_turns_a_pass_into_anything_else(seed: int, margin: float) -> None:
    narrow = study(seed=seed, noise=0.01, slower=0.02, margin=margin)
    wide = replace(narrow, info=replace(narrow.info, thresholds=Thresholds(degradation_margin=margin * 1.5)))
    if judge("degradation", narrow).status == "pass":
        assert judge("degradation", wide).status == "pass"
