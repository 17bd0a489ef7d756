"""MS-DC-01, -03, -04: one VNF in several clouds, by inventories of its members and what clients were served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, add_events, at, drop_events, drop_object, drop_ops, edit_events, edit_object, fault, probes
from builders import edit_inventory as edited
from move_records import clouds, part

from conformance.checkers.registry import judge
from conformance.model import Event, ScenarioRecord, Status

Change = Callable[[ScenarioRecord], ScenarioRecord]
ONE, FULL, KEPT = "one-vnf", "overflow", "surviving-members"
HERE, THERE, AFTER = "members-site-a", "members-site-b", "members-site-b-after"


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def server(name: str, label: str, /, **fields: object) -> Change:
    return lambda r: edited(r, name, edit_object("servers", label, **fields))


def everywhere(label: str, /, **fields: object) -> Change:
    return both(server(THERE, label, **fields), server(AFTER, label, **fields))


def gone(name: str, label: str) -> Change:
    return lambda r: edited(r, name, drop_object("servers", label))


def without(*names: str) -> Change:
    return lambda r: replace(r, inventories={k: v for k, v in r.inventories.items() if k not in names})


def placed(here: tuple[str, ...], there: tuple[str, ...]) -> Change:
    """Which members are at which site, before and after the loss."""
    return lambda r: replace(
        r, inventories={HERE: part(A, here, -4), THERE: part(B, there, -4), AFTER: part(B, there, 3)}
    )


def refusal(**fields: object) -> Change:
    return lambda r: edit_events(r, lambda e: e.name == "capacity-refused", **fields)


def wanted(members: object) -> Change:
    """The VNF was to have so many members."""
    return lambda r: edit_events(r, lambda e: e.name == "members-wanted", observed={"wanted": members})


def no_clients_there(record: ScenarioRecord) -> ScenarioRecord:
    record = drop_ops(record, lambda o: o.site == B)
    return replace(record, probes=probes(((-4, 0, A), (0, 4, None))))


ALL = ("database-0", "frontend-0", "frontend-1")

GOOD: dict[str, tuple[str, Change, str]] = {
    "members are in two clouds": (ONE, lambda r: r, "its members in 2 clouds: 2 at site-a; 1 at site-b, all serving"),
    "most are in the second": (ONE, placed(("database-0",), ALL[1:]), "1 at site-a; 2 at site-b"),
    "a third cloud holds none": (
        ONE,
        lambda r: replace(r, inventories=r.inventories | {"members-site-c": replace(part(B, (), -4), site="site-c")}),
        "in 2 clouds",
    ),
    "a member was still being built at first": (ONE, server(THERE, "frontend-1", status="BUILD"), "all serving"),
    "nothing was lost": (
        ONE,
        lambda r: replace(drop_events(r, fault("site-loss")), info=replace(r.info, faults_planned=("link-delay",))),
        "in 2 clouds",
    ),
    "the rest went to the second cloud": (
        FULL,
        lambda r: r,
        "(No valid host was found), the rest was placed elsewhere",
    ),
    "nobody noted the words of the refusal": (FULL, refusal(detail=""), "When site-a had no room left, the rest"),
    "the refusal names no cloud": (FULL, refusal(target=None), "all 3 VMs serve"),
    "it refused several times": (
        FULL,
        lambda r: add_events(r, Event(at(-4.6), "observation", "capacity-refused", "", A, False, "Not yet.")),
        "all 3 VMs serve",
    ),
    "two went to the second cloud": (FULL, placed(("database-0",), ALL[1:]), "2 at site-b: all 3 VMs serve"),
    "the other cloud's member served on": (
        KEPT,
        lambda r: r,
        "1 member at site-b kept running and served 133 requests",
    ),
    "two members served on": (KEPT, placed(("database-0",), ALL[1:]), "2 members at site-b kept running"),
    "the cloud was looked at after the repair, too": (
        KEPT,
        lambda r: replace(
            r, inventories=r.inventories | {"members-site-b-late": replace(part(B, (), 8), taken_at=at(8))}
        ),
        "1 member at site-b kept running",
    ),
    "a member joined afterwards": (
        KEPT,
        lambda r: replace(r, inventories=r.inventories | {AFTER: part(B, ALL[1:], 3)}),
        "2 members at site-b kept running",
    ),
    "clients were away for a while": (
        KEPT,
        lambda r: replace(r, probes=probes(((-4, 0, A), (0, 3, None), (3, 4, B)))),
        "kept running",
    ),
}


@pytest.mark.parametrize(("check", "change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_when(check: str, change: Change, reason: str) -> None:
    verdict = judge(check, change(clouds()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


FAILING: dict[str, tuple[str, Change, str]] = {
    "there are fewer than were wanted": (ONE, wanted(102), "the VNF has 3 members of 102"),
    "there are more than were wanted": (ONE, wanted(2), "the VNF has 3 members of 2"),
    "all are in one cloud": (ONE, placed(ALL, ()), "all members are at site-a, none at site-b"),
    "each cloud has a copy of its own": (ONE, placed(ALL, ALL), "there are 2 members database-0: copies, not one VNF"),
    "one member is there twice": (ONE, placed(ALL, ("frontend-1",)), "there are 2 members frontend-1"),
    "a member is in error": (ONE, server(AFTER, "frontend-1", status="ERROR"), "frontend-1 is ERROR at site-b"),
    "a member is being built": (ONE, server(HERE, "frontend-0", status="BUILD"), "frontend-0 is BUILD at site-a"),
    "a member does not answer": (ONE, server(HERE, "database-0", serving=False), "is ACTIVE at site-a and does not"),
    "a member is missing": (FULL, gone(HERE, "frontend-0"), "the VNF has 2 VMs of 3"),
    "there is one too many": (FULL, refusal(observed={"wanted": 2}), "the VNF has 3 VMs of 2"),
    "the rest was placed nowhere": (FULL, both(placed(ALL[:2], ())), "no member was placed outside of site-a"),
    "the rest is in error": (FULL, server(AFTER, "frontend-1", status="ERROR"), "frontend-1 is ERROR"),
    "the rest does not answer": (FULL, server(AFTER, "frontend-1", serving=False), "does not answer"),
    "the rest is a copy of a member": (FULL, placed(ALL[:2], ("frontend-0",)), "there are 2 members frontend-0"),
    "the other cloud's member is gone": (KEPT, gone(AFTER, "frontend-1"), "frontend-1 is no longer at site-b"),
    "another one took its place": (KEPT, server(AFTER, "frontend-1", id="new"), "frontend-1 is no longer at site-b"),
    "it went into error": (KEPT, server(AFTER, "frontend-1", status="ERROR"), "frontend-1 is ERROR at site-b"),
    "it was shut off": (KEPT, server(AFTER, "frontend-1", status="SHUTOFF"), "frontend-1 is SHUTOFF"),
    "it runs and does not answer": (KEPT, server(AFTER, "frontend-1", serving=False), "does not answer"),
    "no client was served there": (KEPT, no_clients_there, "was served at site-b"),
    "it is gone though a fault did not bite": (
        KEPT,
        both(gone(AFTER, "frontend-1"), lambda r: edit_events(r, fault("link-delay", "verified"), ok=False)),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("check", "change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(check: str, change: Change, reason: str) -> None:
    verdict = judge(check, change(clouds()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason
    assert verdict.evidence


OPEN: dict[str, tuple[str, Change, str]] = {
    "no inventory is on record": (ONE, without(HERE, THERE, AFTER), "Members of 0 clouds are on record"),
    "only one cloud was looked at": (ONE, without(THERE, AFTER), "Members of 1 cloud are on record"),
    "no cloud holds a member": (ONE, placed((), ()), "None of site-a and site-b holds a member"),
    "nobody noted how many it was to have": (
        ONE,
        lambda r: drop_events(r, lambda e: e.name == "members-wanted"),
        "Nothing on record says how many members the VNF was to have",
    ),
    "what was noted is no number": (ONE, wanted("3"), "how many members the VNF was to have"),
    "nobody asked a member": (ONE, everywhere("frontend-1", serving=None), "Nobody asked frontend-1"),
    "the first cloud refused nothing": (
        FULL,
        lambda r: drop_events(r, lambda e: e.name == "capacity-refused"),
        "site-a was not seen to refuse a member",
    ),
    "the first cloud had room": (FULL, refusal(ok=False, detail="It was placed."), "for want of room: It was placed."),
    "another cloud refused": (FULL, refusal(target=B), "site-a was not seen to refuse"),
    "nobody says how many there are to be": (FULL, refusal(observed={}), "how many VMs the VNF was to have"),
    "the number is none": (FULL, refusal(observed={"wanted": "all"}), "how many VMs the VNF was to have"),
    "the first cloud was not looked at": (FULL, without(HERE), "are not both on record"),
    "it was counted before the refusal": (FULL, refusal(t=at(2)), "were counted before site-a refused"),
    "the first cloud never took one": (FULL, placed((), ALL), "it was not filled, it never took one"),
    "nobody asked the rest": (FULL, everywhere("frontend-1", serving=None), "Nobody asked frontend-1"),
    "no cloud was lost": (KEPT, lambda r: drop_events(r, fault("site-loss")), "not on record"),
    "nobody looked before the loss": (KEPT, without(THERE), "No members outside of site-a are on record"),
    "nobody looked while it was lost": (KEPT, without(AFTER), "Nobody looked at the members at site-b"),
    "not all was well before": (KEPT, server(THERE, "frontend-1", status="ERROR"), "Not all was well before"),
    "nobody asked it after the loss": (KEPT, server(AFTER, "frontend-1", serving=None), "Nobody asked frontend-1"),
    "hardly a client was served": (
        KEPT,
        both(no_clients_there, lambda r: replace(r, probes=probes(((-4, 0, A), (0.2, 0.24, B))))),
        "Clients were served only 2 times there",
    ),
    "the loss did not bite": (KEPT, lambda r: edit_events(r, fault("site-loss", "verified"), ok=False), "did not show"),
    "the run was cut short": (ONE, lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("check", "change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(check: str, change: Change, reason: str) -> None:
    verdict = judge(check, change(clouds()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_figures_count_members_by_cloud() -> None:
    figures = judge(ONE, clouds()).figures
    assert (figures["clouds"], figures["members"], figures["members_at_site-a"], figures["serving"]) == (2, 3, 2, 3)
