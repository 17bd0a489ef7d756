"""One violation planted in a large correct record of a link that heals, or of a faulty update that is gone back from,
is always found; the clean record never yields one."""

from __future__ import annotations

from functools import cache

import pytest
from builders import A, B, add_events, add_ops, at, drop_events
from hypothesis import given, settings
from hypothesis import strategies as st
from recovery_records import caught_up, look, read_again, recovered

from conformance.checkers.registry import judge
from conformance.model import Operation, Outcome, ScenarioRecord, Status

WRITES = 600
LIMIT_S = 30.0


@cache
def large_cut() -> ScenarioRecord:
    return caught_up(WRITES)


@cache
def large_update() -> ScenarioRecord:
    return recovered(WRITES, WRITES // 2)


@pytest.mark.parametrize(("check", "record"), [("catch-up", large_cut), ("clean-state", large_update)])
def test_the_clean_record_passes(check: str, record: object) -> None:
    assert callable(record)
    verdict = judge(check, record())
    assert verdict.status is Status.PASS, verdict.reason


@settings(max_examples=40)
@given(st.integers(0, WRITES - 1), st.sampled_from(["gone", "doubled", "other"]))
def test_one_write_that_the_healed_link_loses_doubles_or_changes_is_found(n: int, how: str) -> None:
    def change(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        key, value = items[n]
        rest = [*items[:n], *items[n + 1 :]]
        return rest if how == "gone" else [*items, (key, value)] if how == "doubled" else [*rest, (key, "else")]

    verdict = judge("catch-up", read_again(large_cut(), change, 4))
    assert verdict.status is Status.FAIL, verdict.reason
    assert verdict.evidence


@settings(max_examples=60)
@given(st.floats(0, 80), st.floats(0.05, 3), st.floats(0, 0.3))
def test_a_catch_up_is_judged_by_the_truth_or_left_open(late: float, every: float, answer: float) -> None:
    """Replication is whole ``late`` seconds after the healing; it is looked at each ``every`` seconds, and a look is
    noted ``answer`` seconds after the instant whose truth it states. Only changes are noted."""
    seen: list[tuple[float, bool]] = []
    t = 0.0
    while not seen or not seen[-1][1]:
        seen.append((t, t >= late))
        t += every
    noted = [seen[0]] if len(seen) == 1 else [seen[0], seen[-1]]
    events = [look(3.1 + t + answer, ok, 0, (every + answer) if n else None) for n, (t, ok) in enumerate(noted)]
    record = drop_events(large_cut(), lambda e: e.kind == "observation")
    record = read_again(add_events(record, *events), lambda items: items, 3.2 + noted[-1][0] + answer)
    status = judge("catch-up", record).status
    if status is Status.PASS:
        assert late <= LIMIT_S + 1e-6
    if status is Status.FAIL:
        assert late > LIMIT_S - answer - 1e-6
    if late + every + answer < LIMIT_S - 1e-6:
        assert status is Status.PASS
    if late > LIMIT_S + every + answer + 1e-6:
        assert status is Status.FAIL


@settings(max_examples=60)
@given(st.data(), st.sampled_from(["gone", "doubled", "ruined"]))
def test_one_record_that_is_not_clean_is_found(data: st.DataObject, how: str) -> None:
    def change(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        n = data.draw(st.integers(0, len(items) - 1))
        key, value = items[n]
        rest = [*items[:n], *items[n + 1 :]]
        return rest if how == "gone" else [*items, (key, value)] if how == "doubled" else [*rest, (key, f"x{value}")]

    verdict = judge("clean-state", read_again(large_update(), change, 6))
    assert verdict.status is Status.FAIL, verdict.reason
    assert len(verdict.evidence) == 1


@settings(max_examples=60)
@given(st.floats(-8, 5.9), st.floats(0.001, 3), st.sampled_from([A, B]))
def test_a_write_that_is_gone_is_a_violation_outside_of_what_may_be_given_up(t: float, took: float, site: str) -> None:
    """It may be given up only between the savepoint's beginning, at -2 s, and the recovery's end, at 3 s."""
    invoked, completed = at(t), at(t + took)
    lost = Operation(0, 7, "write", invoked, Outcome.OK, completed, "lost", "x", site)
    verdict = judge("clean-state", add_ops(large_update(), lost))
    if completed <= at(-2) or (invoked >= at(3) and completed < at(6)):
        assert verdict.status is Status.FAIL
    elif completed < at(3):
        assert verdict.status is Status.PASS
        assert verdict.figures["given_up"] == 151
    else:
        assert verdict.status is not Status.PASS or site == A
