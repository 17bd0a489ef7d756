"""The timeline: nothing is dropped, smoothed or put on the wrong side of the loss, and the page can draw it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from builders import A, at, info
from hypothesis import given
from hypothesis import strategies as st
from report_run import made_run

from conformance.model import Event, Operation, Outcome, Probe, ScenarioRecord
from conformance.report.drawing import WIDTH, wide
from conformance.report.faultlog import fault_runs
from conformance.report.keyfigures import Bracket
from conformance.report.timeline import Timeline, bin_width_s, build_timeline, quantile
from conformance.report.timeline_svg import draw

BINS = 60
MS = 1_000_000


def probe(n: int, due: int, took_ms: float, ok: bool = True) -> Probe:
    return Probe(n, due, due, due + round(took_ms * MS), ok, A)


def write(number: int, t: int, outcome: Outcome) -> Operation:
    return Operation(number, 0, "write", t, outcome, None if outcome is Outcome.INFO else t + MS, site=A)


def fault(t: int, state: str, ok: bool | None = None, name: str = "site-loss", target: str = A) -> Event:
    return Event(t, "fault", name, state, target, ok)


def timeline(
    record: ScenarioRecord, bracket: Bracket | None = None, lost: tuple[int, float | None] | None = None
) -> Timeline:
    built = build_timeline(record, bracket, lost, BINS)
    assert built is not None
    return built


INSTANTS = st.floats(-5, 30, allow_nan=False).map(at)


@given(
    st.lists(st.tuples(INSTANTS, st.sampled_from(Outcome)), max_size=80),
    st.lists(st.tuples(INSTANTS, st.floats(0.1, 5000), st.booleans()), min_size=1, max_size=80),
    st.booleans(),
)
def test_every_write_and_every_probe_is_in_exactly_one_bin(
    writes: list[tuple[int, Outcome]], probes: list[tuple[int, float, bool]], lost: bool
) -> None:
    record = ScenarioRecord(
        info(),
        tuple(write(n, t, outcome) for n, (t, outcome) in enumerate(writes)),
        tuple(probe(n, t, took, ok) for n, (t, took, ok) in enumerate(probes)),
        (fault(at(0), "injected", True),) if lost else (),
    )
    bins = timeline(record).bins
    outcomes = [outcome for _, outcome in writes]
    assert sum(map(sum, bins.writes.values())) == outcomes.count(Outcome.OK)
    assert sum(bins.failed) == outcomes.count(Outcome.FAIL)
    assert sum(bins.unknown) == outcomes.count(Outcome.INFO)
    assert sum(bins.probes) == len(probes)
    assert sum(bins.probes_failed) == sum(not ok for _, _, ok in probes)
    answered = [took for _, took, ok in probes if ok]
    if answered:
        assert max(b.high for b in bins.latency if b) == pytest.approx(max(answered), abs=1e-5)
        assert min(b.low for b in bins.latency if b) == pytest.approx(min(answered), abs=1e-5)


def test_one_slow_answer_among_a_hundred_thousand_is_kept_as_the_extreme_of_its_bin() -> None:
    probes = [probe(n, at(n * 0.001), 2.0) for n in range(100_000)]
    probes[77_777] = probe(77_777, at(77.777), 900.0)
    bins = timeline(ScenarioRecord(info(), probes=tuple(probes))).bins
    assert bins.count <= BINS + 1
    assert [round(b.high) for b in bins.latency if b and b.high > 10] == [900]
    assert all(b.p99 == pytest.approx(2.0) for b in bins.latency if b)


def test_what_came_before_the_loss_shares_no_bin_with_what_came_after() -> None:
    writes = tuple(write(n, at(-3.3 + n * 0.05), Outcome.OK if n < 67 else Outcome.FAIL) for n in range(140))
    loss = fault(at(0) + 3 * MS, "injected", True)
    bins = timeline(ScenarioRecord(info(), writes, events=(loss,))).bins
    assert all(not (took and failed) for took, failed in zip(bins.writes[A], bins.failed, strict=True))


def test_only_the_time_of_use_is_drawn_when_the_service_was_used() -> None:
    noted = (Event(at(-60), "phase", "deploy", "begin"), Event(at(90), "phase", "tidy", "end"))
    drawn = timeline(ScenarioRecord(info(), probes=tuple(probe(n, at(n), 1) for n in range(11)), events=noted))
    assert drawn.length_s == 150
    assert 59 < drawn.bins.begin_s < 60
    assert drawn.bins.count * drawn.bins.width_s < 12


def test_a_record_without_use_is_drawn_whole_and_says_so() -> None:
    drawn = timeline(ScenarioRecord(info(), events=(Event(at(0), "phase", "deploy", "begin"),)))
    assert not drawn.used
    assert "No request and no probe" in str(draw(drawn, "t"))


def test_a_record_without_any_instant_has_no_timeline() -> None:
    assert build_timeline(ScenarioRecord(info()), None, None, BINS) is None


def test_the_recovery_counts_its_lower_edge_from_the_end_of_the_loss_and_its_upper_from_the_begin() -> None:
    events = (fault(at(0), "injecting"), fault(at(0.5), "injected", True), fault(at(9), "verified", True))
    recovery = timeline(ScenarioRecord(info(), events=events), Bracket(2.0, 3.0)).recovery
    assert recovery is not None
    assert (recovery.surely, recovery.back) == (2.5, 3.0)


def test_a_service_that_was_not_seen_back_has_no_end() -> None:
    record = ScenarioRecord(info(), events=(fault(at(0), "injected", True), fault(at(9), "verified", True)))
    drawn = timeline(record, Bracket(9.0, math.inf))
    assert drawn.recovery is not None and drawn.recovery.back is None
    assert "not seen back" in str(draw(drawn, "t"))


def test_without_a_loss_that_was_carried_out_no_recovery_is_drawn() -> None:
    record = ScenarioRecord(info(), events=(fault(at(0), "injected", False), fault(at(9), "verified", False)))
    assert timeline(record, Bracket(1.0, 2.0)).recovery is None


def test_lost_writes_reach_back_as_far_as_the_checker_said() -> None:
    record = ScenarioRecord(info(), events=(fault(at(0), "injected", True), fault(at(9), "verified", True)))
    lost = timeline(record, None, (37, 2.5)).lost_writes
    assert lost is not None
    assert (lost.operations, lost.begin, lost.end) == (37, -2.5, 0)
    assert timeline(record, None, (0, 0.0)).lost_writes is None


@pytest.mark.parametrize(
    ("length", "least", "width"), [(10, 0.2, 0.2), (60, 0.2, 1), (61, 0.2, 2), (9e6, 0.2, 151_200)]
)
def test_bins_are_the_narrowest_round_ones_that_suffice(length: float, least: float, width: float) -> None:
    assert bin_width_s(length, BINS, least) == width


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300), st.floats(0.01, 1))
def test_a_quantile_is_a_value_that_was_measured_and_that_enough_others_do_not_exceed(
    values: list[float], q: float
) -> None:
    found = quantile(sorted(values), q)
    assert found in values
    assert sum(v <= found for v in values) >= q * len(values) - 1e-9


def test_the_drawing_is_well_formed_and_holds_no_markup_of_the_record() -> None:
    run = made_run()
    scenario = run.result.scenarios[1]
    record = run.load(scenario.info.id)
    evil = '"><script>alert(1)</script>&'
    events = tuple(replace(e, name=evil if e.kind == "phase" else e.name, detail=evil) for e in record.events)
    history = tuple(replace(o, site=evil) for o in record.history)
    drawn = timeline(replace(record, events=events, history=history), Bracket(1.5, 1.6), (37, 0.6))
    root = ET.fromstring(str(draw(drawn, "t")))
    assert root.findall(".//script") == []
    assert any(evil in (text.text or "") for text in root.findall(".//text"))


def test_a_fault_that_flaps_is_one_run_each_time() -> None:
    states = ("injecting", "injected", "verified", "healing", "healed", "heal-verified")
    events = [fault(at(n + k / 10), state, True, "link-cut") for n in range(3) for k, state in enumerate(states)]
    runs = fault_runs(events)
    assert [run.begin for run in runs] == [at(n + 0.1) for n in range(3)]
    assert all(run.bit and run.end == run.begin + 300 * MS for run in runs)


def test_a_fault_that_was_not_kept_up_until_it_was_healed_is_one_run_that_did_not_bite() -> None:
    states = (("injecting", None), ("injected", None), ("verified", True), ("verified", False), ("healed", None))
    (run,) = fault_runs([fault(at(n), state, ok, "link-flapping") for n, (state, ok) in enumerate(states)])
    assert run.bit is False and run.end == at(4)


def test_a_fault_that_was_never_verified_nor_healed_is_open_and_unproven() -> None:
    (run,) = fault_runs([fault(at(1), "injecting"), fault(at(2), "injected", True)])
    assert (run.bit, run.end) == (None, None)


def test_two_targets_of_one_fault_are_told_apart() -> None:
    events = [fault(at(1), "injected", True, target="a"), fault(at(2), "injected", True, target="b")]
    assert [run.target for run in fault_runs(events)] == ["a", "b"]


def test_a_fault_that_was_left_out_is_on_record_as_such() -> None:
    (run,) = fault_runs([fault(at(1), "skipped", False)])
    assert run.skipped is not None and run.injected is None and run.bit is None


def test_a_fault_that_was_left_out_is_no_bar_in_the_timeline() -> None:
    probes = tuple(probe(n, at(n), 1) for n in range(11))
    (span,) = timeline(ScenarioRecord(info(), probes=probes, events=(fault(at(1), "skipped", False),))).faults
    assert (span.label, span.begin) == ("site-loss site-a not injected", span.end)


def test_the_limit_is_named_inside_the_drawing_wherever_it_lies() -> None:
    for seconds in (5, 7, 8, 40):
        probes = tuple(probe(n, at(n / 10), 1) for n in range(seconds * 10))
        events = (fault(at(1), "injected"),)
        made = timeline(ScenarioRecord(info(), probes=probes, events=events))
        svg = str(draw(made, "t"))
        found = re.search(r'<text x="([\d.]+)" y="14" class="t-limit"( text-anchor="end")?>(RTO limit 5 s)', svg)
        assert (found is not None) is (seconds > 6)
        if found:
            left = float(found[1]) - (wide(found[3]) if found[2] else 0)
            assert left > 0 and left + wide(found[3]) - 10 <= WIDTH
