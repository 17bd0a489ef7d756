"""MS-GR-13: registers that cannot be one copy are found and explained, and no others."""

from __future__ import annotations

import random

import pytest
from builders import clean, info
from hypothesis import given, settings
from hypothesis import strategies as st
from register_histories import has_order, scenario, simulated, told

from conformance.checkers import linearizability
from conformance.checkers.linearizing import Found, linearize
from conformance.checkers.registers import Access, accesses, that_matter
from conformance.checkers.registry import judge
from conformance.checkers.witness import witness
from conformance.model import Operation, Outcome, Status, Verdict


def judged(text: str) -> Verdict:
    return judge("linearizability", scenario(told(text)))


GOOD = {
    "what was written before the loss is read after it": """
        0 put r1 a -1 -0.9
        1 get r1 a 2 2.1""",
    "a register that was never written reads as empty": """
        0 get r1 - -2 -1.9
        0 put r1 a -1 -0.9
        0 get r1 a 2 2.1""",
    "two overlapping writes may have happened in either order": """
        0 put r1 a -1 -0.8
        1 put r1 b -0.9 -0.7
        2 get r1 a 2 2.1
        3 get r1 a 2 2.1""",
    "a read that overlaps a write may see either value": """
        0 put r1 a -1 -0.9
        0 put r1 b -0.8 2.5
        1 get r1 a 2 2.1
        2 get r1 b 2.05 2.15
        3 get r1 b 2.3 2.4""",
    "a write without an answer took effect": """
        0 put r1 a -1 -0.9
        1 put r1 b -0.01 ?
        2 get r1 b 2 2.1""",
    "a write without an answer never took effect": """
        0 put r1 a -1 -0.9
        1 put r1 b -0.01 ?
        2 get r1 a 2 2.1""",
    "a write without an answer took effect long afterwards": """
        0 put r1 a -1 -0.9
        1 put r1 b -0.01 0.5 info
        2 get r1 a 2 2.1
        2 get r1 b 2.2 2.3""",
    "a refused write is not there": """
        0 put r1 a -1 -0.9
        1 put r1 b -0.5 -0.4 fail
        2 get r1 a 2 2.1""",
    "a swap replaced what it expected": """
        0 put r1 a -1 -0.9
        1 cas r1 a>b -0.5 -0.4
        2 get r1 b 2 2.1""",
    "a swap of an empty register": """
        0 cas r1 ->a -1 -0.9
        1 get r1 a 2 2.1""",
    "a chain of swaps that overlap": """
        0 put r1 a -1 -0.9
        1 cas r1 b>c -0.8 -0.2
        2 cas r1 a>b -0.7 -0.1
        3 get r1 c 2 2.1""",
    "a swap of unknown outcome on top of a write of unknown outcome": """
        0 put r1 a -1 -0.9
        1 put r1 b -0.5 ?
        2 cas r1 b>c -0.4 ?
        3 get r1 c 2 2.1""",
    "a swap that was refused says nothing": """
        0 put r1 a -1 -0.9
        1 cas r1 x>b -0.5 -0.4 fail
        2 get r1 a 2 2.1""",
    "a read without an answer says nothing": """
        0 put r1 a -1 -0.9
        1 get r1 - -0.5 0.5 info
        2 get r1 a 2 2.1""",
    "the same value written twice": """
        0 put r1 a -1 -0.9
        0 put r1 b -0.8 -0.7
        1 put r1 a -0.6 -0.5
        2 get r1 a 2 2.1""",
    "an end that coincides with a beginning overlaps it": """
        0 put r1 a -1 -0.9
        1 put r1 b -0.9 -0.8
        2 get r1 a 2 2.1""",
    "registers are independent": """
        0 put r1 a -1 -0.9
        0 put r2 b -0.8 -0.7
        1 get r2 b 2 2.1
        1 get r1 a 2.2 2.3""",
}


