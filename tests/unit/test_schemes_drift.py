"""What changes at the first site is seen, taken over where that is possible, and said where it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from builders import POOLS, A, B, drop_object, edit_object, inventory

from conformance.model import Event, Inventory
from conformance.model.inventory import Flavor, SecurityGroupRule
from conformance.schemes import keeping
from conformance.schemes.drift import Pair, follow
from conformance.schemes.keeping import Keeper
from conformance.sites import SiteError

RULE = SecurityGroupRule("ingress", "IPv4", "tcp", 9443, 9443)


def pair(change: Callable[[Inventory], Inventory] = lambda it: it) -> Pair:
    """The VNF, changed at the first site, and its standby, carved elsewhere in the second's pool."""
    return Pair(change(inventory(A, taken=0)), inventory(B, taken=0, third_octet=40), POOLS)


def with_rule(rule: SecurityGroupRule, group: str = "frontend") -> Callable[[Inventory], Inventory]:
    def change(it: Inventory) -> Inventory:
        groups = tuple(replace(g, rules=(*g.rules, rule)) if g.label == group else g for g in it.security_groups)
        return replace(it, security_groups=groups)

    return change


def test_a_standby_that_is_as_it_was_made_needs_nothing() -> None:
    assert pair().differences() == ()
    assert not pair().remedy()


def test_a_rule_that_was_added_is_missing_at_the_second_site() -> None:
    found = pair(with_rule(RULE))
    assert any("9443" in text for text in found.differences())
    remedy = found.remedy()
    assert [(r.group, r.rule) for r in remedy.missing] == [("frontend", RULE)]
    assert (remedy.surplus, remedy.pairs) == ((), {})


def test_a_rule_that_was_taken_away_is_one_too_many_there() -> None:
    def change(it: Inventory) -> Inventory:
        return replace(it, security_groups=tuple(
            replace(g, rules=g.rules[1:]) if g.label == "frontend" else g for g in it.security_groups
        ))  # fmt: skip

    remedy = pair(change).remedy()
    assert not remedy.missing
    assert [(r.group, r.rule.port_min) for r in remedy.surplus] == [("frontend", 8080)]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("127.11.2.0/24", "127.12.42.0/24"),  # the VNF's own subnet, wherever the other site has it
        ("127.11.2.77/32", "127.12.42.77/32"),
        ("127.11.0.0/17", "127.12.0.0/17"),  # the site's pool
        ("127.12.0.0/17", "127.11.0.0/17"),  # the other site's pool
        ("192.0.2.0/24", "192.0.2.0/24"),  # the same for everybody
    ],
)
def test_prefixes_of_rules_mean_the_same_at_the_second_site(here: str, there: str) -> None:
    assert POOLS == {A: "127.11.0.0/17", B: "127.12.0.0/17"}
    remedy = pair(with_rule(replace(RULE, remote_prefix=here))).remedy()
    assert [r.rule.remote_prefix for r in remedy.missing] == [there]


def test_a_rule_about_a_group_is_about_the_group_of_that_name() -> None:
    remedy = pair(with_rule(replace(RULE, remote_group_id=f"{A}:database"))).remedy()
    assert [r.rule.remote_group_id for r in remedy.missing] == ["database"]


def test_an_address_that_was_allowed_is_allowed_at_the_same_place_of_the_other_subnet() -> None:
    changed = pair(edit_object("ports", "database-0-oam", allowed_address_pairs=(("127.11.1.250", None),)))
    assert any("database-0-oam" in text for text in changed.differences())
    assert changed.remedy().pairs == {"database-0-oam": (("127.12.41.250", None),)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edit_object("servers", "frontend-1", flavor=Flavor(4, 4096, 1)), "server frontend-1 has another flavor"),
        (edit_object("networks", "oam", mtu=9000), "network oam: MTU is 9000"),
    ],
)
def test_what_a_running_standby_cannot_take_over_is_said_and_left(
    change: Callable[[Inventory], Inventory], said: str
) -> None:
    found = pair(change)
    assert any(said in text for text in found.differences())
    assert not found.remedy()


def test_a_server_that_was_added_is_said_not_to_be_followed() -> None:
    first, second = inventory(A, taken=0), inventory(B, taken=0, third_octet=40)
    left = drop_object("servers", "frontend-1")(second)
    texts = Pair(first, left, POOLS).differences()
    assert f"server frontend-1 is only at {A}; a standby gets no new members while it runs" in texts


class Cloud:
    """The second site: its inventory changes with what is asked of its network API."""

    def __init__(self, found: Pair) -> None:
        self.name = B
        self.spec = SimpleNamespace(tenant_pool=POOLS[B])
        self.inventory = found.second
        self.asked: list[str] = []
        self.network = SimpleNamespace(
            create_security_group_rule=self._create, security_group_rules=self._rules,
            delete_security_group_rule=self._delete, update_port=self._update,
        )  # fmt: skip

    @contextmanager
    def asking(self, _what: str) -> Iterator[Cloud]:
        yield self

    def _create(self, security_group_id: str, **fields: Any) -> None:
        self.asked.append("create rule")
        rule = SecurityGroupRule(
            fields["direction"], fields["ethertype"], fields["protocol"], fields["port_range_min"],
            fields["port_range_max"], fields["remote_ip_prefix"], fields["remote_group_id"],
        )  # fmt: skip
        self._edit(security_group_id, lambda rules: (*rules, rule))

    def _rules(self, security_group_id: str) -> list[Any]:
        group = next(g for g in self.inventory.security_groups if g.id == security_group_id)
        return [
            SimpleNamespace(
                id=(group.id, n), direction=r.direction, ether_type=r.ethertype, protocol=r.protocol,
                port_range_min=r.port_min, port_range_max=r.port_max, remote_ip_prefix=r.remote_prefix,
                remote_group_id=r.remote_group_id,
            )
            for n, r in enumerate(group.rules)
        ]  # fmt: skip

    def _delete(self, rule_id: tuple[str, int]) -> None:
        self.asked.append("delete rule")
        self._edit(rule_id[0], lambda rules: tuple(r for n, r in enumerate(rules) if n != rule_id[1]))

    def _update(self, port_id: str, allowed_address_pairs: list[dict[str, str]]) -> None:
        self.asked.append("update port")
        pairs = tuple((p["ip_address"], p.get("mac_address")) for p in allowed_address_pairs)
        ports = tuple(replace(p, allowed_address_pairs=pairs) if p.id == port_id else p for p in self.inventory.ports)
        self.inventory = replace(self.inventory, ports=ports)

    def _edit(self, group_id: str, change: Callable[[Any], Any]) -> None:
        groups = tuple(
            replace(g, rules=change(g.rules)) if g.id == group_id else g for g in self.inventory.security_groups
        )
        self.inventory = replace(self.inventory, security_groups=groups)


