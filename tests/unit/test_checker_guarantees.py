"""What holds for a loss, judged at a move, at the way back, and once a link has healed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import (
    A,
    B,
    add_events,
    at,
    drop_events,
    drop_object,
    edit_events,
    edit_inventory,
    edit_object,
    edit_ops,
    edit_read,
    fault,
)
from move_records import clouds, cut, moved, refused, returned, scheme

from conformance.checkers.registry import judge
from conformance.model import Event, Outcome, ScenarioRecord, Status

Change = Callable[[ScenarioRecord], ScenarioRecord]
WRITES, NETWORK, MACHINES = "move-acknowledged-writes", "move-network", "move-vm-count"
BACK, HEALED = "way-back-acknowledged-writes", "healed-acknowledged-writes"
RECORDS = {BACK: returned, HEALED: cut}
READS = {BACK: {"start": 14, "site": A, "process": 2}, HEALED: {"start": 4, "site": A, "process": 2}}


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def lose(check: str, *keys: str) -> Change:
    return lambda r: edit_read(r, lambda items: [i for i in items if i[0] not in keys], **READS.get(check, {}))


def add(check: str, *items: tuple[str, str]) -> Change:
    return lambda r: edit_read(r, lambda found: [*found, *items], **READS.get(check, {}))


def end(operation: str, **fields: object) -> Change:
    return lambda r: edit_events(r, lambda e: e.kind == "scheme" and e.name == operation and e.state == "end", **fields)


def read_at(check: str, start: float, site: str) -> Change:
    return lambda r: edit_read(r, lambda found: found, start=start, site=site, process=2)


def after(change: Callable[..., object]) -> Change:
    return lambda r: edit_inventory(r, "second-after", change)  # type: ignore[arg-type]


GOOD: dict[str, tuple[str, Change, str]] = {
    "the move keeps everything": (WRITES, lambda r: r, "All 20 acknowledged writes are there"),
    "the move keeps what is written meanwhile": (
        WRITES,
        lambda r: edit_ops(r, lambda o: o.key == "a-1", invoked=at(0.3), completed=at(0.31), site=A),
        "All 20",
    ),
    "an unknown write is not owed": (WRITES, lose(WRITES, "u-0"), "2 writes with an unknown outcome 1 took effect"),
    "the network is the same after the move": (NETWORK, lambda r: r, "are connected the same way at site-b"),
    "a network bears another name after the move": (
        NETWORK,
        after(edit_object("networks", "oam", label="other")),
        "bear another name",
    ),
    "the machines are the same after the move": (MACHINES, lambda r: r, "3 servers as at site-a"),
    "a machine bears another name after the move": (
        MACHINES,
        after(edit_object("servers", "frontend-1", label="other")),
        "3 servers",
    ),
    "the way back keeps everything": (BACK, lambda r: r, "All 37 acknowledged writes are there"),
    "the way back keeps what was written before the first move": (BACK, lambda r: r, "32 of them from before"),
    "nothing is lost when the link heals": (HEALED, lambda r: r, "All 55 acknowledged writes are there"),
    "nothing was acknowledged while it was cut": (
        HEALED,
        lambda r: edit_ops(
            r, lambda o: o.f == "write" and at(0) < o.invoked < at(3.1), outcome=Outcome.INFO, completed=None
        ),
        "writes with an unknown outcome",
    ),
    "the link was disturbed twice": (
        HEALED,
        lambda r: add_events(
            r,
            Event(at(3.4), "fault", "link-delay", "injected", "a-b"),
            Event(at(3.6), "fault", "link-delay", "healed", "a-b"),
            Event(at(3.7), "fault", "link-delay", "heal-verified", "a-b", True),
        ),
        "All 55",
    ),
}


def judged(check: str, change: Change) -> tuple[Status, str]:
    verdict = judge(check, change(RECORDS.get(check, moved)()))
    return verdict.status, verdict.reason


@pytest.mark.parametrize(("check", "change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_when(check: str, change: Change, reason: str) -> None:
    status, said = judged(check, change)
    assert status is Status.PASS, said
    assert reason in said


FAILING: dict[str, tuple[str, Change, str]] = {
    "the move loses a write from before": (WRITES, lose(WRITES, "b-3"), "1 of 20 acknowledged writes is lost"),
    "the move loses a write from after": (WRITES, lose(WRITES, "a-3"), "1 of 20 acknowledged writes is lost"),
    "the move doubles a write": (WRITES, add(WRITES, ("b-3", "v3")), "there more often than written"),
    "the move makes a record up": (WRITES, add(WRITES, ("ghost", "1")), "nobody ever wrote"),
    "a move that failed loses a write": (
        WRITES,
        both(end("migrate", ok=False), lose(WRITES, "b-3")),
        "1 of 20 acknowledged writes is lost",
    ),
    "the MTU differs after the move": (NETWORK, after(edit_object("networks", "oam", mtu=9)), "MTU is 1450"),
    "a router is missing after the move": (NETWORK, after(drop_object("routers", "router")), "router"),
    "a machine is missing after the move": (MACHINES, after(drop_object("servers", "frontend-1")), "no counterpart"),
    "a machine is in error after the move": (
        MACHINES,
        after(edit_object("servers", "frontend-1", status="ERROR")),
        "ERROR",
    ),
    "the way back loses a write of the first site": (BACK, lose(BACK, "b-3"), "1 of 37 acknowledged writes is lost"),
    "the way back loses a write of the second site": (
        BACK,
        lose(BACK, f"{B}-7"),
        "1 of 37 acknowledged writes is lost",
    ),
    "the way back loses a write from after": (BACK, lose(BACK, f"{A}-2"), "1 of 37 acknowledged writes is lost"),
    "the way back doubles a write": (BACK, add(BACK, (f"{B}-7", "x7")), "there more often than written"),
    "a write from before the cut is gone": (HEALED, lose(HEALED, "k-3"), "1 of 55 acknowledged writes is lost"),
    "a write from during the cut is gone": (HEALED, lose(HEALED, "k-30"), "1 of 55 acknowledged writes is lost"),
    "a write from after the healing is gone": (HEALED, lose(HEALED, "k-54"), "1 of 55 acknowledged writes is lost"),
    "healing doubles a write": (HEALED, add(HEALED, ("k-30", "v30")), "there more often than written"),
}


@pytest.mark.parametrize(("check", "change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(check: str, change: Change, reason: str) -> None:
    status, said = judged(check, change)
    assert status is Status.FAIL, said
    assert reason in said


OPEN: dict[str, tuple[str, Change, str]] = {
    "no move is on record": (WRITES, lambda r: drop_events(r, lambda e: e.kind == "scheme"), "No move to site-b"),
    "the move failed and nothing is lost": (WRITES, end("migrate", ok=False), "did not succeed"),
    "the move was called off": (WRITES, lambda r: refused(), "no complete final read"),
    "what is there was read at the site that was left": (
        WRITES,
        read_at(WRITES, 4, A),
        "site-a, the site that the service was moved from",
    ),
    "what is there was read before the move": (WRITES, read_at(WRITES, -0.5, A), "so it does not show what survived"),
    "no move is on record for the network": (
        NETWORK,
        lambda r: drop_events(r, lambda e: e.kind == "scheme"),
        "No move",
    ),
    "the move failed and the network is the same": (NETWORK, end("migrate", ok=False), "did not succeed"),
    "the inventory was taken before the move": (MACHINES, end("migrate", t=at(9)), "not after it"),
    "the record is of a loss": (MACHINES, lambda r: clouds(), "No move to site-b"),
    "no way back is on record": (BACK, lambda r: moved(), "No move to site-a is on record"),
    "the way back failed": (BACK, end("failback", ok=False), "did not succeed"),
    "what is there was read before the way back": (BACK, read_at(BACK, 8, B), "so it does not show what survived"),
    "what is there was read at the other site": (BACK, read_at(BACK, 14, B), "that the service was moved from"),
    "no link fault is on record": (
        HEALED,
        lambda r: drop_events(r, fault("link-cut")),
        "No link fault that was healed",
    ),
    "the link was not healed": (
        HEALED,
        lambda r: drop_events(r, fault("link-cut", "healed")),
        "No link fault that was",
    ),
    "it was read before the link was healed": (HEALED, read_at(HEALED, 1, A), "so it does not show what survived"),
}


@pytest.mark.parametrize(("check", "change", "reason"), OPEN.values(), ids=OPEN)
def test_it_does_not_pass_when(check: str, change: Change, reason: str) -> None:
    status, said = judged(check, change)
    assert status in (Status.INCONCLUSIVE, Status.ERROR), said
    assert reason in said


def test_writes_acknowledged_during_the_cut_are_counted() -> None:
    assert judge(HEALED, cut()).figures["acknowledged_while_disturbed"] == 31


def test_a_way_back_after_a_later_move_is_read_where_it_ended() -> None:
    """Once the service has returned, what a move kept may be read at the first site."""
    record = returned()
    assert judge(WRITES, record).status is Status.PASS


def test_a_session_is_owed_after_a_move_as_after_a_loss() -> None:
    assert judge("sessions", moved()).status is Status.PASS
    refused_there = edit_ops(moved(), lambda o: o.f == "use-session", outcome=Outcome.FAIL, error="404 unknown session")
    assert judge("sessions", refused_there).status is Status.FAIL


def test_a_failed_second_move_does_not_move_the_turning_point() -> None:
    record = add_events(moved(), scheme("migrate", 20, "begin", B, None), scheme("migrate", 21, "end", B, False))
    assert judge(WRITES, record).status is Status.PASS


def test_a_profile_that_allows_losses_with_a_site_allows_none_with_a_move() -> None:
    record = moved()
    key = next(op.key for op in record.history if op.f == "write" and op.outcome is Outcome.OK)
    history = tuple(
        replace(op, items=tuple(item for item in op.items if item[0] != key)) if op.f == "scan" else op
        for op in record.history
    )
    lenient = replace(record.info, thresholds=replace(record.info.thresholds, rpo_operations=5))
    assert judge("move-acknowledged-writes", replace(record, info=lenient)).status is Status.PASS
    assert judge("move-acknowledged-writes", replace(record, info=lenient, history=history)).status is Status.FAIL
