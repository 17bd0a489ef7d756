"""MS-DC-02: between clouds, members reach each other as if all were in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, at, edit_events, edit_inventory, edit_object, fault
from move_records import POOLS, SERVICES, as_observed, clouds, part

from conformance.checkers.expected_reach import expected_reach
from conformance.checkers.one_cloud import as_one
from conformance.checkers.registry import judge
from conformance.model import Reach, Reachability, ScenarioRecord, Status, Verdict
from conformance.model.inventory import SecurityGroupRule

Change = Callable[[ScenarioRecord], ScenarioRecord]
HERE, THERE, AFTER = "members-site-a", "members-site-b", "members-site-b-after"


def judged(record: ScenarioRecord) -> Verdict:
    return judge("one-cloud-reach", record)


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def edit(change: Callable[[Reach], Reach | None]) -> Change:
    """Change the attempts; None leaves one out."""

    def changed(record: ScenarioRecord) -> ScenarioRecord:
        seen = record.reachability["members"]
        reaches = tuple(r for r in map(change, seen.reaches) if r is not None)
        return replace(record, reachability={"members": replace(seen, reaches=reaches)})

    return changed


def comes_out(reached: bool | None, *ends: str, port: int | None = None, protocol: str | None = None) -> Change:
    """Attempts between these (source, target) come out so."""

    def change(r: Reach) -> Reach:
        mine = (r.source, r.target) == ends and port in (None, r.port) and protocol in (None, r.protocol)
        return replace(r, reached=reached) if mine else r

    return edit(change)


def group(name: str, label: str, *rules: SecurityGroupRule, **fields: object) -> Change:
    """Another rule in a group of one cloud."""
    return lambda r: edit_inventory(
        r, name, edit_object("security_groups", label, rules=lambda old: (*old, *rules), **fields)
    )


def placed(here: tuple[str, ...], there: tuple[str, ...]) -> Change:
    """Members elsewhere, all attempts as expected."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        first, second = part(A, here, -4), part(B, there, -4)
        reaches = as_observed(expected_reach(as_one({A: first, B: second}, POOLS), SERVICES))
        return replace(
            record,
            inventories={HERE: first, THERE: second},
            reachability={"members": Reachability(A, at(-3), at(-2), reaches)},
        )

    return change


def is_between(r: Reach) -> bool:
    return "frontend-1" in (r.source, r.target)


def named_apart(record: ScenarioRecord) -> ScenarioRecord:
    """Each cloud's attempts are in a file of its own."""
    seen = record.reachability["members"]
    parts = {
        A: tuple(r for r in seen.reaches if r.source != "frontend-1"),
        B: tuple(r for r in seen.reaches if r.source == "frontend-1"),
    }
    return replace(
        record, reachability={f"members-{site}": replace(seen, site=site, reaches=rs) for site, rs in parts.items()}
    )


EXTRA = SecurityGroupRule("ingress", "IPv4", "tcp", 9, 9)