@pytest.mark.parametrize(
    "change",
    [
        with_rule(RULE),
        with_rule(replace(RULE, remote_group_id=f"{A}:database", remote_prefix=None)),
        with_rule(replace(RULE, remote_prefix="127.11.1.0/24"), "management"),
        edit_object("ports", "database-0-oam", allowed_address_pairs=(("127.11.1.250", None),)),
        edit_object("ports", "frontend-0-service", allowed_address_pairs=()),
        edit_object("security_groups", "frontend", rules=()),
    ],
)
def test_after_following_nothing_differs(change: Callable[[Inventory], Inventory]) -> None:
    found = pair(change)
    there: Any = Cloud(found)
    assert found.differences()
    follow(found, found.remedy(), there)
    assert there.asked
    assert Pair(found.first, there.inventory, POOLS).differences() == ()


class Watched:
    """A keeper whose sites are inventories of the test's own, looked at when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pair = pair()
        self.second = Cloud(self.pair)
        first: Any = SimpleNamespace(name=A, spec=SimpleNamespace(tenant_pool=POOLS[A]))
        second: Any = self.second
        self.first = self.pair.first
        self.read = 0
        self.events: list[Event] = []
        self.keeper = Keeper(first, second, "run", self.events.append)

        def take(site: Any, _run_id: str) -> Inventory:
            self.read += 1
            return self.first if site is first else self.second.inventory

        monkeypatch.setattr(keeping, "take_inventory", take)
        monkeypatch.setattr(keeping, "_fingerprint", lambda site, run_id: self.first)

    @property
    def states(self) -> list[tuple[str, str, bool | None]]:
        return [(e.name, e.state, e.ok) for e in self.events]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_a_change_is_followed_once_and_is_on_record(watched: Watched) -> None:
    watched.keeper.look()
    assert (watched.keeper.drift is not None and watched.keeper.drift.differences) == ()
    watched.first = with_rule(RULE)(watched.first)
    for _ in range(3):
        watched.keeper.look()
    assert watched.second.asked == ["create rule"]
    assert watched.states == [
        ("keep", "begin", None), ("keep", "drifted", True), ("keep", "follow", True), ("keep", "end", True),
    ]  # fmt: skip
    assert watched.keeper.drift is not None and watched.keeper.drift.differences == ()
    assert "gets ingress tcp 9443 of anybody" in watched.events[2].detail


def test_what_cannot_be_followed_stays_said_and_is_told_once(watched: Watched) -> None:
    watched.keeper.look()
    watched.first = edit_object("servers", "frontend-1", flavor=Flavor(4, 4096, 1))(watched.first)
    for _ in range(3):
        watched.keeper.look()
    assert watched.keeper.drift is not None
    assert "another flavor" in watched.keeper.drift.differences[0]
    assert watched.states == [("keep", "begin", None), ("keep", "drifted", True), ("keep", "end", False)]
    assert watched.second.asked == []


def test_as_long_as_nothing_changes_nothing_is_read_in_full(watched: Watched) -> None:
    for _ in range(4):
        watched.keeper.look()
    assert watched.read == 0
    first = watched.keeper.drift
    watched.keeper.look()
    assert first is not None and watched.keeper.drift is not None
    assert watched.keeper.drift.looked > first.looked


def test_what_changes_at_the_second_site_alone_is_left_to_whoever_did_it(watched: Watched) -> None:
    watched.keeper.look()
    watched.second.inventory = with_rule(RULE)(watched.second.inventory)
    watched.keeper.look()
    assert watched.second.asked == []


def test_a_keeper_that_was_stopped_changes_nothing_any_more(watched: Watched) -> None:
    watched.keeper.look()
    watched.first = with_rule(RULE)(watched.first)
    watched.keeper.stop()
    watched.keeper.look()
    assert watched.second.asked == []
    assert watched.events == []


def test_a_cloud_that_does_not_answer_ends_no_keeper(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Exception | None] = [SiteError("no answer"), SiteError("no answer"), SiteError("no answer"), None]

    def fingerprint(_site: Any, _run_id: str) -> Inventory:
        error = answers.pop(0) if answers else None
        if error:
            raise error
        watched.keeper.stop()
        return watched.first

    monkeypatch.setattr(keeping, "_fingerprint", fingerprint)
    monkeypatch.setattr(keeping, "EVERY_S", 0)
    watched.keeper.start()
    watched.keeper.close()
    assert answers == [] and watched.keeper.drift is not None
