"""MS-GR-04: the same VMs, a service that answers, and nothing of what was before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import (
    A,
    B,
    Segment,
    add_events,
    add_ops,
    at,
    drop_events,
    drop_object,
    drop_ops,
    edit_events,
    edit_object,
    edit_ops,
    edit_read,
    fault,
    probes,
)
from builders import edit_inventory as edited
from move_records import stateless

from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, ScenarioRecord, Status, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("stateless", record)


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def probed(*segments: Segment) -> Change:
    return lambda r: replace(r, probes=probes(segments))


def no_clients(record: ScenarioRecord) -> ScenarioRecord:
    """A service without writes and sessions: only probes and the guests themselves tell."""
    return replace(record, history=())


def said(ok: bool | None, detail: str = "", t: float = 3.0, target: str = B) -> Change:
    """The guests were asked whether their state is the initial one."""
    return lambda r: add_events(r, Event(at(t), "observation", "initial-state", "", target, ok, detail))


def server(label: str, /, **fields: object) -> Change:
    return lambda r: edited(r, "second-after", edit_object("servers", label, **fields))


def read_has(*items: tuple[str, str]) -> Change:
    return lambda r: edit_read(r, lambda found: [*items, *found])


def used(t: float, outcome: Outcome, error: str | None = None, key: str = "subscriber-0") -> Change:
    op = Operation(0, 50, "use-session", at(t), outcome, at(t + 0.01), key, "token", B, error)
    return lambda r: add_ops(r, op)


GOOD: dict[str, tuple[Change, str]] = {
    "nothing survived": (lambda r: r, "by the final read and the refusal of earlier sessions"),
    "the initial state has records of its own": (read_has(("seed", "1")), "the final read"),
    "sessions alone show it": (lambda r: drop_ops(r, lambda o: o.f == "scan"), "by the refusal of earlier sessions"),
    "the final read alone shows it": (lambda r: drop_ops(r, lambda o: o.f == "use-session"), "by the final read."),
    "the guests say so": (both(no_clients, said(True)), "by what the guests say."),
    "the guests and the clients say so": (said(True), "what the guests say, the final read and"),
    "a guest was asked at the lost site before": (said(False, t=-2, target=A), "Its state is the initial one"),
    "a session opened after the loss is accepted": (used(3.5, Outcome.OK, key="new"), "Its state is the initial one"),
    "a use has an unknown outcome": (used(3.5, Outcome.INFO), "Its state is the initial one"),
    "the servers bear other names": (server("frontend-1", label="other"), "3 servers as at site-a"),
    "it was down for a while": (probed((-4, 0, A), (0, 3, None), (3, 4, B)), "The service answers at site-b"),
    "a write of unknown outcome is there": (read_has(("u-0", "vu0")), "Its state is the initial one"),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_it_starts_from_its_initial_state_when(change: Change, reason: str) -> None:
    verdict = judged(change(stateless()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


NOT_INITIAL = "The state at site-b is not the initial one"
FAILING: dict[str, tuple[Change, str]] = {
    "a record from before is there": (read_has(("b-1", "v1")), f"{NOT_INITIAL}, 1 thing survived. b-1 was written"),
    "all records from before are there": (read_has(*((f"b-{n}", f"v{n}") for n in range(8))), "8 things survived"),
    "a session from before is accepted": (used(3.5, Outcome.OK), "Session subscriber-0 was opened before"),
    "a session is refused and then accepted": (
        both(used(3.4, Outcome.FAIL, "404 unknown session"), used(3.6, Outcome.OK)),
        "1 thing survived",
    ),
    "all sessions are accepted": (
        lambda r: edit_ops(r, lambda o: o.f == "use-session", outcome=Outcome.OK),
        "2 things survived",
    ),
    "the guests say that it is not": (
        said(False, "The journal is not empty."),
        f"{NOT_INITIAL}: The journal is not empty.",
    ),
    "the guests say so without a word": (said(False), f"{NOT_INITIAL}: the guests say so."),
    "a server is missing": (
        lambda r: edited(r, "second-after", drop_object("servers", "frontend-1")),
        "no counterpart",
    ),
    "a server is in error": (server("frontend-1", status="ERROR"), "frontend-1 is ERROR at site-b"),
    "a guest does not answer": (server("database-0", serving=False), "its guest does not answer"),
    "a server has another role": (server("frontend-1", role="other"), "has no counterpart"),
    "the service never answers": (
        both(probed((-4, 0, A), (0, 9, None)), lambda r: drop_ops(r, lambda o: o.site == B)),
        "The service does not answer at site-b",
    ),
    "a record is there and a server is missing": (
        both(read_has(("b-1", "v1")), lambda r: edited(r, "second-after", drop_object("servers", "frontend-1"))),
        NOT_INITIAL,
    ),
    "a record is there though a fault did not bite": (
        both(read_has(("b-1", "v1")), lambda r: edit_events(r, fault("link-delay", "verified"), ok=False)),
        "This stands although",
    ),
    "a record is there in a run that was cut short": (
        both(read_has(("b-1", "v1")), lambda r: replace(r, finished=False)),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(stateless()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "the loss is not on record": (lambda r: drop_events(r, fault("site-loss")), "not on record"),
    "nothing shows the state": (no_clients, "Nothing on record shows whether the state at site-b is the initial one"),
    "the guests were not judged": (both(no_clients, said(None)), "Nothing on record shows"),
    "the guests were asked before the loss": (both(no_clients, said(True, t=-1)), "Nothing on record shows"),
    "the guests of another site were asked": (both(no_clients, said(True, target=A)), "Nothing on record shows"),
    "the records were read at the lost site": (
        both(
            lambda r: edit_ops(r, lambda o: o.f == "scan", site=A),
            lambda r: drop_ops(r, lambda o: o.f == "use-session"),
        ),
        "Nothing on record shows",
    ),
    "the inventory of the second site is missing": (
        lambda r: replace(r, inventories={"first-before": r.inventories["first-before"]}),
        "is not on record",
    ),
    "nobody asked a guest": (server("frontend-0", serving=None), "Nobody asked the guests of frontend-0"),
    "it answered a few times only": (
        both(
            lambda r: drop_ops(r, lambda o: o.site == B and o.f == "write"),
            probed((-4, 0, A), (0, 1, None), (1, 1.1, B)),
        ),
        "was seen to answer only 5 times",
    ),
    "the loss did not bite": (lambda r: edit_events(r, fault("site-loss", "verified"), ok=False), "did not show"),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(stateless()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_survivors_are_named_and_counted() -> None:
    verdict = judged(read_has(("b-1", "v1"), ("b-2", "v2"))(stateless()))
    assert verdict.figures["survived"] == 2
    assert [e.kind for e in verdict.evidence] == ["survivor", "survivor"]
