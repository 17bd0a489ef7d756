"""One violation planted in a large correct record is always found and named; the clean record never yields one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from builders import add_ops, at, clean, edit_inventory, edit_object, edit_ops, edit_read, history
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.checkers.registry import CHECKS, judge
from conformance.model import Operation, Outcome, ScenarioRecord, Status
from conformance.model.inventory import Flavor, Image

WRITES, WORKERS = 2000, 12


@cache
def large() -> ScenarioRecord:
    """2,000 writes before the loss, 1,000 after it, a dozen sessions."""
    return clean(history=history(before=WRITES, after=WRITES // 2, workers=WORKERS))


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.phrase in large().info.then])
def test_the_large_record_is_clean(name: str) -> None:
    verdict = judge(name, large())
    assert verdict.status is Status.PASS, verdict.reason


victims = st.sampled_from([op for op in large().history if op.f == "write" and op.outcome is Outcome.OK])


@settings(max_examples=40)
@given(victims)
def test_one_lost_write_is_found_and_named(victim: Operation) -> None:
    verdict = judge("acknowledged-writes", edit_read(large(), lambda i: [x for x in i if x[0] != victim.key]))
    assert verdict.status is Status.FAIL
    assert [(e.kind, e.ref) for e in verdict.evidence] == [("lost write", str(victim.id))]
    assert verdict.figures["lost"] == 1


@settings(max_examples=40)
@given(victims, st.integers(1, 3))
def test_one_doubled_record_is_found_and_named(victim: Operation, copies: int) -> None:
    twice = [(str(victim.key), str(victim.value))] * copies
    verdict = judge("acknowledged-writes", edit_read(large(), lambda items: [*items, *twice]))
    assert verdict.status is Status.FAIL
    assert [e.text for e in verdict.evidence] == [f"{victim.key} was read {copies + 1} times."]


@settings(max_examples=40)
@given(victims, st.text("abc", min_size=1))
def test_one_changed_value_is_found_and_named(victim: Operation, value: str) -> None:
    def change(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(k, value if k == victim.key else v) for k, v in items]

    verdict = judge("acknowledged-writes", edit_read(large(), change))
    assert verdict.status is Status.FAIL
    assert [(e.kind, e.ref) for e in verdict.evidence] == [("wrong value", str(victim.id))]


@settings(max_examples=40)
@given(st.text("xyz", min_size=1), st.integers(0, WRITES))
def test_one_record_that_nobody_wrote_is_found_and_named(key: str, place: int) -> None:
    verdict = judge("acknowledged-writes", edit_read(large(), lambda i: [*i[:place], (key, "made up"), *i[place:]]))
    assert verdict.status is Status.FAIL
    assert [(e.kind, e.ref) for e in verdict.evidence] == [("unexpected record", key)]


@settings(max_examples=40)
@given(st.sets(victims, min_size=1, max_size=60))
def test_what_is_lost_is_counted_exactly(gone: set[Operation]) -> None:
    keys = {op.key for op in gone}
    verdict = judge("acknowledged-writes", edit_read(large(), lambda i: [x for x in i if x[0] not in keys]))
    assert verdict.figures["rpo_operations"] == len(gone)
    before = [op.completed for op in gone if op.completed is not None and op.completed <= at(0.05)]
    expected = (at(0.05) - min(before)) / 1e9 if before else None
    assert verdict.figures["rpo_s"] == (pytest.approx(expected, abs=1e-6) if before else None)


@settings(max_examples=40)
@given(st.sets(st.integers(0, WRITES - 1)))
def test_whatever_unknown_writes_did_is_no_violation(took_effect: set[int]) -> None:
    """Turn some acknowledged writes into unknown ones: present or not, they are not owed."""
    keys = {f"b-{n}" for n in range(0, WRITES, 2)}
    unknown = edit_ops(large(), lambda op: op.f == "write" and op.key in keys, outcome=Outcome.INFO)
    gone = keys - {f"b-{n}" for n in took_effect}
    verdict = judge("acknowledged-writes", edit_read(unknown, lambda i: [x for x in i if x[0] not in gone]))
    assert verdict.status is Status.PASS, verdict.reason


@settings(max_examples=25)
@given(st.integers(0, WORKERS - 1), st.sampled_from(["404 unknown session", "401 unknown session"]))
def test_one_refused_session_is_found_and_named(n: int, error: str) -> None:
    key = f"subscriber-{n}"
    record = edit_ops(large(), lambda o: o.f == "use-session" and o.key == key, outcome=Outcome.FAIL, error=error)
    verdict = judge("sessions", record)
    assert verdict.status is Status.FAIL
    assert verdict.reason.endswith(f"is refused at site-b: {key}.")


@settings(max_examples=40)
@given(st.integers(0, WORKERS - 1), st.floats(2.2, 3.9))
def test_one_refusal_among_many_acceptances_is_found(n: int, when: float) -> None:
    op = Operation(0, 70, "use-session", at(when), Outcome.FAIL, at(when + 0.01), f"subscriber-{n}", site="site-b")
    verdict = judge("sessions", add_ops(large(), replace(op, error="404 unknown session")))
    assert verdict.status is Status.FAIL


LABELS = ("database-0", "frontend-0", "frontend-1")
SERVER_CHANGES: dict[str, Callable[[int], dict[str, object]]] = {
    "flavor": lambda n: {"flavor": Flavor(2 + n, 512, 1)},
    "image": lambda n: {"image": Image("i", "image", f"sha512:{n:x}")},
    "role": lambda n: {"role": f"role-{n}"},
    "policy": lambda n: {"group_policy": f"policy-{n}", "group_label": "g"},
    "status": lambda n: {"status": ("ERROR", "SHUTOFF", "BUILD", "PAUSED")[n % 4]},
    "serving": lambda n: {"serving": False},
}


@given(st.sampled_from(LABELS), st.sampled_from(sorted(SERVER_CHANGES)), st.integers(0, 1000))
def test_one_changed_server_is_found_and_named(label: str, change: str, n: int) -> None:
    edit = edit_object("servers", label, **SERVER_CHANGES[change](n))
    verdict = judge("vm-count", edit_inventory(clean(), "second-after", edit))
    assert verdict.status is Status.FAIL
    assert any(label in e.text for e in verdict.evidence)