GOOD: dict[str, tuple[Change, str]] = {
    "all is as in one cloud": (lambda r: r, "12 attempts passed and 20 did not, each as the rules say"),
    "each cloud's attempts are apart": (named_apart, "12 attempts passed and 20 did not"),
    "the database is alone": (placed(("database-0",), ("frontend-0", "frontend-1")), "each as the rules say"),
    "the database is in the second": (placed(("frontend-0",), ("database-0",)), "each as the rules say"),
    "only what is between clouds was tried": (edit(lambda r: r if is_between(r) else None), "12 attempts passed"),
    "only one port was tried": (edit(lambda r: r if r.port == 5432 else None), "1 attempts passed and 7 did not"),
    "attempts were repeated": (
        lambda r: replace(
            r,
            reachability={n: replace(s, reaches=s.reaches * 2) for n, s in r.reachability.items()},
        ),
        "12 attempts passed",
    ),
    "protocols are written in capitals": (
        edit(lambda r: replace(r, protocol=r.protocol.upper())),
        "12 attempts passed",
    ),
    "other reachability is on record, too": (
        lambda r: replace(r, reachability={**r.reachability, "first-before": Reachability(A, at(-3), at(-2))}),
        "12 attempts passed",
    ),
    "a pair within a cloud could not be tried": (comes_out(None, "frontend-0", "database-0"), "12 attempts passed"),
    "both clouds let more in": (
        both(group(HERE, "frontend", EXTRA), group(AFTER, "frontend", EXTRA)),
        "12 attempts passed",
    ),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_it_is_as_in_one_cloud_when(change: Change, reason: str) -> None:
    verdict = judged(change(clouds()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


FAILING: dict[str, tuple[Change, str]] = {
    "the database is not reached from the other cloud": (
        comes_out(False, "frontend-1", "database-0", port=5432),
        "frontend-1 to database-0 (tcp 5432 on service) does not pass although in one cloud",
    ),
    "a front-end is not reached from the other cloud": (
        comes_out(False, "database-0", "frontend-1", port=8080),
        "database-0 to frontend-1 (tcp 8080 on service) does not pass",
    ),
    "front-ends do not reach each other": (comes_out(False, "frontend-0", "frontend-1"), "frontend-0 to frontend-1"),
    "a ping does not pass": (
        comes_out(False, "frontend-1", "frontend-0", protocol="icmp"),
        "(icmp on oam) does not pass",
    ),
    "a forbidden port passes": (
        comes_out(True, "database-0", "frontend-1", port=5432),
        "database-0 to frontend-1 (tcp 5432 on oam) passes although in one cloud",
    ),
    "everything passes": (edit(lambda r: replace(r, reached=True)), "passes although in one cloud"),
    "nothing passes": (edit(lambda r: replace(r, reached=False)), "does not pass although in one cloud"),
    "everything between clouds passes": (edit(lambda r: replace(r, reached=True) if is_between(r) else r), "passes"),
    "nothing between clouds passes": (
        edit(lambda r: replace(r, reached=False) if is_between(r) else r),
        "does not pass",
    ),
    "nothing passes one way": (
        edit(lambda r: replace(r, reached=False) if r.source == "frontend-1" else r),
        "frontend-1 to",
    ),
    "a pair within a cloud does not pass": (
        comes_out(False, "frontend-0", "database-0", port=5432),
        "frontend-0 to database-0 (tcp 5432 on service) does not pass",
    ),
    "the other cloud's group has one rule more": (
        group(AFTER, "frontend", EXTRA),
        "security group frontend has other rules at site-b than at site-a",
    ),
    "the other cloud's group has one rule less": (
        group(HERE, "management", EXTRA),
        "security group management has other",
    ),
    "the other cloud's group trusts another group": (
        lambda r: edit_inventory(
            r,
            AFTER,
            edit_object(
                "security_groups",
                "database",
                rules=(SecurityGroupRule("ingress", "IPv4", "tcp", 5432, 5432, None, f"{B}:database"),),
            ),
        ),
        "security group database has other rules",
    ),
    "it differs and other pairs could not be tried": (
        both(comes_out(False, "frontend-1", "database-0", port=5432), comes_out(None, "database-0", "frontend-1")),
        "does not pass although in one cloud",
    ),
    "it differs though a fault did not bite": (
        both(
            comes_out(False, "frontend-1", "database-0", port=5432),
            lambda r: edit_events(r, fault("link-delay", "verified"), ok=False),
        ),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(clouds()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "no member is on record": (lambda r: replace(r, inventories={}), "Members in 0 clouds are on record"),
    "all members are in one cloud": (placed(("database-0", "frontend-0"), ()), "Members in 1 cloud are on record"),
    "nobody observed anything": (
        lambda r: replace(r, reachability={}),
        "Nobody observed which members reach each other",
    ),
    "nothing was tried": (edit(lambda r: None), "Nobody observed"),
    "nothing between clouds was tried": (
        edit(lambda r: None if is_between(r) else r),
        "Nobody tried database-0 to frontend-1; frontend-0 to frontend-1",
    ),
    "one pair was not tried": (
        edit(lambda r: None if (r.source, r.target) == ("frontend-1", "database-0") else r),
        "Nobody tried frontend-1 to database-0",
    ),
    "one pair could not be tried": (comes_out(None, "frontend-1", "database-0", port=5432), "could not be made"),
    "nothing could be tried": (
        edit(lambda r: replace(r, reached=None)),
        "32 attempts between clouds could not be made",
    ),
    "only what is allowed was tried": (edit(lambda r: r if r.reached else None), "must not be reached and was not"),
    "only what is forbidden was tried": (edit(lambda r: None if r.reached else r), "that may be reached and was"),
    "the records do not decide it": (
        lambda r: edit_inventory(
            r, AFTER, edit_object("ports", "frontend-1-service", security_group_ids=("elsewhere",))
        ),
        "The records do not decide whether",
    ),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(clouds()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_a_rule_for_one_sites_subnet_is_a_rule_for_the_network() -> None:
    """Management lets its own site's subnet in: in one cloud that is everybody on the network."""
    one = as_one({A: part(A, ("database-0",), 0), B: part(B, ("frontend-1",), 0)}, POOLS)
    [management] = [g for g in one.security_groups if g.label == "management"]
    prefixes = {r.remote_prefix for r in management.rules if r.port_min == 8009}
    assert prefixes == {"127.11.1.0/24", "127.12.1.0/24"}


def test_figures_count_what_was_tried_between_clouds_and_within() -> None:
    figures = judged(clouds()).figures
    assert figures == {
        "pairs_reached": 12,
        "pairs_not_reached": 20,
        "pairs_not_observable": 0,
        "pairs_within": 16,
        "differences": 0,
    }
