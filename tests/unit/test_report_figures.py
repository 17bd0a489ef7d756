"""Figures of any check: intervals with their limits, powers, the rest by name; clauses traced to their evidence."""

from __future__ import annotations

import math

import pytest
from report_run import made_run

from conformance.model import Event, Evidence, Holding, Probe
from conformance.model.results import CheckResult
from conformance.model.verdict import FigureValue, Status, Verdict
from conformance.report.figures import in_words, shown_figures
from conformance.report.losses import losses, told
from conformance.report.matrix import matrix
from conformance.report.span import SECOND, spans
from conformance.report.trace import traces
from conformance.report.tracks import blocks, holders, lags, planes


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"rto_low_s": 1.5, "rto_high_s": 2.0, "rto_limit_s": 15}, "RTO 1.5 to 2\u00a0s (limit 15\u00a0s)"),
        ({"rto_high_s": 2.0, "rto_low_s": 1.5}, "RTO 1.5 to 2\u00a0s"),
        ({"rto_low_s": None, "rto_high_s": 2.0}, "RTO at most 2\u00a0s"),
        ({"rto_low_s": 20.0, "rto_high_s": math.inf}, "RTO at least 20\u00a0s, without end"),
        ({"slowdown_low": 0.98, "slowdown_high": 1.13, "slowdown_margin": 1.1}, "Slowdown 0.98 to 1.13 (limit 1.1)"),
        ({"low": 1, "high": 2}, "Interval 1 to 2"),
        ({"power": 0.93}, "Power 93%"),
        ({"power": 3.0}, "Power 3"),
        ({"low_s": 1.0}, "Low 1 s"),
        ({"lost": 3, "site": "site-b"}, "Lost 3 · Site site-b"),
        ({}, ""),
    ],
)
def test_figures_that_belong_together_are_said_together(figures: dict[str, FigureValue], said: str) -> None:
    assert in_words(figures) == said


def test_an_interval_and_a_power_are_drawn_and_a_plain_number_is_not() -> None:
    drawn = shown_figures({"a_low": 1.0, "a_high": 2.0, "power": 0.8, "lost": 3, "b_low": 1.0, "b_high": math.inf})
    assert [bool(item.drawing) for item in drawn] == [True, True, False, False]


def test_a_range_is_drawn_to_scale_with_its_limit() -> None:
    (item,) = shown_figures({"a_low": 5.0, "a_high": 10.0, "a_limit": 10.0})
    assert '<rect x="41.5" y="2" width="41.5"' in item.drawing
    assert 'd="M83.0 0v10" class="g-limit"' in item.drawing


def test_every_clause_is_traced_to_scenario_sentence_check_figures_and_evidence() -> None:
    run = made_run()
    anchors = {s.info.id: f"s{n}" for n, s in enumerate(run.result.scenarios, start=1)}
    found = {t.row.result.id: t for t in traces(matrix(run.result, run.catalogue), run.result, anchors)}
    assert list(found) == list(run.catalogue)
    lost = found["MS-GR-05"]
    assert lost.clause == "UC2, sentence 9, scenario analysis"
    assert [(link.scenario, link.step, link.evidence) for link in lost.links] == [("s1", "s1c4", 0), ("s2", "s2c4", 37)]
    assert lost.verdicts == (Status.PASS, Status.FAIL)
    assert lost.links[1].figures.startswith("Acknowledged ")
    assert (found["MS-MT-01"].links, found["MS-MT-01"].verdicts) == ((), (Status.NOT_TESTED,))


def check(kind: str, *refs: str) -> CheckResult:
    evidence = tuple(Evidence(kind, ref, "It is wrong.") for ref in refs)
    return CheckResult(
        "x", "acknowledged-writes", "nothing is lost", ("MS-GR-05",), Verdict(Status.FAIL, "", {}, evidence)
    )


