"""What the data plane of a site should be, from what Neutron says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import conformance.lab

sys.path.insert(0, str(Path(conformance.lab.__file__).parent / "inside"))

from netplane import topology  # noqa: E402
from netplane.neutron import FloatingIp, Network, Port, Router, State, Subnet  # noqa: E402

POOLS = ("10.1.0.0/16",)


def port(name: str, network: str, address: str, subnet: str, device: str = "vm", owner: str = "compute:nova") -> Port:
    return Port(name, network, "fa:16:3e:00:00:01", True, device, owner, True, ((address, subnet),), ("g",))


STATE = State(
    networks={
        "inner-network": Network("inner-network", 1450, True, False),
        "public-network": Network("public-network", 1500, True, True),
    },
    subnets={
        "inner": Subnet("inner", "inner-network", "10.1.5.0/24", "10.1.5.1", 4, (("192.0.2.0/24", "10.1.5.7"),)),
        "public": Subnet("public", "public-network", "198.18.16.0/20", "198.18.16.1", 4),
    },
    ports={
        port.id: port
        for port in (
            port("guest-port-1", "inner-network", "10.1.5.9", "inner"),
            port("router-inner", "inner-network", "10.1.5.1", "inner", "r1", "network:router_interface"),
            port("router-outer", "public-network", "198.18.16.50", "public", "r1", "network:router_gateway"),
        )
    },
    rules=(),
    stateless=frozenset(),
    address_groups={},
    routers=(Router("r1", True, "router-outer", True, (("203.0.113.0/24", "10.1.5.8"),)),),
    floating_ips=(FloatingIp("198.18.16.60", "10.1.5.9", "r1"),),
    limits=(),
)


def plan(
    state: State = STATE, power: topology.Power = "on", before: Mapping[str, topology.Node] | None = None
) -> topology.Plan:
    return topology.plan(state, lambda _: power, POOLS, before or {})


def test_a_guest_has_its_ports_address_gateway_and_routes() -> None:
    guest = plan().nodes["guest-vm"]
    assert guest.addresses == (("eth0", "10.1.5.9/24"),)
    assert dict(guest.routes) == {"0.0.0.0/0": "via 10.1.5.1 dev eth0 onlink", "192.0.2.0/24": "via 10.1.5.7 dev eth0"}
    assert guest.interfaces[0].mtu == 1450


def test_a_guest_that_is_off_has_nothing_and_a_frozen_one_a_dead_cable() -> None:
    assert "guest-vm" not in plan(power="off").nodes
    assert [interface.up for interface in plan(power="frozen").nodes["guest-vm"].interfaces] == [False]


def test_a_port_or_network_that_is_down_is_a_dead_cable() -> None:
    down = {**STATE.ports, "guest-port-1": replace(STATE.ports["guest-port-1"], up=False)}
    assert not plan(replace(STATE, ports=down)).nodes["guest-vm"].interfaces[0].up
    dark = {**STATE.networks, "inner-network": replace(STATE.networks["inner-network"], up=False)}
    assert not plan(replace(STATE, networks=dark)).nodes["guest-vm"].interfaces[0].up


def test_a_router_forwards_while_it_is_up_and_holds_its_floating_ips() -> None:
    router = plan().nodes["router-r1"]
    assert router.forwarding
    assert ("qg0", "198.18.16.60/32") in router.addresses
    assert dict(router.routes)["203.0.113.0/24"] == "via 10.1.5.8"
    down = replace(STATE, routers=(replace(STATE.routers[0], up=False),))
    assert not plan(down).nodes["router-r1"].forwarding


def test_the_edge_is_the_gateway_of_external_networks_and_knows_the_way_to_the_pool() -> None:
    made = plan()
    assert [leg.addresses for leg in made.legs] == [("198.18.16.1/20",)]
    assert made.announced == (("10.1.5.0/24", "198.18.16.50"),)


def test_a_subnet_outside_the_pool_is_known_to_nobody_outside() -> None:
    private = {**STATE.subnets, "inner": replace(STATE.subnets["inner"], cidr="192.168.5.0/24")}
    assert plan(replace(STATE, subnets=private)).announced == ()


def test_interfaces_keep_their_names_while_others_come_and_go() -> None:
    added = {**STATE.ports, "a-later-port": port("a-later-port", "inner-network", "10.1.5.10", "inner")}
    both = plan(replace(STATE, ports=added))
    only_later = {name: p for name, p in added.items() if name != "guest-port-1"}
    after = plan(replace(STATE, ports=only_later), before=both.nodes)
    assert [interface.name for interface in after.nodes["guest-vm"].interfaces] == ["eth1"]


def test_a_guest_on_two_networks_answers_where_it_was_asked() -> None:
    added = {**STATE.ports, "a-later-port": port("a-later-port", "inner-network", "10.1.5.10", "inner")}
    guest = plan(replace(STATE, ports=added)).nodes["guest-vm"]
    assert dict(guest.sources) == {"10.1.5.9": "100", "10.1.5.10": "101"}
    assert dict(guest.routes)["0.0.0.0/0 table 101"] == "via 10.1.5.1 dev eth1 onlink"


def test_interface_names_fit_into_what_the_kernel_takes() -> None:
    made = plan()
    names = [name for name, _ in made.bridges] + [leg.name for leg in made.legs]
    names += [i.tap for node in made.nodes.values() for i in node.interfaces]
    assert all(len(name) <= 15 for name in names)
