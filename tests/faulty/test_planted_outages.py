"""Outages planted with known begin and end: what is stated about them is always true, and as narrow as probes
allow."""

from __future__ import annotations

import random
from dataclasses import replace

from builders import MS, A, B, at, clean, info
from hypothesis import given, settings
from hypothesis import strategies as st
from probe_schedule import Schedule

from conformance.checkers.probing import in_order, outages
from conformance.checkers.registry import judge
from conformance.model import Probe, Thresholds

PERIOD = 20 * MS
LOST = at(0.05)


def probe_service(
    gone: int, back: int, seed: int, *, latency: int = 2 * MS, hang: int = 0, hiccup: float = 0.0, waits: bool = False
) -> tuple[Probe, ...]:
    """Probe a service that is not there in [gone, back). A probe reaches the service somewhere between its sending
    and its end; in the outage it is refused at once or hangs for ``hang`` ns; with ``waits`` one that hangs is
    served when the service is back in time. ``hiccup`` is the share of probes that the prober sends late, by up to
    200 ms."""
    rng = random.Random(seed)
    found = []
    for n in range(round((at(9) - at(-3)) / PERIOD)):
        due = at(-3) + n * PERIOD
        sent = due + (rng.randrange(200 * MS) if rng.random() < hiccup else rng.randrange(MS))
        arrives = sent + rng.randrange(latency)
        done = arrives + rng.randrange(latency)
        ok = not gone <= arrives < back
        if not ok and hang:
            limit = sent + hang
            ok = waits and back < limit
            done = back + rng.randrange(latency) if ok else limit
        site = (A if arrives < gone else B) if ok else None
        found.append(Probe(n, due, sent, max(done, sent), ok, site))
    return tuple(found)


instants = st.floats(0, 0.05).map(at)
lengths = st.integers(100 * MS, 6000 * MS)
seeds = st.integers(0, 2**32)


@settings(max_examples=500)
@given(instants, lengths, seeds)
def test_the_true_recovery_lies_in_an_interval_of_two_periods(gone: int, length: int, seed: int) -> None:
    back = gone + length
    probes = probe_service(gone, back, seed)
    figures = judge("outage", clean(probes=probes, info=info(thresholds=Thresholds(rto_s=5)))).figures
    low, high = float(str(figures["rto_low_s"])), float(str(figures["rto_high_s"]))
    # The loss itself took from 0 to 0.05 s: the truth counts from the instant at which the service went.
    assert low - 1e-6 <= (back - gone) / 1e9 <= high + 1e-6
    assert low - 1e-6 <= max(0, back - LOST) / 1e9
    assert high >= (back - at(0)) / 1e9 - 1e-6
    assert high - low <= 0.05 + (2 * PERIOD + 5 * MS) / 1e9


@settings(max_examples=500)
@given(instants, lengths, seeds)
def test_begin_and_end_of_a_planted_outage_lie_in_their_intervals(gone: int, length: int, seed: int) -> None:
    back = gone + length
    [outage] = outages(in_order(probe_service(gone, back, seed)))
    assert outage.start_low is not None
    assert outage.end_high is not None
    assert outage.start_low <= gone <= outage.start_high
    assert outage.end_low <= back <= outage.end_high
    assert outage.high is not None
    assert outage.low <= length <= outage.high
    assert outage.start_high - outage.start_low <= 2 * PERIOD + 5 * MS
    assert outage.end_high - outage.end_low <= 2 * PERIOD + 5 * MS