def test_a_named_operation_tells_what_its_client_did_before_and_after() -> None:
    run = made_run()
    record = run.records[run.result.scenarios[1].info.id]
    (group,) = losses([check("lost write", "16")], record, record.history[0].invoked)
    (item,) = group.operations
    assert item.before is not None and item.after is not None
    assert (item.before.id, item.after.id) == (8, 24)
    assert "Operation 16, write: acknowledged after" in told(item)
    assert "Before it client 0 asked for 8, write s0-8 at site-a: ok." in told(item)


def test_a_duplicated_record_is_led_back_to_its_write() -> None:
    run = made_run()
    record = run.records[run.result.scenarios[1].info.id]
    (group,) = losses([check("duplicated record", "s3-11", "not-there")], record, 0)
    assert [item.operation.id if item.operation else None for item in group.operations] == [11, None]


def test_fewer_operations_are_named_where_many_scenarios_share_a_page() -> None:
    run = made_run()
    scenario = run.result.scenarios[1]
    (group,) = losses(scenario.checks, run.records[scenario.info.id], 0, most=10)
    assert len(group.operations) == 10
    assert group.note.startswith("37 in all, of which the first 10 are named here.")


def probe(n: int, due: int, ok: bool = True, took_ms: int = 5) -> Probe:
    return Probe(n, due, due, due + took_ms * 1_000_000, ok)


def test_planes_are_counted_where_their_probes_were_due() -> None:
    found = {"api": (probe(0, 0), probe(1, 5, took_ms=9), probe(2, 10, ok=False), probe(3, 99)), "media": ()}
    (plane,) = planes(found, begin=0, step=10, count=3)
    assert (plane.name, plane.probes, plane.failed, plane.slowest_ms) == ("api", [2, 1, 1], [0, 1, 0], [9.0, None, 5.0])


def test_any_kind_of_event_with_begin_and_end_is_a_lane() -> None:
    events = [
        Event(0, "block", "replicated", "begin"),
        Event(SECOND, "block", "replicated", "end", ok=True),
        Event(SECOND, "block", "unreplicated", "begin"),
        Event(SECOND, "phase", "load", "begin"),
        Event(SECOND, "observation", "vim-alive"),
    ]
    ((kind, found),) = blocks(events, 0)
    assert kind == "block"
    assert [(s.label, s.begin, s.end) for s in found] == [("replicated", 0.0, 1.0), ("unreplicated", 1.0, None)]


def test_a_stage_between_begin_and_end_is_an_instant() -> None:
    states = [("begin", 0), ("replicated", 1), ("end", 2), ("late", 3)]
    found = spans([Event(t * SECOND, "scheme", "migrate", state) for state, t in states], "scheme", 0)
    assert [(s.label, s.begin, s.end) for s in found] == [("migrate", 0.0, 2.0), ("replicated", 1.0, 1.0)]


def test_who_holds_an_identity_is_known_from_the_first_answer_to_the_last_that_says_so() -> None:
    def look(second: int, site: str, active: bool | None) -> Holding:
        return Holding(second * SECOND, second * SECOND + SECOND // 2, "database", site, active)

    seen = [look(0, "a", True), look(1, "a", None), look(2, "a", True), look(3, "a", False), look(3, "b", True)]
    ((identity, held),) = holders(seen, 0)
    assert identity == "database"
    assert [(s.label, s.begin, s.end) for s in held] == [("a", 0.0, 2.5), ("b", 3.0, 3.5)]


def test_a_lag_is_whatever_is_observed_under_such_a_name() -> None:
    observed = [{"replay_lag_ms": 1}, {"replay_lag_ms": 2.5, "flags": 3}, {"behind_bytes": 7, "lag": "none"}]
    found = lags([Event(n * SECOND, "observation", "x", observed=o) for n, o in enumerate(observed)], 0)
    assert [(lag.name, lag.unit, lag.points) for lag in found] == [
        ("Replay lag", "ms", ((0.0, 1.0), (1.0, 2.5))),
        ("Behind", "bytes", ((2.0, 7.0),)),
    ]
