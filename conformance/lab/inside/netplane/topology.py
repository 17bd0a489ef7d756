"""What the data plane of a site should be: a pure function of Neutron's state and of who is switched on.

Names: a network's bridge is ``b`` + 11 letters of its id, a port's leg on it ``t`` + …, an external network's leg on
the edge ``x`` + …; interface names may have 15 letters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from netplane import routers, rules
from netplane.neutron import COMPUTE, GATEWAY, ROUTER, Port, State

Power = Literal["off", "on", "frozen"]
GUEST = "guest-"
ROUTER_NODE = "router-"


@dataclass(frozen=True)
class Interface:
    """An interface of a node for a Neutron ``port``: ``name`` inside, ``tap`` on ``bridge``."""

    name: str
    tap: str
    mac: str
    bridge: str
    mtu: int
    up: bool
    port: str


@dataclass(frozen=True)
class Node:
    """A guest's or a router's namespace. ``addresses`` are (interface, CIDR), ``routes`` destination → how, and
    ``sources`` (address, routing table) for what is sent from that address."""

    interfaces: tuple[Interface, ...]
    addresses: tuple[tuple[str, str], ...]
    routes: tuple[tuple[str, str], ...]
    forwarding: bool
    rules: str
    sources: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Leg:
    """The edge's leg in an external network: its interface on ``bridge``, its addresses (gateways)."""

    name: str
    bridge: str
    mtu: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A whole site: bridges with their MTU, nodes by namespace, the chains of guests' ports, the edge's legs and its
    routes to tenants' subnets (CIDR → next hop)."""

    bridges: tuple[tuple[str, int], ...]
    nodes: Mapping[str, Node]
    ports: Mapping[str, rules.PortChain]
    legs: tuple[Leg, ...]
    announced: tuple[tuple[str, str], ...]


NOTHING = Plan((), {}, {}, (), ())


def bridge_of(network: str) -> str:
    """Name of a network's bridge."""
    return f"b{network[:11]}"


def plan(state: State, power: Callable[[str], Power], pools: Collection[str], before: Mapping[str, Node]) -> Plan:
    """``power`` tells about the guest of a server id; ``pools`` are the CIDRs that the operator routes; ``before``
    holds the nodes as they are, whose interfaces keep their names."""
    attached = _attached(state, power, before)
    members = _members(state)
    nodes = {}
    for node, interfaces in attached.items():
        made = _guest if node.startswith(GUEST) else _router
        nodes[node] = made(state, node, interfaces, members)
    taps = [
        (interface.tap, port)
        for node, interfaces in attached.items()
        if node.startswith(GUEST)
        for interface, port in interfaces
    ]
    bridges = tuple((bridge_of(network.id), network.mtu) for network in state.networks.values())
    announced = tuple(sorted(routers.announced(state, pools).items()))
    return Plan(bridges, nodes, rules.port_chains(taps, state.limits), _legs(state), announced)


Attached = dict[str, list[tuple[Interface, Port]]]


def _attached(state: State, power: Callable[[str], Power], before: Mapping[str, Node]) -> Attached:
    """The interfaces of every node, with the ports behind them."""
    attached: Attached = {}
    alive = {router.id for router in state.routers}
    for port in state.ports.values():
        heard = True
        if port.owner.startswith(COMPUTE) and port.device and (state_of := power(port.device)) != "off":
            node, prefix, heard = GUEST + port.device, "eth", state_of == "on"
        elif port.owner.startswith(ROUTER) and port.device in alive:
            node, prefix = ROUTER_NODE + port.device, "qg" if port.owner == GATEWAY else "qr"
        else:
            continue
        attached.setdefault(node, [])
        network = state.networks[port.network]
        tap = f"t{port.id[:11]}"
        name = _name(prefix, tap, before.get(node), {interface.name for interface, _ in attached[node]})
        up = port.up and network.up and heard
        interface = Interface(name, tap, port.mac, bridge_of(port.network), network.mtu, up, port.id)
        attached[node].append((interface, port))
    return attached


def _name(prefix: str, tap: str, before: Node | None, taken: set[str]) -> str:
    """An interface keeps its name while others come and go."""
    known = {interface.tap: interface.name for interface in before.interfaces} if before else {}
    if tap in known:
        return known[tap]
    unusable = taken | set(known.values())
    return next(name for number in range(1000) if (name := f"{prefix}{number}") not in unusable)


def _members(state: State) -> rules.Members:
    groups: dict[str, list[str]] = {}
    for port in state.ports.values():
        own = [address for address, _ in port.addresses] + [address for _, address in port.pairs]
        for group in port.groups:
            groups.setdefault(group, []).extend(own)
    return rules.Members(groups, state.address_groups)


FIRST_TABLE = 100


def _guest(state: State, node: str, interfaces: list[tuple[Interface, Port]], members: rules.Members) -> Node:
    addresses = []
    routes: dict[str, str] = {}
    for interface, port in interfaces:
        for address, subnet_id in port.addresses:
            subnet = state.subnets[subnet_id]
            addresses.append((interface.name, f"{address}/{subnet.length}"))
            for destination, hop in subnet.routes:
                routes.setdefault(destination, f"via {hop} dev {interface.name}")
            if subnet.gateway:
                everywhere = "0.0.0.0/0" if subnet.version == 4 else "::/0"
                routes.setdefault(everywhere, f"via {subnet.gateway} dev {interface.name} onlink")
    sources = _answer_where_asked(state, interfaces, routes) if len(interfaces) > 1 else ()
    named = [(interface.name, port) for interface, port in interfaces]
    script = rules.guest_filter(named, state.rules, members, state.stateless)
    inner = tuple(interface for interface, _ in interfaces)
    return Node(inner, tuple(addresses), tuple(sorted(routes.items())), forwarding=False, rules=script, sources=sources)


def _answer_where_asked(
    state: State, interfaces: list[tuple[Interface, Port]], routes: dict[str, str]
) -> tuple[tuple[str, str], ...]:
    """A guest on several networks answers by the interface it was asked on, as cloud images set it up: another port
    would not let its address pass. Adds a routing table per interface to ``routes``."""
    sources = []
    for interface, port in interfaces:
        table = str(FIRST_TABLE + int(interface.name.removeprefix("eth")))
        for address, subnet_id in port.addresses:
            subnet = state.subnets[subnet_id]
            if not subnet.gateway:
                continue
            everywhere = "0.0.0.0/0" if subnet.version == 4 else "::/0"
            routes[f"{subnet.cidr} table {table}"] = f"dev {interface.name}"
            routes[f"{everywhere} table {table}"] = f"via {subnet.gateway} dev {interface.name} onlink"
            sources.append((address, table))
    return tuple(sources)


def _router(state: State, node: str, interfaces: list[tuple[Interface, Port]], members: rules.Members) -> Node:
    router = next(r for r in state.routers if r.id == node.removeprefix(ROUTER_NODE))
    return Node(tuple(i for i, _ in interfaces), *routers.describe(state, router, interfaces))


def _legs(state: State) -> tuple[Leg, ...]:
    legs = []
    for network in state.networks.values():
        if not network.external:
            continue
        subnets = [s for s in state.subnets.values() if s.network == network.id and s.gateway]
        addresses = tuple(sorted(f"{s.gateway}/{s.length}" for s in subnets))
        if addresses:
            legs.append(Leg(f"x{network.id[:11]}", bridge_of(network.id), network.mtu, addresses))
    return tuple(legs)