@settings(max_examples=500)
@given(st.integers(0, PERIOD - 1), lengths, seeds)
def test_an_outage_is_known_to_two_periods_where_probes_are_answered_or_refused_within_a_quarter(
    offset: int, length: int, seed: int
) -> None:
    rng = random.Random(seed)
    gone = 1000 * MS + offset
    back = gone + length

    def send(n: int, due: int, extra: bool) -> Probe:
        sent = due + rng.randrange(MS)
        arrives = sent + rng.randrange(1, PERIOD // 8)
        ok = not gone <= arrives < back
        return Probe(n, due, sent, arrives + rng.randrange(PERIOD // 8), ok, A if ok else None, extra=extra)

    [outage] = outages(Schedule(send, PERIOD).run(back + 1000 * MS))
    assert outage.high is not None
    assert outage.low <= length <= outage.high <= outage.low + 2 * PERIOD
    assert outage.scheduled < outage.probes


@settings(max_examples=300)
@given(instants, lengths, seeds, st.sampled_from([0, 300 * MS, 1000 * MS]), st.floats(0, 0.3), st.booleans())
def test_hanging_and_late_probes_widen_the_interval_and_never_make_it_wrong(
    gone: int, length: int, seed: int, hang: int, hiccup: float, waits: bool
) -> None:
    back = gone + length
    probes = probe_service(gone, back, seed, hang=hang, hiccup=hiccup, waits=waits)
    figures = judge("outage", clean(probes=probes)).figures
    assert float(str(figures["rto_low_s"])) <= (back - gone) / 1e9 + 1e-6
    assert float(str(figures["rto_high_s"])) >= (back - gone) / 1e9 - 1e-6
    assert float(str(figures["outage_low_s"])) <= length / 1e9 + 1e-6


@settings(max_examples=200)
@given(instants, st.floats(0.2, 5.9), seeds, st.floats(0.2, 5.9))
def test_no_limit_is_judged_against_the_truth(gone: int, length: float, seed: int, limit: float) -> None:
    back = gone + round(length * 1e9)
    verdict = judge(
        "outage",
        clean(probes=probe_service(gone, back, seed), info=info(thresholds=Thresholds(rto_s=limit, detect_s=5))),
    )
    truth = (back - gone) / 1e9
    if verdict.status == "pass":
        assert truth <= limit
    if verdict.status == "fail":
        assert truth > limit - 0.05  # the instant of the loss is known to 0.05 s only


@settings(max_examples=100)
@given(seeds)
def test_without_an_outage_none_is_reported(seed: int) -> None:
    probes = probe_service(at(0), at(0), seed, hiccup=0.05)
    verdict = judge("outage", clean(probes=tuple(replace(p, site=A if p.sent < at(0) else B) for p in probes)))
    assert verdict.status == "pass"
    assert verdict.figures["outages"] == 0
    assert verdict.figures["rto_low_s"] == 0


@st.composite
def several(draw: st.DrawFn) -> list[tuple[int, int]]:
    """One to six outages after the loss, each at least 60 ms long and 200 ms from the next."""
    found, t = [], at(0.06)
    for _ in range(draw(st.integers(1, 6))):
        gone = t + draw(st.integers(200 * MS, 600 * MS))
        t = gone + draw(st.integers(60 * MS, 600 * MS))
        found.append((gone, t))
    return found


@settings(max_examples=200)
@given(several(), seeds, st.sampled_from([0, 100 * MS]))
def test_several_outages_of_a_plane_are_counted_and_their_sum_and_longest_lie_in_their_intervals(
    truth: list[tuple[int, int]], seed: int, hang: int
) -> None:
    rng = random.Random(seed)
    probes = []
    for n in range(round((at(9) - at(-3)) / PERIOD)):
        sent = at(-3) + n * PERIOD + rng.randrange(MS)
        arrives = sent + rng.randrange(2 * MS)
        ok = not any(gone <= arrives < back for gone, back in truth)
        done = arrives + rng.randrange(2 * MS) if ok or not hang else sent + hang
        probes.append(Probe(n, sent, sent, done, ok, B if ok else None))
    figures = judge("outage", clean(planes={"media": tuple(probes)})).figures

    def figure(name: str) -> float:
        return float(str(figures[f"media_{name}_s"]))

    lengths = [(back - gone) / 1e9 for gone, back in truth]
    assert figures["media_outages"] == len(truth)
    assert figure("outage_low") - 1e-6 <= max(lengths) <= figure("outage_high") + 1e-6
    assert figure("outage_total_low") - 1e-6 <= sum(lengths) <= figure("outage_total_high") + 1e-6
    if not hang:
        assert figure("outage_high") - figure("outage_low") <= (2 * PERIOD + 10 * MS) / 1e9
