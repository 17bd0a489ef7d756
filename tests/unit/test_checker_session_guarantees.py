"""MS-GR-03: a client that no longer finds what it had written or read is found and named, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import clean, edit_read, history, info
from hypothesis import given, settings
from hypothesis import strategies as st
from register_histories import SENTENCES, scenario, simulated, told

from conformance.checkers import session_guarantees
from conformance.checkers.registry import judge
from conformance.model import Operation, Outcome, ScenarioRecord, Status, Verdict


def judged(text: str) -> Verdict:
    return judge("session-guarantees", scenario(told(text)))


KEPT = """
    0 put r1 a -1 -0.9
    0 get r1 a 2 2.1
    """

GOOD = {
    "a client finds what it wrote": KEPT,
    "a client finds what it read": """
        0 put r1 a -2 -1.9
        1 get r1 a -1 -0.9
        1 get r1 a 2 2.1""",
    "a client finds what another wrote since": """
        0 put r1 a -2 -1.9
        1 put r1 b -1 -0.9
        0 get r1 b 2 2.1""",
    "a replica is behind, and this client has not seen the newer value": """
        0 put r1 a -3 -2.9
        1 get r1 a -2 -1.9
        0 put r1 b -1 -0.9
        1 get r1 a 2 2.1""",
    "another write overlapped the client's own and won": """
        0 put r1 a -1 -0.8
        1 put r1 b -0.9 -0.7
        0 get r1 b 2 2.1
        1 get r1 b 2.2 2.3""",
    "another write overlapped the client's own and lost": """
        0 put r1 a -1 -0.8
        1 put r1 b -0.9 -0.7
        0 get r1 a 2 2.1""",
    "a write without an answer was not kept": KEPT + "0 put r1 b 2.2 2.3 info\n 0 get r1 a 2.4 2.5",
    "a write without an answer was kept": KEPT + "0 put r1 b 2.2 2.3 info\n 0 get r1 b 2.4 2.5",
    "a refused write was not kept": KEPT + "0 put r1 b 2.2 2.3 fail\n 0 get r1 a 2.4 2.5",
    "an empty register stays empty": KEPT + "1 get r2 - -1 -0.9\n 1 get r2 - 2 2.1",
    "an empty register is filled": KEPT + "1 get r2 - -1 -0.9\n 0 put r2 x -0.8 -0.7\n 1 get r2 x 2 2.1",
    "a swap counts as a read and a write": """
        0 put r1 a -2 -1.9
        1 cas r1 a>b -1 -0.9
        1 get r1 b 2 2.1
        0 get r1 b 2 2.1""",
    "a value that was written twice tells nothing": KEPT + """
        1 put r2 x -3 -2.9
        1 put r2 y -2.8 -2.7
        1 put r2 x -2.6 -2.5
        1 get r2 x 2 2.1""",
    "a read without an answer tells nothing": KEPT + "0 get r1 - 2.2 2.3 info",
    "clients know different registers": KEPT + "1 put r2 b -1 -0.9\n 1 get r2 b 2 2.1\n 0 get r2 b 2.2 2.3",
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_clients_that_find_everything_pass(case: str) -> None:
    verdict = judged(GOOD[case])
    assert verdict.status is Status.PASS, verdict.reason


BAD = {
    "its own write is gone after the failover": (
        "0 put r1 a -1 -0.9\n 0 get r1 - 2 2.1",
        "read_your_writes",
        "client 0 (operation 1, at site-b) found nothing in r1 though it had written 'a' there (operation 0)",
    ),
    "its own write was undone": (
        "0 put r1 a -2 -1.9\n 0 put r1 b -1 -0.9\n 0 get r1 a 2 2.1",
        "read_your_writes",
        "read 'a' in r1 though it had written 'b' there",
    ),
    "its own write over another's was undone": (
        "1 put r1 a -2 -1.9\n 0 put r1 b -1 -0.9\n 0 get r1 a 2 2.1",
        "read_your_writes",
        "though it had written 'b'",
    ),
    "its own swap was undone": (
        "1 put r1 a -2 -1.9\n 0 cas r1 a>b -1 -0.9\n 0 get r1 a 2 2.1",
        "read_your_writes",
        "though it had written 'b'",
    ),
    "its own write was undone without any failover": (
        "0 put r1 a 2 2.1\n 0 put r1 b 2.2 2.3\n 0 get r1 a 2.4 2.5",
        "read_your_writes",
        "though it had written 'b'",
    ),
    "a swap finds what it should not": (
        "0 put r1 a -2 -1.9\n 0 put r1 b -1 -0.9\n 0 cas r1 a>c 2 2.1",
        "read_your_writes",
        "read 'a' in r1 though it had written 'b'",
    ),
    "a value it had read is gone": (
        "1 put r1 a -2 -1.9\n 0 get r1 a -1 -0.9\n 0 get r1 - 2 2.1",
        "monotonic_reads",
        "found nothing in r1 after it had read 'a' (operation 1)",
    ),
    "an older value comes back": (
        "1 put r1 a -3 -2.9\n 2 put r1 b -2 -1.9\n 0 get r1 b -1 -0.9\n 0 get r1 a 2 2.1",
        "monotonic_reads",
        "read 'a' in r1 after it had read 'b' (operation 2)",
    ),
    "it reads two values to and fro": (
        "1 put r1 a -3 -2.9\n 0 get r1 a -2 -1.9\n 2 put r1 b -1.5 -1.4\n 0 get r1 b -1 -0.9\n 0 get r1 a 2 2.1",
        "monotonic_reads",
        "after it had read 'b'",
    ),
    "a value of unknown outcome is seen, and then an older one": (
        "1 put r1 a -3 -2.9\n 2 put r1 b -1 ?\n 0 get r1 b -0.5 -0.4\n 0 get r1 a 2 2.1",
        "monotonic_reads",
        "after it had read 'b'",
    ),
    "a value was seen before the newer one was written, though its own write never ended": (
        "1 put r1 a -3 ?\n 0 get r1 a -2 -1.9\n 2 put r1 b -1 -0.9\n 0 get r1 b -0.5 -0.4\n 0 get r1 a 2 2.1",
        "monotonic_reads",
        "after it had read 'b'",
    ),
    "a swap finds an older value than was read": (
        "1 put r1 a -3 -2.9\n 2 put r1 b -2 -1.9\n 0 get r1 b -1 -0.9\n 0 cas r1 a>c 2 2.1",
        "monotonic_reads",
        "after it had read 'b'",
    ),
    "two writes of one client appear in the wrong order": (
        "1 put r1 a -3 -2.9\n 1 put r1 b -2 -1.9\n 0 get r1 b -1 -0.9\n 0 get r1 a 2 2.1",
        "monotonic_writes",
        "after it had read 'b' (operation 2), which client 1 wrote later",
    ),
    "a value that nobody wrote": (
        "0 put r1 a -1 -0.9\n 0 get r1 x 2 2.1",
        "unexplained",
        "read 'x', which nobody had written",
    ),
    "a value that was refused": (
        "0 put r1 a -1 -0.9\n 0 put r1 b -0.5 -0.4 fail\n 0 get r1 b 2 2.1",
        "unexplained",
        "read 'b', which nobody had written",
    ),
    "one client of many": (
        "\n".join(f"{n} put r{n} v{n} -1 -0.9\n{n} get r{n} {'-' if n == 7 else f'v{n}'} 2 2.1" for n in range(12)),
        "read_your_writes",
        "client 7",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_client_that_misses_what_it_knew_fails_and_is_named(case: str) -> None:
    text, kind, said = BAD[case]
    verdict = judged(text)
    assert verdict.status is Status.FAIL, verdict.reason
    assert said in verdict.reason
    counts = {k: verdict.figures[k] for k in session_guarantees.KINDS if verdict.figures[k]}
    assert counts == {kind: 1}
    assert [e.kind for e in verdict.evidence] == [kind.replace("_", " ")]


def test_that_the_client_had_changed_sites_is_said() -> None:
    verdict = judged(BAD["its own write is gone after the failover"][0])
    assert verdict.evidence[0].text.endswith("after site-a was lost. It had been at site-a before.")


OPEN = {
    "no register was read": ("0 put r1 a -1 -0.9", "No register was read"),
    "nothing was read afterwards": ("0 put r1 a -2 -1.9\n 0 get r1 a -1 -0.9", "No client read after site-a was lost"),
    "only a client that knew nothing read afterwards": (
        "0 put r1 a -2 -1.9\n 1 get r1 a 2 2.1",
        "No client read after site-a was lost what it had written or read before it",
    ),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_was_not_looked_at_is_left_open(case: str) -> None:
    text, said = OPEN[case]
    verdict = judged(text)
    assert (verdict.status, said in verdict.reason) == (Status.INCONCLUSIVE, True), verdict.reason


def test_a_record_in_which_nothing_happened_shows_nothing() -> None:
    verdict = judge("session-guarantees", clean(history=told(KEPT), events=(), info=info(faults_planned=())))
    assert verdict.status is Status.INCONCLUSIVE and "Nothing on record" in verdict.reason


def test_stale_reads_are_counted_and_not_judged() -> None:
    stale = judged(GOOD["a replica is behind, and this client has not seen the newer value"])
    fresh = judged(GOOD["a client finds what it read"])
    assert (stale.figures["stale_reads"], fresh.figures["stale_reads"]) == (1, 0)


# -- records, in the order stored -------------------------------------------------------------------------------------


def with_records() -> ScenarioRecord:
    """Writes and a final read beside a register that is as it should be."""
    record = clean(history=(*history(before=200, after=100), *told(KEPT)), info=info(then=SENTENCES))
    return replace(record, history=tuple(replace(op, id=n) for n, op in enumerate(record.history)))


def swapped(record: ScenarioRecord, one: str, other: str) -> ScenarioRecord:
    def change(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        places = {key: n for n, (key, _) in enumerate(items)}
        a, b = places[one], places[other]
        items[a], items[b] = items[b], items[a]
        return items

    return edit_read(record, change)


def test_records_in_the_order_written_pass() -> None:
    assert judge("session-guarantees", with_records()).status is Status.PASS


def test_records_of_different_clients_may_be_stored_in_any_order() -> None:
    assert judge("session-guarantees", swapped(with_records(), "b-0", "b-1")).status is Status.PASS


def test_a_record_stored_before_an_earlier_one_of_its_client_fails() -> None:
    verdict = judge("session-guarantees", swapped(with_records(), "b-0", "b-4"))
    assert verdict.status is Status.FAIL and verdict.figures["stored_order"] == 1
    assert "b-4 of client 0 is stored before b-0, which it had written earlier" in verdict.reason


def test_lost_and_doubled_records_are_left_to_the_check_of_acknowledged_writes() -> None:
    gone = edit_read(with_records(), lambda items: [*items[5:], items[9]])
    assert judge("session-guarantees", gone).status is Status.PASS


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 49), st.integers(1, 40), st.integers(0, 3))
def test_one_pair_out_of_order_is_found_and_named(n: int, apart: int, client: int) -> None:
    first, later = f"b-{4 * n + client}", f"b-{4 * ((n + apart) % 50) + client}"
    verdict = judge("session-guarantees", swapped(with_records(), first, later))
    assert verdict.status is Status.FAIL
    assert {first, later} & set(verdict.reason.replace(",", " ").split())


# -- planted in a large correct history -------------------------------------------------------------------------------

LARGE = simulated(7, operations=3000, keys=30, clients=20)


def test_registers_of_one_copy_violate_no_session_guarantee() -> None:
    for seed in range(20):
        ops = simulated(seed, operations=1000, keys=20, clients=20, unknown=0.05)
        verdict = session_guarantees.check(scenario(ops))
        assert verdict.status is not Status.FAIL, (seed, verdict.reason)
        assert verdict.figures["stale_reads"] == 0


own = [
    (put, get)
    for get in LARGE
    if get.f == "get" and get.outcome is Outcome.OK
    for put in LARGE
    if put.f == "put" and put.outcome is Outcome.OK and (put.process, put.key) == (get.process, get.key)
    if put.invoked < get.invoked
]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(own))
def test_one_forgotten_write_is_found_and_named(pair: tuple[Operation, Operation]) -> None:
    _, victim = pair
    ops = [replace(op, value=None) if op.id == victim.id else op for op in LARGE]
    verdict = session_guarantees.check(scenario(ops))
    assert verdict.status is Status.FAIL and verdict.figures["read_your_writes"] == 1
    assert [e.ref for e in verdict.evidence] == [str(victim.id)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_linearizable_history_never_violates_a_session_guarantee(seed: int) -> None:
    ops = simulated(seed, operations=200, keys=3, clients=8, unknown=0.1, swaps=0.3)
    verdict = session_guarantees.check(scenario(ops))
    assert verdict.status is not Status.FAIL, verdict.reason
