"""The service is back at the first site as it was there before: connected the same way, with the same machines, every
session known. What was not looked at leaves it open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import (
    A,
    B,
    add_events,
    add_ops,
    at,
    drop_events,
    drop_object,
    drop_ops,
    edit_events,
    edit_inventory,
    edit_object,
    edit_ops,
    edit_read,
    inventory,
)
from move_records import moved, returned, returned_observed, scheme, seen_reach

from conformance.checkers.registry import CHECKS, judge
from conformance.model import Event, Inventory, Operation, Outcome, Reach, ScenarioRecord, Status
from conformance.model.inventory import Flavor, SecurityGroupRule

Change = Callable[[ScenarioRecord], ScenarioRecord]
Edit = Callable[[Inventory], Inventory]
NETWORK, MACHINES, SESSIONS = "way-back-network", "way-back-vm-count", "way-back-sessions"
TWINS = {NETWORK: "return-network", MACHINES: "return-vm-count", SESSIONS: "return-sessions"}
RECORDS = {NETWORK: returned_observed, MACHINES: returned, SESSIONS: returned}
BEFORE, THERE, BACK = "first-before", "second-after", "first-after"


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def at_last(*edits: Edit, look: str = BACK) -> Change:
    """The VNF is otherwise in one look: after the return, unless another is named."""
    return both(*((lambda r, edit=edit: edit_inventory(r, look, edit)) for edit in edits))  # type: ignore[misc]


def not_looked(what: str, look: str) -> Change:
    return lambda r: replace(r, **{what: {k: v for k, v in getattr(r, what).items() if k != look}})


def comes_out(pair: tuple[str, str, int], reached: bool | None, look: str = BACK) -> Change:
    """One attempt on the network ``service`` comes out otherwise in one look."""

    def meant(reach: Reach) -> bool:
        return (reach.source, reach.target, reach.port, reach.network) == (*pair, "service")

    def turned(reach: Reach) -> Reach:
        return replace(reach, reached=reached) if meant(reach) else reach

    def change(record: ScenarioRecord) -> ScenarioRecord:
        seen = record.reachability[look]
        assert any(map(meant, seen.reaches))
        seen = replace(seen, reaches=tuple(map(turned, seen.reaches)))
        return replace(record, reachability={**record.reachability, look: seen})

    return change


def reached_at(began: float, ended: float, site: str = A) -> Change:
    """When, and where, packets were tried after the return."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        seen = replace(record.reachability[BACK], began=at(began), ended=at(ended), site=site)
        return replace(record, reachability={**record.reachability, BACK: seen})

    return change


def failback(**fields: object) -> Change:
    return lambda r: edit_events(
        r, lambda e: e.kind == "scheme" and e.name == "failback" and e.state == "end", **fields
    )


def opened_up(record: ScenarioRecord) -> ScenarioRecord:
    """A rule that was not there before lets everybody at the database after the return, and packets pass by it."""
    rule = SecurityGroupRule("ingress", "IPv4", "tcp", 8080, 8080, "0.0.0.0/0")
    record = edit_inventory(record, BACK, edit_object("security_groups", "database", rules=lambda r: (*r, rule)))
    return replace(record, reachability={**record.reachability, BACK: seen_reach(record, BACK, 13.2, 13.5)})


