"""Security groups, anti-spoofing and routers as nftables: a table of rules and what they say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import conformance.lab

sys.path.insert(0, str(Path(conformance.lab.__file__).parent / "inside"))

from netplane import routers, rules  # noqa: E402
from netplane.neutron import Limit, Port, Rule  # noqa: E402

WHO = rules.Members(
    {"friends": ["10.0.0.5", "10.0.0.4", "fd00::5"], "nobody": []}, {"list": ["192.0.2.0/25", "192.0.2.128/25"]}
)


def port(name: str = "p1", **changes: object) -> Port:
    fields: dict[str, object] = {
        "id": name,
        "network": "n1",
        "mac": "fa:16:3e:00:00:01",
        "up": True,
        "device": "server",
        "owner": "compute:nova",
        "secured": True,
        "addresses": (("10.0.0.9", "s1"),),
        "groups": ("g",),
    }
    return Port(**{**fields, **changes})  # type: ignore[arg-type]


def allows(direction: str = "ingress", ethertype: str = "IPv4", **more: object) -> str | None:
    return rules.matches(Rule("g", direction, ethertype, **more), WHO)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "packets"),
    [
        ({}, "meta nfproto ipv4"),
        ({"ethertype": "IPv6"}, "meta nfproto ipv6"),
        ({"prefix": "0.0.0.0/0"}, "meta nfproto ipv4"),
        ({"prefix": "198.51.100.0/24"}, "meta nfproto ipv4 ip saddr 198.51.100.0/24"),
        ({"direction": "egress", "prefix": "198.51.100.0/24"}, "meta nfproto ipv4 ip daddr 198.51.100.0/24"),
        ({"ethertype": "IPv6", "prefix": "fd00::/8"}, "meta nfproto ipv6 ip6 saddr fd00::/8"),
        ({"protocol": "tcp"}, "meta nfproto ipv4 meta l4proto tcp"),
        ({"protocol": "6"}, "meta nfproto ipv4 meta l4proto tcp"),
        ({"protocol": "tcp", "port_min": 80, "port_max": 80}, "meta nfproto ipv4 tcp dport 80"),
        ({"protocol": "udp", "port_min": 1, "port_max": 65535}, "meta nfproto ipv4 udp dport 1-65535"),
        ({"protocol": "sctp", "port_min": 5, "port_max": 6}, "meta nfproto ipv4 sctp dport 5-6"),
        ({"protocol": "icmp"}, "meta nfproto ipv4 meta l4proto icmp"),
        ({"protocol": "icmp", "port_min": 8}, "meta nfproto ipv4 icmp type 8"),
        ({"protocol": "icmp", "port_min": 8, "port_max": 0}, "meta nfproto ipv4 icmp type 8 icmp code 0"),
        ({"ethertype": "IPv6", "protocol": "icmpv6"}, "meta nfproto ipv6 meta l4proto ipv6-icmp"),
        ({"ethertype": "IPv6", "protocol": "ipv6-icmp", "port_min": 128}, "meta nfproto ipv6 icmpv6 type 128"),
        ({"protocol": "112"}, "meta nfproto ipv4 meta l4proto 112"),
        ({"remote_group": "friends"}, "meta nfproto ipv4 ip saddr { 10.0.0.4/31 }"),
        ({"ethertype": "IPv6", "remote_group": "friends"}, "meta nfproto ipv6 ip6 saddr { fd00::5 }"),
        ({"remote_addresses": "list"}, "meta nfproto ipv4 ip saddr { 192.0.2.0/24 }"),
        ({"remote_group": "nobody"}, None),
        ({"remote_group": "unknown"}, None),
        ({"ethertype": "IPv6", "remote_addresses": "list"}, None),
    ],
)
def test_a_rule_allows_these_packets_and_no_others(rule: dict[str, object], packets: str | None) -> None:
    assert allows(**rule) == packets  # type: ignore[arg-type]


def filter_of(*interfaces: tuple[str, Port], stateless: frozenset[str] = frozenset()) -> str:
    own = [Rule("g", "ingress", "IPv4", "tcp", 80, 80), Rule("other", "ingress", "IPv4")]
    return rules.guest_filter(interfaces, own, WHO, stateless)


def test_only_rules_of_the_ports_own_groups_are_in_its_filter() -> None:
    script = filter_of(("eth0", port()))
    assert "meta nfproto ipv4 tcp dport 80 accept" in script
    assert "meta nfproto ipv4 accept" not in script


def test_what_no_rule_allows_is_dropped_in_every_direction() -> None:
    assert filter_of(("eth0", port())).count("policy drop") == 4


def test_established_flows_pass_only_as_replies() -> None:
    script = filter_of(("eth0", port()))
    assert "ct direction reply ct state established accept" in script
    assert script.count("ct state established") == script.count("ct direction reply")


def test_a_port_without_port_security_is_not_filtered_and_its_neighbour_is() -> None:
    script = filter_of(("eth0", port(secured=False)), ("eth1", port("p2")))
    assert 'iifname "eth0" accept' in script
    assert 'iifname "eth1" jump i_eth1' in script


def test_only_a_port_whose_groups_are_all_stateless_goes_untracked() -> None:
    assert 'iifname { "eth0" } notrack' in filter_of(("eth0", port()), stateless=frozenset({"g"}))
    assert "notrack" not in filter_of(("eth0", port(groups=("g", "h"))), stateless=frozenset({"g"}))
    assert "notrack" not in filter_of(("eth0", port(groups=())), stateless=frozenset({"g"}))


def lines_of(one: Port, *limits: Limit) -> dict[str, tuple[str, ...]]:
    return {name: chain.lines for name, chain in rules.port_chains([("tap1", one)], limits).items()}


def test_a_guest_may_send_from_its_own_addresses_and_its_pairs() -> None:
    paired = port(pairs=(("fa:16:3e:00:00:02", "10.0.0.200"),), addresses=(("10.0.0.9", "s1"), ("fd00::9", "s2")))
    (lines,) = lines_of(paired).values()
    assert lines[0] == "ether saddr != { fa:16:3e:00:00:01, fa:16:3e:00:00:02 } drop"
    assert "ip saddr { 10.0.0.9, 10.0.0.200 } accept" in lines
    assert "arp saddr ip { 10.0.0.9, 10.0.0.200 } accept" in lines
    assert "fe80::f816:3eff:fe00:1" in lines[-2]
    assert "fd00::9" in lines[-2]
    assert lines[-1] == "drop"


def test_a_guest_without_port_security_may_send_as_anybody_but_is_limited_all_the_same() -> None:
    free = port(secured=False)
    assert lines_of(free) == {}
    assert lines_of(free, Limit("p1", "egress", 800, 80), Limit("p1", "ingress", 8, 0)) == {
        "ftap1": ("limit rate over 100000 bytes/second burst 10000 bytes drop",),
        "ttap1": ("limit rate over 1000 bytes/second burst 750 bytes drop",),
    }


def test_only_the_chains_that_differ_are_touched() -> None:
    one, two = rules.port_chains([("tap1", port())], []), rules.port_chains([("tap2", port("p2"))], [])
    assert rules.change_ports(one, one) == []
    (added,) = rules.change_ports(one, one | two)
    assert "tap2" in added
    assert "tap1" not in added
    (removed,) = rules.change_ports(one | two, one)
    assert removed.index("delete element") < removed.index("delete chain bridge ports ftap2")


def test_overlapping_pairs_are_one_set_without_overlaps() -> None:
    assert rules.collapse(["10.0.0.0/24", "10.0.0.7", "10.0.1.0/24", "fd00::1"], 4) == ["10.0.0.0/23"]


def test_a_router_without_a_gateway_translates_nothing() -> None:
    assert "nat to" not in routers.translation(None, None, [], snat=True)


def test_floating_ips_come_before_the_routers_own_address() -> None:
    script = routers.translation("qg0", "198.18.16.9", [("198.18.16.20", "10.0.0.9")], snat=True)
    assert "ip daddr 198.18.16.20 dnat to 10.0.0.9" in script
    assert script.index("ip saddr 10.0.0.9 snat to 198.18.16.20") < script.index("snat to 198.18.16.9")


def test_without_source_translation_only_floating_ips_are_translated() -> None:
    script = routers.translation("qg0", "198.18.16.9", [("198.18.16.20", "10.0.0.9")], snat=False)
    assert 'iifname != "qg0" oifname "qg0" snat' not in script
    assert "snat to 198.18.16.20" in script
