"""MS-GR-06, what packets do: the same pairs reach each other at both sites, and what no rule allows does not pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, add_events, at, edit_events, edit_inventory, edit_object, fault, inventory
from move_records import SERVICES, observed, seen_reach

from conformance.checkers.expected_reach import OUTSIDE, Rules, expected_reach
from conformance.checkers.registry import judge
from conformance.model import Event, Inventory, Reach, ScenarioRecord, Status, Verdict
from conformance.model.inventory import SecurityGroup, SecurityGroupRule

Change = Callable[[ScenarioRecord], ScenarioRecord]
FIRST, SECOND = "first-before", "second-after"


def judged(record: ScenarioRecord) -> Verdict:
    return judge("network", record)


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def edit(name: str, change: Callable[[Reach], Reach | None]) -> Change:
    """Change the attempts at one site; None leaves one out."""

    def changed(record: ScenarioRecord) -> ScenarioRecord:
        seen = record.reachability[name]
        reaches = tuple(r for r in map(change, seen.reaches) if r is not None)
        return replace(record, reachability={**record.reachability, name: replace(seen, reaches=reaches)})

    return changed


def pair(
    source: str, target: str, protocol: str, port: int | None, network: str = "service"
) -> Callable[[Reach], bool]:
    wanted = (source, target, network, protocol, port)
    return lambda r: (r.source, r.target, r.network, r.protocol, r.port) == wanted


DB = pair("frontend-0", "database-0", "tcp", 5432)
LEAK = pair("database-0", "frontend-0", "tcp", 5432)
WEB = pair("database-0", "frontend-1", "tcp", 8080)
PING = pair("frontend-0", "frontend-1", "icmp", None, "oam")


def comes_out(where: Callable[[Reach], bool], reached: bool | None) -> Callable[[Reach], Reach]:
    return lambda r: replace(r, reached=reached) if where(r) else r


def at_both(where: Callable[[Reach], bool], reached: bool | None) -> Change:
    return both(edit(FIRST, comes_out(where, reached)), edit(SECOND, comes_out(where, reached)))


def only(where: Callable[[Reach], bool]) -> Change:
    return both(edit(FIRST, lambda r: r if where(r) else None), edit(SECOND, lambda r: r if where(r) else None))


def retimed(name: str, began: float, ended: float) -> Change:
    return lambda r: replace(
        r, reachability={**r.reachability, name: replace(r.reachability[name], began=at(began), ended=at(ended))}
    )


def opened(group: str, *rules: SecurityGroupRule) -> Change:
    """The group lets more in at both sites, and packets pass accordingly."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        for name in (FIRST, SECOND):
            record = edit_inventory(
                record, name, edit_object("security_groups", group, rules=lambda old: (*old, *rules))
            )
        seen = {FIRST: seen_reach(record, FIRST, -3.5, -3.2), SECOND: seen_reach(record, SECOND, 3.2, 3.5)}
        return replace(record, reachability=seen)

    return change


def data_plane(ok: bool | None, detail: str = "") -> Change:
    return lambda r: add_events(r, Event(at(3.1), "observation", "data-plane", "", B, ok, detail))


def everywhere(protocol: str, port: int | None) -> Change:
    """The same reach was tried twice."""
    return both(
        edit(FIRST, lambda r: r),
        lambda r: replace(
            r,
            reachability={
                name: replace(seen, reaches=seen.reaches + tuple(x for x in seen.reaches if x.port == port))
                for name, seen in r.reachability.items()
            },
        ),
    )


