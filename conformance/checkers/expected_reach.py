"""What ought to reach what, by the API's records alone: security groups, port security, networks and routers.

Both kinds of pairs matter, those that must pass and those that must not. Where the records do not decide it (a group
that is not in the inventory, a place outside of the cloud), the expectation is None and nothing is judged by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from itertools import product

from conformance.checkers.addressing import anybody
from conformance.checkers.topology import protocol_name
from conformance.model import Inventory, Reach
from conformance.model.inventory import Port, SecurityGroup, SecurityGroupRule

OUTSIDE = "outside"
# An ICMP rule with limits names a type where others name a port: what is tried is the echo request.
_ECHO_REQUEST = {"icmp": 8, "ipv6-icmp": 128}
_ROUTER_PORTS = ("network:router_interface", "network:ha_router")

Expectation = tuple[bool | None, str]


def expected_reach(inventory: Inventory, services: Iterable[tuple[str, int | None]] | None = None) -> tuple[Reach, ...]:
    """Every ordered pair of guests, on every network of the target, for each of ``services`` (protocol, port; without
    them those that the ingress rules name): ``reached`` is whether it should pass, None where that is not decided,
    ``detail`` why. O(guests² · services)."""
    wanted = sorted(set(_services(inventory) if services is None else services), key=str)
    rules = Rules(inventory)
    found = []
    for source, target in product(sorted(s.label for s in inventory.servers), repeat=2):
        if source == target:
            continue
        for network, (protocol, port) in product(rules.networks_of(target), wanted):
            passes, why = rules.expect(source, target, network, protocol, port)
            found.append(Reach(source, target, network, protocol, port, passes, why))
    return tuple(found)


def _services(inventory: Inventory) -> Iterable[tuple[str, int | None]]:
    for group in inventory.security_groups:
        for rule in group.rules:
            protocol = protocol_name(rule.protocol)
            if rule.direction == "ingress" and protocol is not None:
                yield protocol, None if protocol in _ECHO_REQUEST else rule.port_min


class Rules:
    """The records of one inventory, by what is looked up."""

    def __init__(self, inventory: Inventory) -> None:
        self._groups = {g.id: g for g in inventory.security_groups}
        self._networks = {n.id: n for n in inventory.networks}
        labels = {s.id: s.label for s in inventory.servers}
        self._ports: defaultdict[str, list[Port]] = defaultdict(list)
        self._routed: defaultdict[str, set[str]] = defaultdict(set)  # router → networks it has a leg in
        up = {r.id for r in inventory.routers if r.admin_up}
        for port in inventory.ports:
            if port.device_id in labels:
                self._ports[labels[port.device_id]].append(port)
            elif port.device_owner.startswith(_ROUTER_PORTS) and port.device_id in up:
                self._routed[port.device_id].add(port.network_id)

    def networks_of(self, guest: str) -> list[str]:
        """Labels of the networks that a guest has a port on."""
        return sorted({self._label(p) for p in self._ports[guest]})

    def expect(self, source: str, target: str, network: str, protocol: str, port: int | None) -> Expectation:
        """Whether ``source`` should reach ``target`` at its address on ``network``, and why."""
        protocol = protocol_name(protocol) or protocol
        if target == OUTSIDE:
            return None, "what is outside is not in the inventory"
        targets = [p for p in self._ports[target] if self._label(p) == network]
        if not targets:
            return None, f"{target} has no port on {network}"
        if source == OUTSIDE:
            return self._from_outside(targets, protocol, port)
        sources = self._ports[source]
        if not sources:
            return None, f"{source} is not in the inventory"
        on_link = [p for p in sources if p.network_id == targets[0].network_id]
        ways = on_link or [p for p in sources if self._is_routed(p, targets[0])]
        if not ways:
            return False, f"no network and no router joins {source} to {network}"
        outcomes = {self._passes(a, b, protocol, port) for a, b in product(ways, targets)}
        return outcomes.pop() if len(outcomes) == 1 else (None, "it depends on the way taken")

    def _label(self, port: Port) -> str:
        network = self._networks.get(port.network_id)
        return network.label if network else port.network_id

    def _is_routed(self, source: Port, target: Port) -> bool:
        return any({source.network_id, target.network_id} <= legs for legs in self._routed.values())

    def _passes(self, source: Port, target: Port, protocol: str, port: int | None) -> Expectation:
        for end in (source, target):
            network = self._networks.get(end.network_id)
            if not end.admin_up or (network is not None and not network.admin_up):
                return False, f"port {end.label or end.id} or its network is down"
        out = self._lets(source, "egress", target, protocol, port)
        if out is not True:
            return out, f"egress of {source.label or source.id}: {_words(out)}"
        into = self._lets(target, "ingress", source, protocol, port)
        if into is not True:
            return into, f"ingress of {target.label or target.id}: {_words(into)}"
        for end, way, peer in ((target, "egress", source), (source, "ingress", target)):
            if self._is_stateless(end) and self._lets(end, way, peer, protocol, None) is not True:
                return None, f"the groups of {end.label or end.id} are stateless: whether answers pass is not decided"
        return True, "rules let it pass both ways"

    def _from_outside(self, targets: Iterable[Port], protocol: str, port: int | None) -> Expectation:
        """What no rule lets in from anywhere must not pass; whether the rest finds a way here is not on record."""
        for target in targets:
            groups = self._known(target)
            rules = [r for g in groups for r in g.rules if _concerns(r, "ingress", target, protocol, port)]
            if not target.port_security or any(r.remote_group_id is None for r in rules):
                return None, "whether there is a way from outside is not in the inventory"
            if len(groups) < len(target.security_group_ids):
                return None, f"ingress of {target.label or target.id}: {_words(None)}"
        return False, "no rule lets anybody in from outside"

    def _known(self, port: Port) -> list[SecurityGroup]:
        return [self._groups[i] for i in port.security_group_ids if i in self._groups]

    def _is_stateless(self, port: Port) -> bool:
        groups = self._known(port)
        return port.port_security and bool(groups) and not any(g.stateful for g in groups)

    def _lets(self, port: Port, direction: str, peer: Port, protocol: str, number: int | None) -> bool | None:
        """Whether a port's groups let a packet from or to ``peer`` pass; None when a group of its is not known."""
        if not port.port_security:
            return True
        groups = self._known(port)
        for group in groups:
            for rule in group.rules:
                if _concerns(rule, direction, peer, protocol, number) and _is_remote(rule, peer):
                    return True
        return False if len(groups) == len(port.security_group_ids) else None


def _words(outcome: bool | None) -> str:
    return "no rule lets it pass" if outcome is False else "a security group is not in the inventory"


def _concerns(rule: SecurityGroupRule, direction: str, peer: Port, protocol: str, number: int | None) -> bool:
    """Whether a rule is about such packets, whoever sends them."""
    version = 6 if any(":" in address for _, address in peer.fixed_ips) else 4
    if rule.direction != direction or rule.ethertype.lower() != f"ipv{version}":
        return False
    of = protocol_name(rule.protocol)
    if of not in (None, "any", "0", protocol):
        return False
    if rule.port_min is None or of in (None, "any", "0"):
        return True
    tried = _ECHO_REQUEST.get(protocol, number)
    if protocol in _ECHO_REQUEST:
        return rule.port_min == tried
    return tried is not None and rule.port_min <= tried <= (rule.port_min if rule.port_max is None else rule.port_max)


def _is_remote(rule: SecurityGroupRule, peer: Port) -> bool:
    if rule.remote_group_id is not None:
        return rule.remote_group_id in peer.security_group_ids
    if anybody(rule.remote_prefix):
        return True
    prefix = ip_network(rule.remote_prefix or "", strict=False)
    return any(ip_address(address) in prefix for _, address in peer.fixed_ips)
