"""A clean state is regained after a faulty update: when that is shown, when it is disproved, and when it stays open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, add_events, add_ops, at, drop_events, drop_ops, edit_events, edit_ops, fault
from move_records import scheme
from recovery_records import free_of_fault, read_again, recovered

from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, ScenarioRecord, Status

Change = Callable[[ScenarioRecord], ScenarioRecord]


def lose(*keys: str) -> Change:
    return lambda r: read_again(r, lambda items: [i for i in items if i[0] not in keys], 6)


def add(*items: tuple[str, str]) -> Change:
    return lambda r: read_again(r, lambda found: [*found, *items], 6)


def ruin(*keys: str) -> Change:
    return lambda r: read_again(r, lambda items: [(k, f"ruined:{v}" if k in keys else v) for k, v in items], 6)


def read_at(start: float, site: str = B) -> Change:
    return lambda r: read_again(r, lambda found: found, start, site)


def write(key: str, t: float, site: str, took: float = 0.01, outcome: Outcome = Outcome.OK) -> Change:
    return lambda r: add_ops(r, Operation(0, 7, "write", at(t), outcome, at(t + took), key, "x", site))


def operation(name: str, *states: str) -> Callable[[Event], bool]:
    return lambda e: e.kind == "scheme" and e.name == name and (not states or e.state in states)


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


GOOD: dict[str, tuple[Change, str]] = {
    "all from before the savepoint is there, and nothing is ruined": (
        lambda r: r,
        "50 records, all as written. For it 10 acknowledged writes from after the savepoint were given up.",
    ),
    "nothing had to be given up": (
        lambda r: read_again(r, lambda items: [*items, *((f"k-{n}", f"v{n}") for n in range(30, 40))], 6),
        "For it 0 acknowledged writes",
    ),
    "one write was given up": (
        lambda r: read_again(r, lambda items: [*items, *((f"k-{n}", f"v{n}") for n in range(31, 40))], 6),
        "For it 1 acknowledged write from after the savepoint was given up",
    ),
    "a write that was acknowledged while the state was kept is gone": (write("s", -1.96, A), "11 acknowledged writes"),
    "a write that was acknowledged after the fault is gone": (write("s", 0.5, A), "11 acknowledged writes"),
    "a client heard late of a write at the ruined site": (write("s", 0.9, A, 2.5), "11 acknowledged writes"),
    "a write of unknown outcome took effect": (add(("u-0", "vu")), "51 records, all as written"),
    "a write was written twice and is there twice": (
        both(write("k-3", -5, A), lambda r: edit_ops(r, lambda o: o.key == "k-3", value="v3"), add(("k-3", "v3"))),
        "all as written",
    ),
    "an earlier attempt to regain it failed": (
        lambda r: add_events(r, scheme("recover", 0.5, "begin", B, None), scheme("recover", 0.8, "end", B, False)),
        "A clean state was regained at site-b, 3.000 s after the fault",
    ),
    "an earlier savepoint failed": (
        lambda r: add_events(
            r, scheme("savepoint", -4, "begin", "clean", None), scheme("savepoint", -3, "end", "clean", False)
        ),
        "10 acknowledged writes",
    ),
    "there was a later savepoint, and it went back to the first": (
        lambda r: add_events(
            r, scheme("savepoint", -1, "begin", "late", None), scheme("savepoint", -0.9, "end", "late")
        ),
        "10 acknowledged writes",
    ),
    "the ruined state was kept, too": (
        lambda r: add_events(
            r, scheme("savepoint", 0.5, "begin", "late", None), scheme("savepoint", 0.6, "end", "late")
        ),
        "10 acknowledged writes",
    ),
}


def judged(change: Change) -> tuple[Status, str]:
    verdict = judge("clean-state", change(recovered()))
    return verdict.status, verdict.reason


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_when(change: Change, reason: str) -> None:
    status, said = judged(change)
    assert status is Status.PASS, said
    assert reason in said


FAILING: dict[str, tuple[Change, str]] = {
    "one record is ruined": (ruin("k-3"), "1 record there is not what was written"),
    "all records are ruined": (ruin(*(f"k-{n}" for n in range(30))), "30 records there are not what was written"),
    "a record from after the recovery is ruined": (ruin("w-3"), "1 record there is not what was written"),
    "a ruined copy is there beside the right one": (add(("k-3", "ruined:v3")), "1 record there is not what was"),
    "a record nobody wrote is there": (add(("ghost", "1")), "1 record there is not what was written"),
    "a write from before the savepoint is gone": (lose("k-3"), "1 write from before the savepoint is gone"),
    "the last write before the savepoint is gone": (lose("k-29"), "1 write from before the savepoint is gone"),
    "it began again from nothing": (
        lose(*(f"k-{n}" for n in range(30))),
        "30 writes from before the savepoint are gone",
    ),
    "a write from after the recovery is gone": (lose("w-3"), "1 write acknowledged after the recovery is gone"),
    "a write that came while it was recovered and was acknowledged after it is gone": (
        write("s", 2.95, B, 0.1),
        "1 write acknowledged after the recovery is gone",
    ),
    "the ruined site still acknowledges writes after the recovery": (
        write("s", 4, A),
        "1 write acknowledged after the recovery is gone",
    ),
    "a record is doubled": (add(("k-3", "v3")), "1 record is there more often than written"),
    "two records are doubled": (add(("k-3", "v3"), ("w-3", "v3")), "2 records are there more often than written"),
    "a write that was refused is there": (add(("r-0", "vr")), "1 record is there although its write was refused"),
    "it could not be regained": (
        lambda r: edit_events(r, operation("recover", "end"), ok=False, detail="It never came to an end."),
        "No clean state was regained: It never came to an end.",
    ),
    "it could not be regained, and nobody says why": (
        lambda r: edit_events(r, operation("recover", "end"), ok=False),
        "the scheme does not say why",
    ),
    "the second attempt failed": (
        lambda r: add_events(r, scheme("recover", 3.5, "begin", B, None), scheme("recover", 4, "end", B, False)),
        "No clean state was regained",
    ),
    "several things are wrong": (
        both(ruin("k-3", "k-4"), lose("k-5", "w-1")),
        "2 records there are not what was written; 1 write from before the savepoint is gone; 1 write acknowledged",
    ),
    "the fault did not bite, and a record is gone": (
        both(lambda r: edit_events(r, fault("bad-update", "verified"), ok=False), lose("k-3")),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    status, said = judged(change)
    assert status is Status.FAIL, said
    assert reason in said


OPEN: dict[str, tuple[Change, str]] = {
    "no fault is on record": (lambda r: drop_events(r, fault("bad-update")), "never injected"),
    "the fault did not bite": (
        lambda r: edit_events(r, fault("bad-update", "verified"), ok=False, detail="It did not spread."),
        "did not show its effect: It did not spread.",
    ),
    "nothing was kept": (lambda r: drop_events(r, operation("savepoint")), "No savepoint followed by a fault"),
    "the savepoint failed": (
        lambda r: edit_events(r, operation("savepoint", "end"), ok=False),
        "No savepoint followed by a fault",
    ),
    "the savepoint was not over when the fault struck": (
        lambda r: edit_events(r, operation("savepoint", "end"), t=at(0.05)),
        "No savepoint followed by a fault",
    ),
    "when the savepoint began is not on record": (
        lambda r: drop_events(r, operation("savepoint", "begin")),
        "No savepoint followed by a fault",
    ),
    "nobody went back": (lambda r: drop_events(r, operation("recover")), "Nobody tried to regain a clean state"),
    "somebody went back before the fault": (
        lambda r: edit_events(r, operation("recover"), t=at(-0.5)),
        "Nobody tried to regain a clean state",
    ),
    "it was not seen to end": (lambda r: drop_events(r, operation("recover", "end")), "no end of it is"),
    "nothing is said of how it ended": (
        lambda r: edit_events(r, operation("recover", "end"), ok=None),
        "no end of it is",
    ),
    "it was regained at the first site": (
        lambda r: edit_events(r, operation("recover", "end"), target=A),
        "at site-a, not at the redundant site",
    ),
    "nothing was read": (lambda r: drop_ops(r, lambda o: o.f == "scan"), "There is no complete read of site-b"),
    "the read was cut off": (lambda r: edit_ops(r, lambda o: o.complete, complete=False), "no complete read"),
    "the other site was read": (read_at(6, A), "There is no complete read of site-b after the recovery"),
    "it was read before it had gone back": (read_at(2), "There is no complete read of site-b after the recovery"),
    "nothing had been written before the savepoint": (
        lambda r: read_again(
            drop_ops(r, lambda o: o.f == "write" and o.invoked < at(-2)),
            lambda items: [i for i in items if i[0].startswith("w")],
            6,
        ),
        "nothing was at stake",
    ),
    "it hardly served afterwards": (
        lambda r: read_again(
            drop_ops(r, lambda o: o.f == "write" and (o.key or "").startswith("w") and int((o.key or "")[2:]) > 3),
            lambda items: [i for i in items if not i[0].startswith("w") or int(i[0][2:]) < 4],
            6,
        ),
        "Only 4 writes were served",
    ),
    "a write was acknowledged after the read began": (
        write("late", 6.05, B),
        "1 write was acknowledged after the final read began: never looked for",
    ),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
    "a line cannot be read": (lambda r: replace(r, problems=("line 3 is torn",)), "cannot be read in full"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_neither_passes_nor_fails_when(change: Change, reason: str) -> None:
    status, said = judged(change)
    assert status in (Status.INCONCLUSIVE, Status.ERROR), said
    assert reason in said


def test_what_was_given_up_is_stated() -> None:
    figures = judge("clean-state", recovered()).figures
    assert {name: figures[name] for name in ("clean", "ruined", "missing", "given_up", "lost_since")} == {
        "clean": 50,
        "ruined": 0,
        "missing": 0,
        "given_up": 10,
        "lost_since": 0,
    }
    assert figures["given_up_s"] == 1.81  # from the savepoint's beginning to the last write before the fault
    assert (figures["recovered_s"], figures["served_after"]) == (3.0, 20)


def test_nothing_given_up_takes_no_time() -> None:
    assert judge("clean-state", GOOD["nothing had to be given up"][0](recovered())).figures["given_up_s"] == 0


def test_what_is_gone_and_what_is_ruined_is_named() -> None:
    record = both(ruin("k-4"), lose("k-3"))(recovered())
    [number] = [str(op.id) for op in record.history if op.key == "k-3"]
    evidence = judge("clean-state", record).evidence
    assert [(e.kind, e.ref) for e in evidence] == [("operation", number), ("record", "k-4")]
    assert "k-4 holds 'ruined:v4'" in evidence[1].text


UNSEEN = ("poison-message", "bad-configuration")
"""Faults that records do not show."""


def looked(*events: Event) -> Change:
    return lambda r: add_events(drop_events(r, lambda e: e.name == "free-of-fault"), *events)


@pytest.mark.parametrize("name", UNSEEN)
def test_a_fault_that_records_do_not_show_is_gone_when_the_second_site_was_seen_to_be_free_of_it(name: str) -> None:
    verdict = judge("clean-state", recovered(fault=name))
    assert verdict.status is Status.PASS, verdict.reason
    assert "For it 10 acknowledged writes" in verdict.reason
    assert verdict.figures["given_up"] == 10


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (looked(free_of_fault(5.5, False)), Status.FAIL, "not free of the fault {}: Front-ends at site-b still end"),
        (
            looked(free_of_fault(5.2, False), free_of_fault(5.5, True)),
            Status.FAIL,
            "site-b is not free of the fault {}",
        ),
        (
            both(looked(free_of_fault(5.5, False)), lambda r: drop_ops(r, lambda o: o.f == "scan")),
            Status.FAIL,
            "not free",
        ),
        (lose("k-3"), Status.FAIL, "1 write from before the savepoint is gone"),
        (lose("w-3"), Status.FAIL, "1 write acknowledged after the recovery is gone"),
        (ruin("k-3"), Status.FAIL, "1 record there is not what was written"),
        (both(looked(), lose("k-3")), Status.FAIL, "1 write from before the savepoint is gone"),
        (looked(), Status.INCONCLUSIVE, "Nobody saw, after the recovery, whether site-b is free of the fault {}"),
        (looked(free_of_fault(0.5, True)), Status.INCONCLUSIVE, "Nobody saw, after the recovery"),
        (looked(free_of_fault(5.5, True, A)), Status.INCONCLUSIVE, "Nobody saw, after the recovery"),
        (looked(free_of_fault(5.5, None)), Status.INCONCLUSIVE, "Nobody saw, after the recovery"),
        (lambda r: drop_events(r, operation("savepoint")), Status.INCONCLUSIVE, "No savepoint followed by a fault"),
    ],
)
@pytest.mark.parametrize("name", UNSEEN)
def test_a_second_site_that_still_has_the_fault_fails_and_one_nobody_looked_at_stays_open(
    name: str, change: Change, status: Status, reason: str
) -> None:
    verdict = judge("clean-state", change(recovered(fault=name)))
    assert (verdict.status, reason.format(name) in verdict.reason) == (status, True), verdict.reason


def test_of_two_faults_of_the_software_the_first_is_the_one_that_was_recovered_from() -> None:
    """The later one began when the state had been regained."""
    later = [replace(e, t=e.t + at(4) - at(0)) for e in recovered(fault="bad-update").fault_events()]
    verdict = judge("clean-state", add_events(recovered(fault="poison-message"), *later))
    assert verdict.status is Status.PASS, verdict.reason
    assert verdict.figures["recovered_s"] == 3.0