def only_records(
    detail: str | None = "None here.", when: float = 13.6, ok: bool | None = None, where: str = A
) -> Change:
    """Nobody tried what packets reach; an event says why not, unless there is none."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        record = replace(record, reachability={})
        said = () if detail is None else (Event(at(when), "observation", "data-plane", "", where, ok, detail),)
        return add_events(record, *said)

    return change


def used(key: str) -> Callable[[Operation], bool]:
    return lambda o: o.f == "use-session" and o.key == key


def answered(key: str, error: str) -> Change:
    return lambda r: edit_ops(r, used(key), outcome=Outcome.FAIL, error=error)


def use(start: float, error: str, site: str = A, key: str = "subscriber-1") -> Change:
    op = Operation(0, 9, "use-session", at(start), Outcome.FAIL, at(start + 0.01), key, "token-1", site, error)
    return lambda r: add_ops(r, op)


DB, LEAK = ("frontend-0", "database-0", 5432), ("database-0", "frontend-0", 5432)

GOOD: dict[str, tuple[str, Change, str]] = {
    "the network is as before, and so is what packets reach": (
        NETWORK,
        lambda r: r,
        "of site-a are connected the same way at site-a after the return. Observed both times alike: 18 pairs reached",
    ),
    "only the records can be compared": (NETWORK, only_records(), "Only the API's records were compared"),
    "the second site was not looked at": (
        NETWORK,
        both(not_looked("inventories", THERE), not_looked("reachability", THERE)),
        "connected the same way at site-a after the return",
    ),
    "the second site was otherwise": (
        NETWORK,
        at_last(edit_object("networks", "oam", mtu=9000), look=THERE),
        "connected the same way at site-a after the return",
    ),
    "everything was made anew under other names": (
        NETWORK,
        both(
            lambda r: replace(
                r, inventories={**r.inventories, BACK: inventory(A, taken=13.8, third_octet=7, prefix="new-")}
            ),
            only_records(),
        ),
        "bear another name there",
    ),
    "the machines are as before": (
        MACHINES,
        lambda r: r,
        "3 servers as at site-a (1 database and 2 frontend) are ACTIVE",
    ),
    "a machine bears another name": (
        MACHINES,
        at_last(edit_object("servers", "frontend-1", label="other")),
        "answering at site-a after the return",
    ),
    "a machine was missing at the second site": (
        MACHINES,
        at_last(drop_object("servers", "frontend-1"), look=THERE),
        "3 servers as at site-a",
    ),
    "sessions of both sites are accepted": (
        SESSIONS,
        lambda r: r,
        "All 3 sessions opened before the service was moved to site-a are accepted at site-a",
    ),
    "the first site was behind before it took over again": (SESSIONS, use(10.3, "404 unknown session"), "All 3"),
    "the second site refused before the return": (SESSIONS, use(7, "404 unknown session", site=B), "All 3"),
    "the service was not there yet": (SESSIONS, use(12.4, "503 read-only"), "All 3"),
}

FAILING: dict[str, tuple[str, Change, str]] = {
    "a security group is missing": (
        NETWORK,
        at_last(drop_object("security_groups", "database")),
        "security group database of site-a is missing at site-a after the return",
    ),
    "a security group is missing where only records can be compared": (
        NETWORK,
        both(only_records(), at_last(drop_object("security_groups", "database"))),
        "security group database of site-a is missing at site-a after the return",
    ),
    "a port has lost its security group": (
        NETWORK,
        at_last(edit_object("ports", "database-0-service", security_group_ids=lambda ids: ids[1:])),
        "security group database of site-a is missing at site-a after the return",
    ),
    "a rule is missing": (
        NETWORK,
        at_last(edit_object("security_groups", "management", rules=lambda rules: rules[1:])),
        "ingress IPv4 tcp 8009 from",
    ),
    "a rule is new, and packets pass by it": (
        NETWORK,
        opened_up,
        "security group database: rule ingress IPv4 tcp 8080 from anybody is only at site-a after the return",
    ),
    "the MTU is another": (
        NETWORK,
        at_last(edit_object("networks", "oam", mtu=9000)),
        "network oam: MTU is 1450 at site-a and 9000 at site-a after the return",
    ),
    "the router is gone": (NETWORK, at_last(drop_object("routers", "router")), "router router of site-a is missing"),
    "a port is down": (
        NETWORK,
        at_last(edit_object("ports", "frontend-1-oam", status="DOWN")),
        "status is ACTIVE at site-a and DOWN at site-a after the return",
    ),
    "what was reached is not reached any more": (
        NETWORK,
        comes_out(DB, False),
        "database-0 (tcp 5432 on service) is reached at site-a and not reached at site-a after the return",
    ),
    "what was not reached is reached now": (
        NETWORK,
        comes_out(LEAK, True),
        "frontend-0 (tcp 5432 on service) is not reached at site-a and reached at site-a after the return",
    ),
    "the observation of its packets failed": (
        NETWORK,
        only_records("frontend-1 does not reach database-0.", ok=False),
        "frontend-1 does not reach database-0",
    ),
    "the network differs after a return that failed": (
        NETWORK,
        both(failback(ok=False), at_last(drop_object("security_groups", "database"))),
        "is missing at site-a after the return",
    ),
    "a machine is missing": (
        MACHINES,
        at_last(drop_object("servers", "frontend-1")),
        "server frontend-1 (frontend) has no counterpart at site-a after the return",
    ),
    "a machine is in another role": (
        MACHINES,
        at_last(edit_object("servers", "frontend-1", role="database")),
        "server frontend-1 (database) is only at site-a after the return",
    ),
    "a machine is another size": (
        MACHINES,
        at_last(edit_object("servers", "frontend-1", flavor=Flavor(2, 512, 1))),
        "1 GiB disk at site-a after the return",
    ),
    "a machine is in error": (
        MACHINES,
        at_last(edit_object("servers", "frontend-1", status="ERROR")),
        "server frontend-1 is ERROR at site-a after the return",
    ),
    "a guest does not answer": (
        MACHINES,
        at_last(edit_object("servers", "database-0", serving=False)),
        "server database-0 is ACTIVE at site-a after the return, but its guest does not answer",
    ),
    "a session of the first site is refused": (
        SESSIONS,
        answered("subscriber-1", "404 unknown session"),
        "1 of 3 sessions opened before the service was moved to site-a is refused at site-a: subscriber-1",
    ),
    "a session opened at the second site is refused": (
        SESSIONS,
        answered("subscriber-late", "401 unknown session"),
        "is refused at site-a: subscriber-late",
    ),
    "a session is refused once the service is back, and accepted later": (
        SESSIONS,
        use(12.5, "404 unknown session"),
        "is refused at site-a: subscriber-1",
    ),
    "the service came back in its initial state": (
        SESSIONS,
        lambda r: edit_read(r, lambda items: [i for i in items if i[0].startswith(A)], start=14, site=A, process=2),
        "it started from its initial state",
    ),
}

OPEN: dict[str, tuple[str, Change, str]] = {
    "the VNF was not looked at after the return": (
        NETWORK,
        not_looked("inventories", BACK),
        "The inventory of site-a after the return (first-after) is not on record",
    ),
    "the VNF was not looked at before": (NETWORK, not_looked("inventories", BEFORE), "(first-before) is not on record"),
    "packets were not tried after the return": (
        NETWORK,
        not_looked("reachability", BACK),
        "What could be reached at site-a after the return (first-after) was not observed",
    ),
    "packets were not tried before": (
        NETWORK,
        not_looked("reachability", BEFORE),
        "What could be reached at site-a (first-before) was not observed",
    ),
    "packets were tried before the return": (NETWORK, reached_at(9, 9.5), "not after it"),
    "packets were tried during the return": (NETWORK, reached_at(10.2, 10.4), "not after it"),
    "packets were tried at the other site": (NETWORK, reached_at(13.2, 13.5, B), "is of site-b, not of site-a"),
    "one pair could not be tried after the return": (
        NETWORK,
        comes_out(DB, None),
        "1 pair could not be tried both times",
    ),
    "nobody says whether packets pass": (NETWORK, only_records(None), "Nothing on record says whether packets pass"),
    "it was said before the return that packets cannot be seen": (
        NETWORK,
        only_records(when=3.1),
        "Nothing on record says whether packets pass",
    ),
    "it was said of the other site that packets cannot be seen": (
        NETWORK,
        only_records(where=B),
        "Nothing on record says whether packets pass",
    ),
    "the network was looked at before the return": (
        NETWORK,
        at_last(lambda i: replace(i, taken_at=at(9))),
        "not after it",
    ),
    "the network was looked at while the service returned": (
        NETWORK,
        at_last(lambda i: replace(i, taken_at=at(11))),
        "not after it",
    ),
    "the first look came after the service had left": (
        NETWORK,
        at_last(lambda i: replace(i, taken_at=at(2)), look=BEFORE),
        "not before it",
    ),
    "the look after the return is of the other site": (
        MACHINES,
        at_last(lambda i: replace(i, site=B)),
        "The inventory first-after is of site-b, not of site-a",
    ),
    "the machines were not looked at after the return": (
        MACHINES,
        not_looked("inventories", BACK),
        "(first-after) is not on record",
    ),
    "the machines were not looked at before": (
        MACHINES,
        not_looked("inventories", BEFORE),
        "(first-before) is not on record",
    ),
    "nobody asked a guest after the return": (
        MACHINES,
        at_last(edit_object("servers", "frontend-1", serving=None)),
        "Nobody asked the guests of frontend-1 at site-a after the return",
    ),
    "the VNF was not whole to begin with": (
        MACHINES,
        at_last(edit_object("servers", "frontend-1", status="ERROR"), look=BEFORE),
        "was not whole at site-a to begin with",
    ),
    "the network is the same after a return that failed": (NETWORK, failback(ok=False), "did not succeed"),
    "the machines are the same after a return that failed": (MACHINES, failback(ok=False), "did not succeed"),
    "the sessions are accepted after a return that failed": (SESSIONS, failback(ok=False), "did not succeed"),
    "no return is on record for the network": (NETWORK, lambda r: moved(), "No move to site-a is on record"),
    "no return is on record for the machines": (MACHINES, lambda r: moved(), "No move to site-a is on record"),
    "no return is on record for the sessions": (SESSIONS, lambda r: moved(), "No move to site-a is on record"),
    "a session was not used after the return": (
        SESSIONS,
        lambda r: drop_ops(r, used("subscriber-late")),
        "was not seen accepted or refused at site-a afterwards: subscriber-late",
    ),
    "a session was used at the second site only": (
        SESSIONS,
        lambda r: edit_ops(r, used("subscriber-1"), site=B),
        "subscriber-1",
    ),
    "a session was used before the return only": (
        SESSIONS,
        lambda r: edit_ops(r, used("subscriber-1"), invoked=at(9), completed=at(9.01)),
        "subscriber-1",
    ),
    "no session was opened": (
        SESSIONS,
        lambda r: drop_ops(r, lambda o: o.f == "open-session"),
        "No session was opened before the service was moved to site-a",
    ),
    "nothing was read back": (
        SESSIONS,
        lambda r: drop_ops(r, lambda o: o.f == "scan"),
        "nothing on record shows whether earlier records are there too",
    ),
    "everything was read back before the return": (
        SESSIONS,
        lambda r: edit_read(r, lambda items: items, start=8, site=B, process=2),
        "nothing on record shows whether earlier records are there too",
    ),
    "the run was cut short": (MACHINES, lambda r: replace(r, finished=False), "cut short"),
    "the departure is not on record": (
        NETWORK,
        lambda r: add_events(
            drop_events(r, lambda e: e.kind == "scheme"),
            scheme("failback", -5, "begin", A, None),
            scheme("failback", 10, "end", A),
        ),
        "not before it",
    ),
}


def judged(check: str, change: Change) -> tuple[Status, str]:
    """What a check of the way back says; that of failback must say the same."""
    record = change(RECORDS[check]())
    verdict, twin = judge(check, record), judge(TWINS[check], record)
    assert verdict == twin
    return verdict.status, verdict.reason


@pytest.mark.parametrize(("check", "change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_when(check: str, change: Change, reason: str) -> None:
    status, said = judged(check, change)
    assert status is Status.PASS, said
    assert reason in said


@pytest.mark.parametrize(("check", "change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(check: str, change: Change, reason: str) -> None:
    status, said = judged(check, change)
    assert status is Status.FAIL, said
    assert reason in said


@pytest.mark.parametrize(("check", "change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(check: str, change: Change, reason: str) -> None:
    status, said = judged(check, change)
    assert status is Status.INCONCLUSIVE, said
    assert reason in said


def test_what_is_wrong_after_the_return_is_not_held_against_the_first_move() -> None:
    record = at_last(drop_object("security_groups", "database"), drop_object("servers", "frontend-1"))(returned())
    for check in ("move-network", "move-vm-count"):
        assert judge(check, record).status is Status.PASS
    for check in (NETWORK, MACHINES):
        assert judge(check, record).status is Status.FAIL


def test_both_requirements_of_a_return_ask_for_all_guarantees() -> None:
    for check, twin in TWINS.items():
        assert CHECKS[check].requirements == ("MS-MT-07",)
        assert CHECKS[twin].requirements == ("MS-GR-15",)