@pytest.mark.parametrize("case", GOOD)
def test_registers_of_one_copy_pass(case: str) -> None:
    verdict = judged(GOOD[case])
    assert verdict.status is Status.PASS, verdict.reason
    assert "read as one copy" in verdict.reason or "reads as one copy" in verdict.reason


BAD = {
    "an older value comes back": (
        """
        0 put r1 a -1 -0.9
        0 put r1 b -0.8 -0.7
        1 get r1 a 2 2.1""",
        "client 1 read 'a' at site-b: 'a' is an older value, operation 1 had written 'b' since",
    ),
    "an acknowledged write is gone": (
        """
        0 put r1 a -1 -0.9
        1 get r1 - 2 2.1""",
        "read nothing at site-b: the register was still empty, operation 0 had written 'a' since",
    ),
    "a value comes back after it was seen to be replaced": (
        """
        0 put r1 a -1 -0.9
        1 put r1 b -0.8 ?
        2 get r1 b -0.5 -0.4
        2 get r1 a 2 2.1""",
        "no order of it and 3 other operations explains every answer",
    ),
    "two clients see two writes in different orders": (
        """
        0 put r1 a -1 2.9
        1 put r1 b -1 2.9
        2 get r1 a 2 2.1
        2 get r1 b 2.2 2.3
        3 get r1 b 2 2.1
        3 get r1 a 2.2 2.3""",
        "no order of it",
    ),
    "nobody wrote the value": (
        """
        0 put r1 a -1 -0.9
        1 get r1 x 2 2.1""",
        "nobody ever wrote that value",
    ),
    "the value was refused": (
        """
        0 put r1 a -1 -0.9
        0 put r1 b -0.5 -0.4 fail
        1 get r1 b 2 2.1""",
        "that value was refused to its writer (operation 1: 503 read-only)",
    ),
    "the value was written only later": (
        """
        0 put r1 a -1 -0.9
        1 get r1 b 2 2.1
        0 put r1 b 2.2 2.3""",
        "operation 2 began to write that value only later",
    ),
    "two swaps of the same value both succeed": (
        """
        0 put r1 a -1 -0.9
        1 cas r1 a>b -0.5 -0.4
        2 cas r1 a>c 2 2.1""",
        "client 2 replaced 'a' by 'c' at site-b",
    ),
    "both sites take writes and each shows its own": (
        """
        0 put r1 a -1 -0.9 ok site-a
        0 put r1 b 2 2.1 ok site-a
        1 put r1 c 2 2.1 ok site-b
        0 get r1 b 2.2 2.3 ok site-a
        1 get r1 c 2.2 2.3 ok site-b
        0 get r1 b 2.4 2.5 ok site-a""",
        "no order of it",
    ),
    "a swap expects a value that was gone": (
        """
        0 put r1 a -1 -0.9
        0 put r1 b -0.8 -0.7
        1 cas r1 a>c 2 2.1""",
        "'a' is an older value",
    ),
    "a swap of an empty register that was not empty": (
        """
        0 put r1 a -1 -0.9
        1 cas r1 ->c 2 2.1""",
        "the register was still empty",
    ),
    "a lost update: a swap succeeded and its value is gone": (
        """
        0 put r1 a -1 -0.9
        1 cas r1 a>b -0.5 -0.4
        2 get r1 a 2 2.1""",
        "'a' is an older value, operation 1 had written 'b' since",
    ),
    "a write of unknown outcome is there, then not": (
        """
        0 put r1 a -1 -0.9
        1 put r1 b -0.01 ?
        2 get r1 b 2 2.1
        2 get r1 a 2.2 2.3""",
        "client 2 read 'a'",
    ),
    "a write of unknown outcome took effect before it began": (
        """
        0 put r1 a -1 -0.9
        1 get r1 b -0.5 -0.4
        2 put r1 b -0.1 ?""",
        "operation 2 began to write that value only later",
    ),
    "one bad register among good ones": (
        """
        0 put r1 a -1 -0.9
        0 put r2 a -0.8 -0.7
        0 put r3 a -0.6 -0.5
        1 get r1 a 2 2.1
        1 get r2 - 2.2 2.3
        1 get r3 a 2.4 2.5""",
        "1 of 3 registers does not read as one copy: r2.",
    ),
    "two bad registers": (
        """
        0 put r1 a -1 -0.9
        0 put r2 a -0.8 -0.7
        1 get r1 - 2 2.1
        1 get r2 - 2.2 2.3""",
        "2 of 2 registers do not read as one copy: r1 and r2.",
    ),
    "a register goes through the same values twice": (
        """
        0 put r1 a -2 -1.9
        0 put r1 b -1.8 -1.7
        1 get r1 b -1.5 -1.4
        1 get r1 a -1.3 -1.2
        1 get r1 b -1.1 -1""",
        "client 1 read 'a' at site-a",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_registers_that_cannot_be_one_copy_fail_and_it_is_said_why(case: str) -> None:
    text, said = BAD[case]
    verdict = judged(text)
    assert verdict.status is Status.FAIL, verdict.reason
    assert said in verdict.reason
    assert verdict.evidence and said.split(": ")[-1].rstrip(".") in f"{verdict.evidence[0].text} {verdict.reason}"


OPEN = {
    "there are no registers": ("0 write w0 a -1 -0.9", "No operation on a register was answered"),
    "nothing was answered": ("0 put r1 a -1 ?", "No operation on a register was answered"),
    "nothing was read afterwards": (
        """
        0 put r1 a -1 -0.9
        0 get r1 a -0.5 -0.4""",
        "No register was written before site-a was lost and read afterwards",
    ),
    "nothing was written before": (
        """
        0 put r1 a 2 2.1
        0 get r1 a 2.2 2.3""",
        "so nothing was at stake",
    ),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_was_not_looked_at_is_left_open(case: str) -> None:
    text, said = OPEN[case]
    verdict = judged(text)
    assert (verdict.status, said in verdict.reason) == (Status.INCONCLUSIVE, True), verdict.reason


def test_a_record_in_which_nothing_happened_shows_nothing() -> None:
    ops = told(GOOD["what was written before the loss is read after it"])
    record = clean(history=ops, events=(), info=info(faults_planned=()))
    verdict = judge("linearizability", record)
    assert verdict.status is Status.INCONCLUSIVE and "Nothing on record" in verdict.reason


def hard() -> str:
    """Many swaps to and fro that all overlap, more of them to than fro: there is no order, and it takes long to be
    sure. And another register, quickly found to be bad."""
    lines = [f"{n} cas r1 {'0>1' if n < 12 else '1>0'} -1 3" for n in range(21)]
    return "\n".join(["99 put r1 0 -2 -1.9", *lines, "98 put r2 a -2 -1.9", "98 get r2 b 3 3.1"])


def test_too_little_effort_is_inconclusive_and_names_the_register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizability, "STEPS_EACH", 100)
    monkeypatch.setattr(linearizability, "STEPS_PER_OPERATION", 1)
    text = hard().replace("get r2 b", "get r2 a")
    verdict = judged(text)
    assert verdict.status is Status.INCONCLUSIVE
    assert "For 1 of 2 registers no order was found and none was ruled out within the effort there is: r1." in (
        verdict.reason
    )
    assert judged(text).figures["search_steps"] == verdict.figures["search_steps"], (
        "effort must not depend on the clock"
    )


def test_a_violation_found_stands_although_another_register_was_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizability, "STEPS_EACH", 100)
    monkeypatch.setattr(linearizability, "STEPS_PER_OPERATION", 1)
    verdict = judged(hard())
    assert verdict.status is Status.FAIL and verdict.reason.startswith(
        "1 of 2 registers does not read as one copy: r2."
    )
    assert verdict.figures["undecided"] == 1


def test_of_a_long_history_only_the_few_operations_that_contradict_each_other_are_shown() -> None:
    ops = simulated(1, operations=400, keys=1, clients=5, unknown=0.0, swaps=0.0)
    puts = [op for op in ops if op.f == "put"]
    stale = Operation(9999, 77, "get", ops[-1].completed or 0, Outcome.OK, (ops[-1].completed or 0) + 5, "r0", "x")
    old = puts[10].value
    everything = accesses([*ops, stale])["r0"]
    everything[-1] = Access(stale, True, old, False, None, stale.invoked + 1, stale.completed)
    found = witness(everything)
    assert found.minimal and found.culprit.op.id == 9999
    assert len(found.accesses) == 3
    assert {a.op.id for a in found.accesses} > {9999, puts[10].id}


# -- against the slow and obvious way -------------------------------------------------------------------------------

values = st.sampled_from([None, "a", "b", "c"])
new_values = st.sampled_from(["a", "b", "c"])


@st.composite
def small_histories(draw: st.DrawFn) -> list[Access]:
    found = []
    for i in range(draw(st.integers(1, 6))):
        begun = draw(st.integers(0, 12))
        ended = draw(st.none() | st.integers(begun, begun + 8))
        reads, writes = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
        if ended is None and not writes:
            continue
        op = Operation(i, i, "get", begun, Outcome.OK, ended, "r")
        found.append(Access(op, reads, draw(values) if reads else None, writes, draw(new_values), begun, ended))
    return [a if a.writes else Access(a.op, True, a.old, False, None, a.begun, a.ended) for a in found]


@settings(max_examples=400)
@given(small_histories())
def test_the_search_agrees_with_trying_every_order(history: list[Access]) -> None:
    wanted = Found.ORDER if has_order(history) else Found.NO_ORDER
    assert linearize(history, 1_000_000).found is wanted
    assert linearize(that_matter(history), 1_000_000).found is wanted


@settings(max_examples=200)
@given(small_histories())
def test_a_witness_has_no_order_and_holds_nothing_needless(history: list[Access]) -> None:
    if has_order(history):
        return
    found = witness(history)
    assert found.minimal and found.culprit in found.accesses
    assert not has_order(found.accesses)


# -- one violation planted in a large correct history ---------------------------------------------------------------

LARGE = simulated(7, operations=3000, keys=30, clients=20)


def verdict_of(ops: list[Operation]) -> Verdict:
    return linearizability.check(scenario(ops))


def test_a_large_history_of_one_copy_has_no_violation() -> None:
    for seed in range(20):
        verdict = verdict_of(simulated(seed, operations=1000, keys=random.Random(seed).randint(1, 40), clients=20))
        assert verdict.figures["violated"] == verdict.figures["undecided"] == 0, seed


reads = st.sampled_from([op for op in LARGE if op.f == "get" and op.outcome is Outcome.OK])


@settings(max_examples=40, deadline=None)
@given(reads, st.sampled_from(["made up", None, "old"]))
def test_one_wrong_answer_is_found_in_its_register(victim: Operation, answer: str | None) -> None:
    """An answer that was never written, or was certainly overwritten, or nothing where something had been written."""
    before = [o for o in LARGE if o.key == victim.key and o.f == "put" and o.outcome is Outcome.OK]
    before = [o for o in before if o.completed is not None and o.completed < victim.invoked]
    if len(before) < 2 and answer != "made up":
        return
    if answer == "old":
        first = min(before, key=lambda o: o.completed or 0)
        if not any(o.invoked > (first.completed or 0) for o in before):
            return
        answer = first.value
    ops = [replace_value(op, answer) if op.id == victim.id else op for op in LARGE]
    verdict = verdict_of(ops)
    assert verdict.status is Status.FAIL and verdict.figures["violated"] == 1
    assert f": {victim.key}." in verdict.reason


def replace_value(op: Operation, value: str | None) -> Operation:
    return Operation(op.id, op.process, op.f, op.invoked, op.outcome, op.completed, op.key, value, op.site)
