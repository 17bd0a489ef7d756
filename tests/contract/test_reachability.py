"""What guests reach, tried from outside their namespaces, against firewalls that are really there."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from netns_rig import Rig, running_rig, why_impossible

from conformance.dataplane import Attempt, Place, attempt_all
from conformance.model import Reach
from conformance.vnf.blueprint import Blueprint
from conformance.vnf.deployment import Deployment, Guest
from conformance.vnf.reachability import observe_reachability, services_of

pytestmark = [
    pytest.mark.skipif(why_impossible() is not None, reason=str(why_impossible())),
    pytest.mark.skipif(shutil.which("nft") is None, reason="the firewalls of these guests need nft (Debian: nftables)"),
]

FIREWALL = """
table inet guest {
  chain in {
    type filter hook input priority 0; policy drop;
    ct direction reply accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    ip saddr 10.1.0.10 tcp dport { 80, 8080 } accept
    udp dport 5000 accept
    ip6 saddr fd10::a tcp dport 80 accept
    tcp dport 7000 reject with icmp type port-unreachable
    tcp dport 7001 reject with icmp type admin-prohibited
    icmp type echo-request ip saddr 10.1.0.10 accept
  }
}
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("reach")
    with running_rig(directory, guests=3) as running:
        rules = directory / "rules.nft"
        rules.write_text(FIREWALL)
        running.run("guest-1", "nft", "-f", str(rules))
        yield running


def place(n: int) -> Place:
    return Place(f"guest-{n}", f"guest-{n}")


def tried(rig: Rig, source: int, target: int, protocol: str, port: int | None, v6: bool = False) -> tuple[Any, str]:
    address = f"fd10::{10 + target}" if v6 else f"10.1.0.{10 + target}"
    attempt = Attempt(place(source), place(target), address, protocol, port)
    outcome = attempt_all(rig.open_socket, [attempt], timeout=0.6)[0]
    return outcome.reached, outcome.detail


@contextmanager
def listening(rig: Rig, netns: str, port: int) -> Iterator[socket.socket]:
    with rig.open_socket(netns, socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("0.0.0.0", port))
        listener.listen()
        yield listener


def test_what_the_rules_allow_is_reached_whether_something_listens_or_not(rig: Rig) -> None:
    with listening(rig, "guest-1", 8080):
        assert tried(rig, 0, 1, "tcp", 8080) == (True, "connected")
    assert tried(rig, 0, 1, "tcp", 80) == (True, "refused by the target's system: nothing listens there")
    assert tried(rig, 0, 1, "udp", 5000) == (True, "arrived")
    assert tried(rig, 0, 1, "icmp", None) == (True, "answered")


def test_what_no_rule_allows_is_not_reached_though_something_listens(rig: Rig) -> None:
    with listening(rig, "guest-1", 8080), listening(rig, "guest-1", 9999):
        assert tried(rig, 2, 1, "tcp", 8080) == (False, "no answer within 0.6 s")
        assert tried(rig, 0, 1, "tcp", 9999)[0] is False
    assert tried(rig, 0, 1, "udp", 5001)[0] is False
    assert tried(rig, 2, 1, "icmp", None)[0] is False


def test_a_firewall_that_says_no_is_not_taken_for_the_target(rig: Rig) -> None:
    for port in (7000, 7001):
        reached, detail = tried(rig, 0, 1, "tcp", port)
        assert reached is False and detail.startswith("refused on the way: ")


def test_ipv6_has_rules_of_its_own(rig: Rig) -> None:
    fresh = {"v6": True}
    assert tried(rig, 0, 2, "tcp", 80, **fresh)[0] is tried(rig, 0, 2, "icmp", None, **fresh)[0] is True
    assert tried(rig, 0, 1, "udp", 5000, **fresh)[0] is True
    assert tried(rig, 0, 1, "icmp", None, **fresh)[0] is tried(rig, 0, 1, "tcp", 8080, **fresh)[0] is False


def test_an_address_without_a_route_is_refused_and_a_missing_guest_is_not_tried(rig: Rig) -> None:
    attempts = [
        Attempt(place(0), place(1), "192.0.2.1", "tcp", 80),
        Attempt(place(7), place(1), "10.1.0.11", "tcp", 80),
        Attempt(place(0), place(7), "10.1.0.17", "udp", 80),
        Attempt(place(0), place(1), "10.1.0.11", "sctp", 80),
    ]
    outcomes = attempt_all(rig.open_socket, attempts, timeout=0.3)
    assert outcomes[0].reached is False and "unreachable" in outcomes[0].detail
    assert [outcome.reached for outcome in outcomes[1:]] == [None] * 3
    assert all("could not be tried" in outcome.detail for outcome in outcomes[1:])


BLUEPRINT = Blueprint.model_validate(
    {
        "images": {"base": {"generated_mib": 1}},
        "flavors": {"small": {"vcpus": 1, "ram_mib": 1, "disk_gib": 0}},
        "networks": {"lan": {}},
        "security_groups": {
            "web": [{"protocol": "tcp", "port": 80}, {"protocol": "udp", "port": 5000, "port_max": 5010}]
        },
        "roles": {
            "web": {
                "count": 3,
                "image": "base",
                "flavor": "small",
                "ports": [{"network": "lan", "offset": 10, "security_groups": ["web"]}],
                "user_data": "x",
            }
        },
        **{point: {"role": "web", "network": "lan", "port": 80} for point in ("service", "management", "replication")},
    }
)


def test_the_services_tried_are_those_of_the_rules_one_more_and_icmp() -> None:
    expected = (("tcp", 80), ("tcp", 4455), ("udp", 4455), ("udp", 5000), ("udp", 5010), ("icmp", None))
    assert services_of(BLUEPRINT) == expected


def test_a_deployment_is_observed_from_every_guest_and_from_outside(rig: Rig) -> None:
    guests = tuple(Guest(f"web-{n}", "web", n, str(n), {"lan": f"10.1.0.{10 + n}"}) for n in range(3))
    deployment = Deployment("first", "r", BLUEPRINT, guests)
    seen = observe_reachability(deployment, rig.open_socket, outside="fabric", timeout=0.6)
    assert seen.site == "first" and seen.began < seen.ended
    assert len(seen.reaches) == (3 * 2 + 3) * 6
    by_key = {(r.source, r.target, r.protocol, r.port): r for r in seen.reaches}
    assert by_key["web-0", "web-1", "tcp", 80] == Reach(
        "web-0", "web-1", "lan", "tcp", 80, True, "refused by the target's system: nothing listens there"
    )
    assert by_key["web-2", "web-1", "tcp", 80].reached is False
    assert by_key["web-0", "web-1", "udp", 5000].reached is True
    assert by_key["web-0", "web-1", "udp", 5010].reached is by_key["web-0", "web-1", "tcp", 4455].reached is False
    assert by_key["web-1", "web-2", "tcp", 4455].reached is True  # without a firewall
    assert {r.reached for r in seen.reaches if r.source == "outside"} == {False}  # it has no route there
