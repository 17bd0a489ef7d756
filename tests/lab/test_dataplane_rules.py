"""In namespaces mode packets pass as Neutron says: security groups, port security, changes through the API alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from plane import SOON, Guest, Tenant

from conformance.lab import dataplane
from conformance.waiting import wait_until

pytestmark = pytest.mark.lab


@dataclass
class Row:
    """Guests on one network: ``web`` answers to members of ``friends`` on port 8080, whoever is in ``others`` waits."""

    web: Guest
    friend: Guest
    stranger: Guest
    groups: dict[str, object]
    subnet: object


@pytest.fixture(scope="module")
def row(plane: Tenant) -> Iterator[Row]:
    subnet = plane.network(f"10.{plane.number}.20.0/24")
    groups = {name: plane.group() for name in ("web", "friends", "others")}
    plane.allow(groups["web"], port_range_min=8080, port_range_max=8080, remote_group_id=groups["friends"].id)
    web, friend, stranger = plane.guests(
        ("web", subnet, groups["web"]), ("friend", subnet, groups["friends"]), ("stranger", subnet, groups["others"])
    )
    plane.eventually(friend.place, web.ip, "web")
    yield Row(web, friend, stranger, groups, subnet)
    plane.clean()


def test_a_member_of_the_remote_group_is_answered_and_a_stranger_is_not(plane: Tenant, row: Row) -> None:
    hosts = {plane.cloud.compute.get_server(guest.id).compute_host for guest in (row.web, row.friend)}
    assert plane.says(row.friend.place, row.web.ip) == "web", f"the guests are on {hosts}"
    assert plane.says(row.stranger.place, row.web.ip) == "silence"


def test_a_port_is_active_while_it_is_wired(plane: Tenant, row: Row) -> None:
    network = plane.cloud.network
    spare = network.create_port(network_id=row.subnet.network_id)  # type: ignore[attr-defined]
    assert network.get_port(spare).status == "DOWN"
    network.delete_port(spare)
    assert network.get_port(row.web.port).status == "ACTIVE"


def test_a_rule_that_is_added_lets_packets_pass_and_its_removal_ends_the_flows_it_had_allowed(
    plane: Tenant, row: Row
) -> None:
    rule = plane.allow(row.groups["web"], remote_group_id=row.groups["others"].id)
    plane.eventually(row.stranger.place, row.web.ip, "web")
    with dataplane.open_socket(plane.lab.directory, row.stranger.place) as flow:
        flow.settimeout(SOON)
        flow.connect((row.web.ip, 8080))
        plane.cloud.network.delete_security_group_rule(rule)
        plane.eventually(row.stranger.place, row.web.ip, "silence")
        flow.settimeout(1)
        flow.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            flow.recv(1)


def test_rules_name_protocols_ports_and_prefixes(plane: Tenant, row: Row) -> None:
    rule = plane.allow(
        row.groups["web"], port_range_min=8000, port_range_max=8100, remote_ip_prefix=f"{row.stranger.ip}/32"
    )
    plane.eventually(row.stranger.place, row.web.ip, "web")
    plane.cloud.network.delete_security_group_rule(rule)
    wrong = [
        plane.allow(row.groups["web"], port_range_min=8081, port_range_max=8100),
        plane.allow(row.groups["web"], "udp", port_range_min=8080, port_range_max=8080),
        plane.allow(row.groups["web"], remote_ip_prefix="192.0.2.0/24"),
    ]
    plane.eventually(row.stranger.place, row.web.ip, "silence")
    for rule in wrong:
        plane.cloud.network.delete_security_group_rule(rule)


def test_echo_requests_need_a_rule_of_their_own(plane: Tenant, row: Row) -> None:
    assert not plane.pings(row.friend.place, row.web.ip)
    rule = plane.allow(row.groups["web"], "icmp", port_range_min=8, port_range_max=0)
    wait_until(lambda: plane.pings(row.friend.place, row.web.ip), timeout=SOON, what="an echo reply")
    plane.cloud.network.delete_security_group_rule(rule)
    wait_until(lambda: not plane.pings(row.friend.place, row.web.ip), timeout=SOON, what="silence")


def test_an_address_group_is_whoever_is_in_it_now(plane: Tenant, row: Row) -> None:
    network = plane.cloud.network
    group = network.create_address_group(name="tests", addresses=["192.0.2.1/32"])
    rule = plane.allow(row.groups["web"], remote_address_group_id=group.id)
    assert plane.says(row.stranger.place, row.web.ip) == "silence"
    network.add_addresses_to_address_group(group, [f"{row.stranger.ip}/32"])
    plane.eventually(row.stranger.place, row.web.ip, "web")
    network.delete_security_group_rule(rule)
    network.delete_address_group(group)
    plane.eventually(row.stranger.place, row.web.ip, "silence")


def test_a_guest_sends_only_what_egress_rules_allow(plane: Tenant, row: Row) -> None:
    own = {"direction": "egress", "security_group_id": row.groups["friends"].id}
    network = plane.cloud.network
    defaults = list(network.security_group_rules(**own))
    assert defaults
    for rule in defaults:
        network.delete_security_group_rule(rule)
    plane.eventually(row.friend.place, row.web.ip, "silence")
    network.create_security_group_rule(**own, protocol="tcp", port_range_min=8080, port_range_max=8080)
    plane.eventually(row.friend.place, row.web.ip, "web")
    network.create_security_group_rule(**own)


def test_replies_pass_a_stateless_group_only_by_a_rule(plane: Tenant, row: Row) -> None:
    group = plane.group(stateful=False)
    network = plane.cloud.network
    network.update_port(row.stranger.port, security_groups=[group.id])
    opened = plane.allow(row.groups["web"], port_range_min=8080, port_range_max=8080)
    plane.eventually(row.stranger.place, row.web.ip, "silence")
    plane.allow(group, remote_ip_prefix=f"{row.web.ip}/32")
    plane.eventually(row.stranger.place, row.web.ip, "web")
    network.delete_security_group_rule(opened)
    network.update_port(row.stranger.port, security_groups=[row.groups["others"].id])
    plane.eventually(row.stranger.place, row.web.ip, "silence")


def test_a_spoofed_address_is_dropped_and_an_allowed_pair_passes(plane: Tenant, row: Row) -> None:
    rule = plane.allow(row.groups["web"], "udp")
    wait_until(lambda: plane.arrives(row.friend, row.web), timeout=SOON, what="a datagram")
    borrowed = f"10.{plane.number}.20.250"
    assert not plane.arrives(row.friend, row.web, source=borrowed)
    plane.cloud.network.update_port(row.friend.port, allowed_address_pairs=[{"ip_address": borrowed}])
    wait_until(lambda: plane.arrives(row.friend, row.web, source=borrowed), timeout=SOON, what="the borrowed address")
    plane.cloud.network.update_port(row.friend.port, allowed_address_pairs=[])
    wait_until(lambda: not plane.arrives(row.friend, row.web, source=borrowed), timeout=SOON, what="silence")
    plane.cloud.network.delete_security_group_rule(rule)


def test_without_port_security_everything_comes_in(plane: Tenant, row: Row) -> None:
    network = plane.cloud.network
    network.update_port(row.web.port, security_groups=[], port_security_enabled=False)
    plane.eventually(row.stranger.place, row.web.ip, "web")
    network.update_port(row.web.port, port_security_enabled=True, security_groups=[row.groups["web"].id])
    plane.eventually(row.stranger.place, row.web.ip, "silence")


def test_a_port_that_is_down_carries_nothing(plane: Tenant, row: Row) -> None:
    plane.cloud.network.update_port(row.web.port, admin_state_up=False)
    plane.eventually(row.friend.place, row.web.ip, "silence")
    plane.cloud.network.update_port(row.web.port, admin_state_up=True)
    plane.eventually(row.friend.place, row.web.ip, "web")


def test_a_paused_and_a_stopped_guest_are_silent(plane: Tenant, row: Row) -> None:
    compute = plane.cloud.compute
    compute.pause_server(row.web.id)
    compute.wait_for_server(compute.get_server(row.web.id), status="PAUSED", interval=0.1)
    assert not plane.arrives(row.friend, row.web)
    assert plane.says(row.friend.place, row.web.ip) in ("silence", "No route to host")
    compute.unpause_server(row.web.id)
    plane.eventually(row.friend.place, row.web.ip, "web")
    compute.stop_server(row.web.id)
    compute.wait_for_server(compute.get_server(row.web.id), status="SHUTOFF", interval=0.1)
    assert plane.says(row.friend.place, row.web.ip) in ("silence", "No route to host")
    compute.start_server(row.web.id)
    plane.active(compute.get_server(row.web.id))
    plane.eventually(row.friend.place, row.web.ip, "web")


def test_a_bandwidth_limit_is_kept(plane: Tenant, row: Row) -> None:
    network = plane.cloud.network
    rule = plane.allow(row.groups["web"], "udp")
    wait_until(lambda: plane.arrives(row.friend, row.web), timeout=SOON, what="a datagram")
    policy = network.create_qos_policy(name="tests")
    network.create_qos_bandwidth_limit_rule(policy, max_kbps=800, max_burst_kbps=80, direction="egress")
    network.update_port(row.friend.port, qos_policy_id=policy.id)
    dataplane.sync(plane.lab.directory, "site-a")
    assert passed(plane, row) < 300  # of 1000 kB: one second's 100 kB and 10 kB at once, then 100 kB/s
    network.update_port(row.friend.port, qos_policy_id=None)
    network.delete_qos_policy(policy)
    dataplane.sync(plane.lab.directory, "site-a")
    assert passed(plane, row) == 1000
    network.delete_security_group_rule(rule)


def passed(plane: Tenant, row: Row) -> int:
    """How many of 1000 datagrams of 1 kB arrive that are sent as fast as they can be."""
    with plane.udp(row.web.place, port=7007) as inbox, plane.udp(row.friend.place) as outbox:
        inbox.setblocking(False)
        seen = 0
        for _ in range(1000):
            outbox.sendto(b"x" * 972, (row.web.ip, 7007))
            seen += arrived(inbox)
        return seen + arrived(inbox)


def arrived(inbox: socket.socket) -> int:
    """How many datagrams are there now."""
    seen = 0
    try:
        while inbox.recv(2000):
            seen += 1
    except BlockingIOError:
        pass
    return seen
