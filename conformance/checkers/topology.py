"""A VNF's network as a labelled graph: nodes with fields, in which references stand where the API has ids.

A field's value is a scalar, a Ref to another node, a tuple of values (their order matters) or a Bag of values
(it does not). Names and ids are no fields: two networks that differ in nothing else are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from conformance.checkers.addressing import Addressing, Place, anybody
from conformance.model import Inventory, ScenarioInfo
from conformance.model.inventory import Port, SecurityGroupRule

# The platform makes these ports itself, at addresses of its own choosing; what they stand for is compared
# elsewhere.
_PLATFORM_PORTS = ("network:dhcp", "network:floatingip", "network:router_gateway", "network:distributed")


@dataclass(frozen=True)
class Ref:
    """A reference to the node with this key."""

    key: str


@dataclass(frozen=True)
class Bag:
    """Values whose order carries no meaning; doubled ones count."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Shown:
    """A value together with how a person wrote it: only ``value`` is compared."""

    text: str
    value: Value


Value = None | bool | int | str | Ref | Shown | Bag | tuple["Value", ...]


@dataclass(frozen=True)
class Node:
    """One object: ``label`` names it to a person, ``fields`` are what is compared."""

    key: str
    kind: str
    label: str
    fields: Mapping[str, Value]


@dataclass
class Topology:
    """All nodes by key, and sentences about references that lead out of the inventory; ``where`` words its site."""

    where: str
    nodes: dict[str, Node] = field(default_factory=dict)
    unresolved: list[str] = field(default_factory=list)


def topology(inventory: Inventory, info: ScenarioInfo, where: str = "") -> Topology:
    """The graph of an inventory, its addresses translated as the scenario declares; ``where`` words its site if that is
    not told by its name alone. ValueError on a malformed address."""
    build = _Build(inventory, info, where or inventory.site)
    build.networks()
    build.subnets()
    build.routers()
    build.security_groups()
    build.ports()
    build.floating_ips()
    return build.done()