GOOD: dict[str, tuple[Change, str]] = {
    "all is as the rules say": (
        lambda r: r,
        "18 pairs reached and 30 pairs not reached, none of them against the rules",
    ),
    "attempts were made in another order": (
        lambda r: replace(r, reachability={n: replace(s, reaches=s.reaches[::-1]) for n, s in r.reachability.items()}),
        "18 pairs reached",
    ),
    "protocols are written in capitals": (
        edit(SECOND, lambda r: replace(r, protocol=r.protocol.upper())),
        "18 pairs reached",
    ),
    "only one port was tried": (only(lambda r: r.port == 5432), "2 pairs reached and 10 pairs not reached"),
    "only two pairs were tried": (only(lambda r: DB(r) or LEAK(r)), "1 pair reached and 1 pair not reached"),
    "attempts were repeated": (everywhere("tcp", 5432), "18 pairs reached"),
    "the groups let more in": (
        opened("database", SecurityGroupRule("ingress", "IPv4", "tcp", 8080, 8080)),
        "20 pairs reached and 28 pairs not reached",
    ),
    "the groups let everything in": (
        opened("database", SecurityGroupRule("ingress", "IPv4", None, None, None)),
        "not reached, none of them against the rules",
    ),
    "an event says that it was as it should be, too": (data_plane(True), "18 pairs reached"),
    "an event says that it was not observable": (data_plane(None, "No data plane."), "18 pairs reached"),
    "something outside was tried, too": (
        both(
            edit(FIRST, lambda r: replace(r, source=OUTSIDE) if PING(r) else r),
            edit(SECOND, lambda r: replace(r, source=OUTSIDE) if PING(r) else r),
        ),
        "18 pairs reached",
    ),
    "details differ": (edit(SECOND, lambda r: replace(r, detail="1.2 ms")), "18 pairs reached"),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_what_can_be_reached_is_the_same_when(change: Change, reason: str) -> None:
    verdict = judged(change(observed()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason
    assert verdict.figures["reachability"] == "as expected"


FAILING: dict[str, tuple[Change, str]] = {
    "an allowed pair does not pass there": (
        edit(SECOND, comes_out(DB, False)),
        "frontend-0 to database-0 (tcp 5432 on service) is reached at site-a and not reached at site-b",
    ),
    "a forbidden pair passes there": (
        edit(SECOND, comes_out(LEAK, True)),
        "database-0 to frontend-0 (tcp 5432 on service) is not reached at site-a and reached at site-b",
    ),
    "a forbidden pair had passed before": (edit(FIRST, comes_out(LEAK, True)), "is reached at site-a and not reached"),
    "an allowed pair had not passed before": (
        edit(FIRST, comes_out(DB, False)),
        "is not reached at site-a and reached",
    ),
    "a ping does not pass there": (edit(SECOND, comes_out(PING, False)), "frontend-0 to frontend-1 (icmp on oam)"),
    "everything passes there": (edit(SECOND, lambda r: replace(r, reached=True)), "and 27 more"),
    "nothing passes there": (edit(SECOND, lambda r: replace(r, reached=False)), "and 15 more"),
    "all on one port passes there": (
        edit(SECOND, comes_out(lambda r: r.port == 5432, True)),
        "is not reached at site-a",
    ),
    "nothing on one network passes there": (edit(SECOND, comes_out(lambda r: r.network == "oam", False)), "on oam"),
    "one guest reaches nobody there": (
        edit(SECOND, comes_out(lambda r: r.source == "database-0", False)),
        "database-0 to",
    ),
    "nobody reaches one guest there": (
        edit(SECOND, comes_out(lambda r: r.target == "database-0", False)),
        "to database-0",
    ),
    "a forbidden pair passes at both": (at_both(LEAK, True), "What no rule allows passes: database-0 to frontend-0"),
    "all forbidden pairs pass at both": (
        both(edit(FIRST, lambda r: replace(r, reached=True)), edit(SECOND, lambda r: replace(r, reached=True))),
        "What no rule allows passes",
    ),
    "it differs and other pairs could not be tried": (
        both(edit(SECOND, comes_out(DB, False)), at_both(PING, None)),
        "is reached at site-a and not reached at site-b",
    ),
    "the records differ as well": (
        both(
            edit(SECOND, comes_out(DB, False)),
            lambda r: edit_inventory(r, SECOND, edit_object("networks", "oam", mtu=9000)),
        ),
        "MTU is 1450 at site-a and 9000 at site-b. What can be reached is not the same",
    ),
    "an event says that it was not as it should be": (data_plane(False, "A ping was lost."), "A ping was lost"),
    "it differs though a fault did not bite": (
        both(edit(SECOND, comes_out(DB, False)), lambda r: edit_events(r, fault("link-delay", "verified"), ok=False)),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(observed()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "the second site was not observed": (
        lambda r: replace(r, reachability={FIRST: r.reachability[FIRST]}),
        "What could be reached at site-b (second-after) was not observed",
    ),
    "the first site was not observed": (
        lambda r: replace(r, reachability={SECOND: r.reachability[SECOND]}),
        "What could be reached at site-a (first-before) was not observed",
    ),
    "the observation is of the wrong site": (
        lambda r: replace(r, reachability={**r.reachability, SECOND: replace(r.reachability[SECOND], site=A)}),
        "The reachability second-after is of site-a",
    ),
    "the first was observed after the loss": (retimed(FIRST, -1, 1), "not before it"),
    "the second was observed before the loss": (retimed(SECOND, -1, 1), "not after it"),
    "a pair could not be tried there": (edit(SECOND, comes_out(DB, None)), "1 pair could not be tried at both sites"),
    "a pair could not be tried before": (edit(FIRST, comes_out(DB, None)), "1 pair could not be tried at both sites"),
    "a pair could not be tried at all": (at_both(DB, None), "frontend-0 to database-0 (tcp 5432 on service)"),
    "a pair was not tried there": (edit(SECOND, lambda r: None if DB(r) else r), "1 pair could not be tried"),
    "nothing could be tried": (at_both(lambda r: True, None), "48 pairs could not be tried"),
    "nothing was tried": (only(lambda r: False), "No pair was seen that may be reached"),
    "only what is allowed was tried": (only(lambda r: r.reached is True), "No pair was seen that must not be reached"),
    "only what is forbidden was tried": (only(lambda r: r.reached is False), "No pair was seen that may be reached"),
    "an allowed pair passes at neither": (at_both(WEB, False), "something that the rules allow did not pass"),
    "repeated attempts disagree": (
        lambda r: edit(SECOND, lambda x: x)(
            replace(
                r,
                reachability={
                    **r.reachability,
                    SECOND: replace(
                        r.reachability[SECOND],
                        reaches=r.reachability[SECOND].reaches
                        + tuple(replace(x, reached=False) for x in r.reachability[SECOND].reaches if DB(x)),
                    ),
                },
            )
        ),
        "1 pair could not be tried",
    ),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(observed()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_without_any_observation_the_event_decides_as_ever() -> None:
    verdict = judged(both(lambda r: replace(r, reachability={}), data_plane(None, "No data plane."))(observed()))
    assert verdict.status is Status.PASS
    assert verdict.figures["reachability"] == "not observable"


# -- what the rules ask for ------------------------------------------------------------------------------------------


def expected(
    source: str, target: str, protocol: str, port: int | None, network: str = "service", **edits: object
) -> object:
    return Rules(vnf(**edits)).expect(source, target, network, protocol, port)[0]


def vnf(**edits: Callable[[Inventory], Inventory]) -> Inventory:
    made = inventory(A, taken=0)
    for change in edits.values():
        made = change(made)
    return made


def allow(group: str, *rules: SecurityGroupRule, **fields: object) -> Callable[[Inventory], Inventory]:
    return edit_object("security_groups", group, rules=rules, **fields)


EGRESS = SecurityGroupRule("egress", "IPv4", None, None, None)
Ingress = SecurityGroupRule


@pytest.mark.parametrize(
    ("source", "target", "protocol", "port", "network", "passes"),
    [
        ("frontend-0", "database-0", "tcp", 5432, "service", True),
        ("frontend-0", "database-0", "tcp", 5433, "service", False),
        ("frontend-0", "database-0", "udp", 5432, "service", False),
        ("database-0", "frontend-0", "tcp", 5432, "service", False),
        ("database-0", "frontend-0", "tcp", 8080, "service", True),
        ("frontend-0", "frontend-1", "6", 8080, "service", True),
        ("frontend-0", "database-0", "icmp", None, "oam", True),
        ("frontend-0", "database-0", "icmp", None, "service", False),
        ("frontend-0", "database-0", "tcp", 8009, "oam", True),
        ("frontend-0", "database-0", "tcp", 8009, "nowhere", None),
        ("frontend-0", "nobody", "tcp", 8009, "oam", None),
        ("nobody", "database-0", "tcp", 8009, "oam", None),
        (OUTSIDE, "frontend-0", "tcp", 8080, "service", None),
        (OUTSIDE, "database-0", "tcp", 5432, "oam", False),
        (OUTSIDE, "frontend-0", "tcp", 22, "service", False),
        (OUTSIDE, "frontend-1", "tcp", 8080, "service", None),
        ("frontend-0", OUTSIDE, "tcp", 80, "service", None),
    ],
)
def test_rules_decide_by_protocol_port_and_who_asks(
    source: str, target: str, protocol: str, port: int | None, network: str, passes: bool | None
) -> None:
    assert Rules(vnf()).expect(source, target, network, protocol, port)[0] is passes


RULES: dict[str, tuple[SecurityGroupRule, bool]] = {
    "a range that holds the port": (Ingress("ingress", "IPv4", "tcp", 5000, 6000), True),
    "a range that does not": (Ingress("ingress", "IPv4", "tcp", 5433, 6000), False),
    "any protocol": (Ingress("ingress", "IPv4", None, None, None), True),
    "a protocol by number": (Ingress("ingress", "IPv4", "6", 5432, 5432), True),
    "the other IP version": (Ingress("ingress", "IPv6", "tcp", 5432, 5432), False),
    "the other direction": (Ingress("egress", "IPv4", "tcp", 5432, 5432), False),
    "a prefix that holds the source": (Ingress("ingress", "IPv4", "tcp", 5432, 5432, "127.11.2.0/24"), True),
    "a prefix that does not": (Ingress("ingress", "IPv4", "tcp", 5432, 5432, "127.11.3.0/24"), False),
    "a prefix for everybody": (Ingress("ingress", "IPv4", "tcp", 5432, 5432, "0.0.0.0/0"), True),
    "a group that holds the source": (Ingress("ingress", "IPv4", "tcp", 5432, 5432, None, f"{A}:frontend"), True),
    "a group that does not": (Ingress("ingress", "IPv4", "tcp", 5432, 5432, None, f"{A}:database"), False),
}


@pytest.mark.parametrize(("rule", "passes"), RULES.values(), ids=RULES)
def test_an_ingress_rule_lets_in_who_it_names(rule: SecurityGroupRule, passes: bool) -> None:
    assert expected("frontend-0", "database-0", "tcp", 5432, only=allow("database", rule)) is passes


def test_egress_is_needed_as_well() -> None:
    assert expected("frontend-0", "database-0", "tcp", 5432, none=allow("any")) is False
    limited = SecurityGroupRule("egress", "IPv4", "tcp", 5432, 5432)
    assert expected("frontend-0", "database-0", "tcp", 5432, some=allow("any", limited)) is True


def test_a_port_without_port_security_lets_everything_pass() -> None:
    off = edit_object("ports", "database-0-service", port_security=False, security_group_ids=())
    assert expected("frontend-0", "database-0", "udp", 99, off=off) is True


def test_a_port_with_no_group_lets_nothing_pass() -> None:
    bare = edit_object("ports", "database-0-service", security_group_ids=())
    assert expected("frontend-0", "database-0", "tcp", 5432, bare=bare) is False


def test_what_is_down_is_not_reached() -> None:
    for down in (
        edit_object("ports", "database-0-service", admin_up=False),
        edit_object("networks", "service", admin_up=False),
    ):
        assert expected("frontend-0", "database-0", "tcp", 5432, down=down) is False


def test_a_group_that_is_not_in_the_inventory_decides_nothing() -> None:
    gone = edit_object("ports", "database-0-service", security_group_ids=("elsewhere",))
    assert expected("frontend-0", "database-0", "tcp", 5432, gone=gone) is None


def test_answers_through_stateless_groups_need_a_rule_of_their_own() -> None:
    def stateless(made: Inventory) -> Inventory:
        groups = tuple(replace(g, stateful=False) for g in made.security_groups)
        return replace(made, security_groups=groups)

    assert expected("frontend-0", "database-0", "tcp", 5432, stateless=stateless) is None
    back = allow("frontend", SecurityGroupRule("ingress", "IPv4", "tcp", None, None), EGRESS)
    assert expected("frontend-0", "database-0", "tcp", 5432, stateless=stateless, back=back, again=stateless) is True


def test_a_router_joins_networks_and_nothing_else_does() -> None:
    def apart(made: Inventory) -> Inventory:
        kept = tuple(p for p in made.ports if p.label != "frontend-0-service")
        return replace(made, ports=kept)

    anybody = allow("database", SecurityGroupRule("ingress", "IPv4", "tcp", 5432, 5432))
    assert expected("frontend-0", "database-0", "tcp", 5432, apart=apart, anybody=anybody) is True
    down = edit_object("routers", "router", admin_up=False)
    assert expected("frontend-0", "database-0", "tcp", 5432, apart=apart, anybody=anybody, down=down) is False


def test_all_pairs_on_all_networks_are_expected_for_what_the_rules_name() -> None:
    found = expected_reach(vnf())
    assert len(found) == 3 * 2 * 2 * 4
    assert {(r.protocol, r.port) for r in found} == {("tcp", 8009), ("tcp", 5432), ("tcp", 8080), ("icmp", None)}
    assert {r.reached for r in found} == {True, False}
    assert all(r.detail for r in found)
    assert expected_reach(vnf(), SERVICES) == found


def test_icmp_types_are_taken_for_the_echo_request() -> None:
    group = SecurityGroup(f"{A}:management", "management", (Ingress("ingress", "IPv4", "icmp", 8, 0), EGRESS))
    only_echo = allow("management", *group.rules)
    only_other = allow("management", Ingress("ingress", "IPv4", "icmp", 3, 0), EGRESS)
    assert expected("frontend-0", "database-0", "icmp", None, "oam", echo=only_echo) is True
    assert expected("frontend-0", "database-0", "icmp", None, "oam", other=only_other) is False