def references(value: Value) -> Iterator[str]:
    """The keys that a value refers to."""
    if isinstance(value, Ref):
        yield value.key
    elif isinstance(value, Shown):
        yield from references(value.value)
    elif isinstance(value, Bag):
        for item in value.values:
            yield from references(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from references(item)


class _Build:
    """Adds one kind of object after the other."""

    def __init__(self, inventory: Inventory, info: ScenarioInfo, where: str) -> None:
        self._inventory = inventory
        self._addressing = Addressing(inventory, info)
        self._topology = Topology(where)
        self._external = {n.id for n in inventory.networks if n.external}
        self._external |= {r.external_network_id for r in inventory.routers if r.external_network_id}
        self._external |= {f.network_id for f in inventory.floating_ips}
        self._names = {n.id: n.label for n in inventory.networks}
        self._names |= {s.id: s.label for s in inventory.servers}
        self._names |= {r.id: r.label for r in inventory.routers}

    def _add(self, kind: str, id_: str, label: str, **fields: Value) -> None:
        named = {name.replace("_", " "): value for name, value in fields.items()}
        self._topology.nodes[f"{kind} {id_}"] = Node(f"{kind} {id_}", kind, label or id_, named)

    def _place(self, text: str, shown: str | None = None) -> Shown:
        return Shown(shown or text, self._meaning(self._addressing.place(text)))

    @staticmethod
    def _meaning(place: Place) -> Value:
        return (
            place.base,
            place.offset,
            place.length,
            Bag(tuple(Ref(f"subnet {i}") for i in place.subnet_ids)),
        )

    def networks(self) -> None:
        """External networks are the site's: only what leads to them is compared."""
        for n in self._inventory.networks:
            if n.id not in self._external:
                self._add(
                    "network",
                    n.id,
                    n.label,
                    MTU=n.mtu,
                    port_security=n.port_security,
                    admin_state=n.admin_up,
                    QoS_policy=n.qos_policy,
                )
        for id_ in sorted(self._external):
            self._add("external network", id_, self._names.get(id_, id_))

    def subnets(self) -> None:
        """Subnets of the VNF's own networks."""
        for s in self._inventory.subnets:
            if s.network_id in self._external:
                continue
            pools = tuple(
                Shown(f"{a} to {b}", (self._addressing.offset(s.id, a), self._addressing.offset(s.id, b)))
                for a, b in s.pools
            )
            shape = self._addressing.shape(s.cidr)
            self._add(
                "subnet",
                s.id,
                s.label,
                network=self._network(s.network_id),
                CIDR=Shown(s.cidr, (shape.base, shape.offset, shape.length)),
                IP_version=s.ip_version,
                gateway=None if s.gateway_ip is None else self._place(s.gateway_ip),
                DHCP=s.enable_dhcp,
                name_servers=tuple(self._place(a) for a in s.dns_nameservers),
                host_route=Bag(tuple(self._route(r) for r in s.host_routes)),
                allocation_pool=Bag(pools),
            )

    def _route(self, route: tuple[str, str]) -> Shown:
        destination, hop = route
        return Shown(f"{destination} via {hop}", (self._place(destination), self._place(hop)))

    def _network(self, id_: str) -> Ref:
        return Ref(f"external network {id_}" if id_ in self._external else f"network {id_}")

    def routers(self) -> None:
        """Routers; their interfaces are ports."""
        for r in self._inventory.routers:
            self._add(
                "router",
                r.id,
                r.label,
                admin_state=r.admin_up,
                external_gateway=self._network(r.external_network_id) if r.external_network_id else None,
                SNAT=r.snat,
                route=Bag(tuple(self._route(x) for x in r.routes)),
            )

    def security_groups(self) -> None:
        """Security groups with their rules resolved."""
        labels = {g.id: g.label for g in self._inventory.security_groups}
        for g in self._inventory.security_groups:
            rules = Bag(tuple(self._rule(rule, labels) for rule in g.rules))
            self._add("security group", g.id, g.label, stateful=g.stateful, rule=rules)

    def _rule(self, rule: SecurityGroupRule, labels: Mapping[str, str]) -> Shown:
        remote: Value = None
        who = "anybody"
        if rule.remote_group_id is not None:
            remote = Ref(f"security group {rule.remote_group_id}")
            who = f"group {labels.get(rule.remote_group_id, rule.remote_group_id)}"
        elif rule.remote_prefix is not None and not anybody(rule.remote_prefix):
            remote, who = self._place(rule.remote_prefix), rule.remote_prefix
        protocol = protocol_name(rule.protocol)
        ports = "" if rule.port_min is None else f" {rule.port_min}"
        ports += f"-{rule.port_max}" if rule.port_max not in (None, rule.port_min) else ""
        way = "from" if rule.direction == "ingress" else "to"
        text = f"{rule.direction} {rule.ethertype} {protocol or 'any protocol'}{ports} {way} {who}"
        return Shown(text, (rule.direction, rule.ethertype.lower(), protocol, rule.port_min, rule.port_max, remote))

    def ports(self) -> None:
        """Ports of servers and routers, and those held free; the servers they belong to by role."""
        servers = {s.id: s for s in self._inventory.servers}
        routers = {r.id for r in self._inventory.routers}
        for p in self._inventory.ports:
            if p.device_owner.startswith(_PLATFORM_PORTS):
                continue
            device: Value = None
            if p.device_id in servers:
                server = servers[p.device_id]
                self._add("server", server.id, server.label, role=server.role)
                device = Ref(f"server {server.id}")
            elif p.device_id:
                device = Ref(f"router {p.device_id}" if p.device_id in routers else f"device {p.device_id}")
            self._add(
                "port",
                p.id,
                p.label or self._port_name(p),
                network=self._network(p.network_id),
                address=Bag(tuple(self._fixed_ip(s, a) for s, a in p.fixed_ips)),
                security_group=Bag(tuple(Ref(f"security group {g}") for g in p.security_group_ids)),
                device=device,
                device_owner=_owner(p.device_owner),
                admin_state=p.admin_up,
                port_security=p.port_security,
                allowed_address_pair=Bag(tuple(self._pair(a, mac) for a, mac in p.allowed_address_pairs)),
                QoS_policy=p.qos_policy,
            )

    def _port_name(self, port: Port) -> str:
        network = self._names.get(port.network_id, port.network_id)
        device = self._names.get(port.device_id, port.device_id)
        return f"of {device} on {network}" if device else f"{port.id} on {network}"

    def _fixed_ip(self, subnet_id: str, address: str) -> Shown:
        offset = self._addressing.offset(subnet_id, address)
        value: Value = offset if offset is not None else self._meaning(self._addressing.place(address))
        return Shown(address, (Ref(f"subnet {subnet_id}"), value))

    def _pair(self, address: str, mac: str | None) -> Shown:
        return Shown(f"{address} {mac}" if mac else address, (self._place(address), mac.lower() if mac else None))

    def floating_ips(self) -> None:
        """Floating IPs: the address is the site's, what it leads to is the VNF's."""
        for f in self._inventory.floating_ips:
            port = Ref(f"port {f.port_id}") if f.port_id else None
            self._add("floating IP", f.id, f.label or f.address, network=self._network(f.network_id), port=port)

    def done(self) -> Topology:
        """The graph, with a node of kind ``unknown`` for whatever is referred to and not in the inventory."""
        nodes = self._topology.nodes
        missing: dict[str, Node] = {}
        for node in nodes.values():
            for name, value in node.fields.items():
                for key in references(value):
                    if key not in nodes and key not in missing:
                        missing[key] = Node(key, "unknown", key, {})
                        self._topology.unresolved.append(
                            f"the {name} of {node.kind} {node.label} at {self._topology.where} is {key}, "
                            "which is not in the inventory"
                        )
        nodes |= missing
        return self._topology


_PROTOCOLS = {
    "1": "icmp",
    "6": "tcp",
    "17": "udp",
    "58": "ipv6-icmp",
    "icmpv6": "ipv6-icmp",
    "132": "sctp",
    "112": "vrrp",
}


def protocol_name(name: str | None) -> str | None:
    """One spelling for a protocol: Neutron takes names and numbers alike."""
    return None if name is None else _PROTOCOLS.get(name.lower(), name.lower())


def _owner(device_owner: str) -> str:
    """What kind of device a port is for: ``compute:nova`` carries an availability zone, routers come in
    several forms."""
    if device_owner.startswith("compute"):
        return "compute"
    return "router interface" if device_owner.startswith(("network:router_", "network:ha_router")) else device_owner
