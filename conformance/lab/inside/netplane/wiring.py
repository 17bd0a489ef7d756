"""Making a site's data plane what a plan says, from what it is: only differences are touched.

What has been made is written down before and after each change. A namespace that a killed predecessor was changing is
not in that record: its interfaces are made anew, whatever they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from netplane import rules
from netplane.spaces import Netns, is_pinned
from netplane.topology import NOTHING, Interface, Leg, Node, Plan

POLICIES = {  # the kernel's own, by version of IP: what else there is goes
    "-4": "rule flush\nrule add lookup main priority 32766\nrule add lookup default priority 32767\n",
    "-6": "rule flush\nrule add lookup main priority 32766\n",
}


class Fabric:
    """The bridges, guests and routers of one site, as they have been made so far."""

    def __init__(self, name: str, spaces: Path, record: Path, edge: Netns) -> None:
        self._spaces = spaces
        self._record = record
        self._edge = edge
        self._bridges = Netns(spaces, f"fabric-{name}")
        self._nodes: dict[str, Netns] = {}
        self.made, self._doubtful = _load(record)
        if self._bridges.fresh:  # for the first time, or a predecessor was killed while it forgot the site
            self.made, self._doubtful = NOTHING, self._doubtful | self.made.nodes.keys()
        if not self.made.ports:
            self._bridges.rules(rules.empty_ports_table())
        if self._bridges.fresh:
            self._bridges.sysctl({"ipv6/conf/default/disable_ipv6": 1})
        else:
            self._clean()

    def _clean(self) -> None:
        """Remove what is there but not in the record."""
        nodes = self.made.nodes.values()
        known = {name for name, _ in self.made.bridges} | {leg.name for leg in self.made.legs}
        known |= {interface.tap for node in nodes for interface in node.interfaces} | {"lo"}
        unknown = [name for name in self._bridges.links() if name not in known]
        self._bridges.ip(_deletions(unknown), force=True)

    def close(self) -> None:
        """Forget everything of the site; nothing passes from the first moment on."""
        self._bridges.delete()
        for name in {*self._nodes, *self.made.nodes, *self._doubtful}:
            if is_pinned(self._spaces / name):
                self._space(name).unpin()
        self._record.unlink(missing_ok=True)

    def apply(self, wanted: Plan) -> bool:
        """Make it so; returns whether there was anything to do. After a ToolError, what was touched is made anew."""
        made = self.made
        if wanted == made and not self._doubtful:
            return False
        changed = {name for name, node in wanted.nodes.items() if made.nodes.get(name) != node}
        gone = (made.nodes.keys() | self._doubtful) - wanted.nodes.keys()
        certain = _meanwhile(made, wanted)
        doubtful = (changed | gone) - certain.nodes.keys()
        self._write(certain, doubtful)
        try:
            self._change(made, wanted, changed, gone)
        except BaseException:
            self.made, self._doubtful = replace(certain, ports={}), doubtful
            self._bridges.rules(rules.empty_ports_table())
            self._clean()
            raise
        self.made, self._doubtful = wanted, set()
        self._write(wanted, set())
        return True

    def _change(self, made: Plan, wanted: Plan, changed: set[str], gone: set[str]) -> None:
        for name in gone:
            self._space(name).delete()
            del self._nodes[name]
        self._make_bridges(wanted)
        for name in changed:  # before the first packet can pass
            space, old = self._space(name), made.nodes.get(name)
            if old is None or old.rules != wanted.nodes[name].rules or space.fresh:
                space.rules(wanted.nodes[name].rules)
        for script in rules.change_ports(made.ports, wanted.ports):
            self._bridges.rules(script)
        renewed = self._plug(wanted, changed)
        for name in sorted(changed):
            self._configure(name, wanted.nodes[name], made.nodes.get(name), renewed.get(name, set()))
        self._make_legs(wanted)
        self._route(wanted)

    def _space(self, name: str) -> Netns:
        if name not in self._nodes:
            self._nodes[name] = Netns(self._spaces, name)
        return self._nodes[name]

    def _make_bridges(self, wanted: Plan) -> None:
        before, after = dict(self.made.bridges), dict(wanted.bridges)
        lines = _deletions(before.keys() - after.keys())
        for name, mtu in after.items():
            if name not in before:
                lines += f"link add {name} mtu {mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
                lines += f"link set {name} up\n"
            elif before[name] != mtu:
                lines += f"link set {name} mtu {mtu}\n"
        self._bridges.ip(lines)

    def _plug(self, wanted: Plan, changed: Iterable[str]) -> dict[str, set[str]]:
        """Make all missing interfaces in one go; returns their names by node."""
        lines = ""
        renewed: dict[str, set[str]] = {}
        for name in changed:
            space, old = self._space(name), self.made.nodes.get(name)
            if old is None and not space.fresh:  # a predecessor was killed while it changed this one
                space.ip(_deletions(link for link in space.links() if link != "lo"), force=True)
                for version, policies in POLICIES.items():
                    space.ip(policies, force=True, options=(version,))
            space.fresh = False
            before = {interface.tap: interface for interface in old.interfaces} if old else {}
            after = {interface.tap: interface for interface in wanted.nodes[name].interfaces}
            for tap, interface in before.items():
                if tap not in after or _identity(after[tap]) != _identity(interface):
                    lines += f"link delete {tap}\n"
            for tap, interface in after.items():
                state = "up" if interface.up else "down"
                if tap not in before or _identity(before[tap]) != _identity(interface):
                    lines += (
                        f"link add {tap} mtu {interface.mtu} type veth peer name {interface.name} mtu {interface.mtu} "
                        f"address {interface.mac} netns {space.path}\n"
                        f"link set {tap} master {interface.bridge} {state}\n"
                    )
                    renewed.setdefault(name, set()).add(interface.name)
                elif before[tap] != interface:
                    lines += f"link set {tap} mtu {interface.mtu} {state}\n"
        self._bridges.ip(lines)
        return renewed

    def _configure(self, name: str, node: Node, old: Node | None, renewed: set[str]) -> None:
        """Addresses and routes, all of them on ``renewed`` interfaces. What a guest has added by itself stays."""
        space = self._space(name)
        there = {entry for entry in old.addresses if entry[0] not in renewed} if old else set()
        removed = there - set(node.addresses)
        missing = [entry for entry in node.addresses if entry not in there]
        routes = dict(old.routes) if old else {}
        lines = "".join(f"address delete {address} dev {interface}\n" for interface, address in sorted(removed))
        lines += "".join(f"address replace {cidr} dev {interface}{_nodad(cidr)}\n" for interface, cidr in missing)
        for interface in node.interfaces:  # after its addresses: it tells its neighbours about them when it goes up
            if old is None or interface not in old.interfaces or interface.name in renewed:
                lines += f"link set {interface.name} mtu {interface.mtu} up\n"
        for destination in routes.keys() - dict(node.routes).keys():
            lines += f"route delete {destination}\n"
        for destination, how in node.routes:
            if routes.get(destination) != how or removed or renewed:
                lines += f"route replace {destination} {how}\n"
        space.ip(lines, force=True)
        known = set(old.sources) if old else set()
        policies = {4: "", 6: ""}  # the one thing of which `ip` does not see by itself which version it is about
        for word, entries in (("delete", known - set(node.sources)), ("add", set(node.sources) - known)):
            for address, table in sorted(entries):
                version = 6 if ":" in address else 4
                policies[version] += f"rule {word} from {address} lookup {table} priority {table}\n"
        space.ip(policies[4], force=True)
        space.ip(policies[6], force=True, options=("-6",))
        if old is None or node.forwarding != old.forwarding:
            value = int(node.forwarding)
            space.sysctl({"ipv4/ip_forward": value, "ipv6/conf/all/forwarding": value})
        macs = {interface.name: interface.mac for interface in node.interfaces}
        for interface_name, cidr in missing:
            if interface_name not in renewed and ":" not in cidr:
                space.announce(interface_name, macs[interface_name], cidr.partition("/")[0])

    def _make_legs(self, wanted: Plan) -> None:
        fresh = [leg for leg in wanted.legs if leg not in self.made.legs]
        self._edge.ip(_deletions(leg.name for leg in self.made.legs if leg not in wanted.legs), force=True)
        self._bridges.ip("".join(_leg(leg, self._edge.path) for leg in fresh))
        lines = ""
        for leg in fresh:
            lines += "".join(f"address add {cidr} dev {leg.name}{_nodad(cidr)}\n" for cidr in leg.addresses)
            lines += f"link set {leg.name} up\n"
        self._edge.ip(lines)

    def _route(self, wanted: Plan) -> None:
        before, after = dict(self.made.announced), dict(wanted.announced)
        lines = "".join(f"route delete {cidr}\n" for cidr in before.keys() - after.keys())
        again = self.made.legs != wanted.legs
        for cidr, hop in after.items():
            if before.get(cidr) != hop or again:
                lines += f"route replace {cidr} via {hop}\n"
        self._edge.ip(lines, force=True)

    def _write(self, plan: Plan, doubtful: Iterable[str]) -> None:
        temporary = self._record.with_suffix(".new")
        temporary.write_text(json.dumps({"plan": asdict(plan), "doubtful": sorted(doubtful)}))
        temporary.replace(self._record)


def _meanwhile(made: Plan, wanted: Plan) -> Plan:
    """What can be relied on at any moment between two plans. A node that only gets other rules keeps what it has.
    Rules, chains of ports and routes that may or may not be there have nothing in them, which is never wanted."""
    nodes = {}
    for name, node in made.nodes.items():
        if name in wanted.nodes and replace(wanted.nodes[name], rules=node.rules) == node:
            nodes[name] = node if wanted.nodes[name] == node else replace(node, rules="")
    ports = {
        name: chain if made.ports.get(name) == wanted.ports.get(name) else replace(chain, lines=())
        for name, chain in {**made.ports, **wanted.ports}.items()
    }
    before, after = dict(made.announced), dict(wanted.announced)
    return Plan(
        tuple(bridge for bridge in made.bridges if bridge in wanted.bridges),
        nodes,
        ports,
        tuple(leg for leg in made.legs if leg in wanted.legs),
        tuple((cidr, hop if before.get(cidr) == after.get(cidr) else "") for cidr, hop in {**before, **after}.items()),
    )


def _identity(interface: Interface) -> tuple[str, str, str]:
    """What cannot be changed in an interface without making it anew."""
    return interface.name, interface.mac, interface.bridge


def _nodad(cidr: str) -> str:
    return " nodad" if ":" in cidr else ""


def _leg(leg: Leg, edge: str) -> str:
    return (
        f"link add {leg.name} mtu {leg.mtu} type veth peer name {leg.name} mtu {leg.mtu} netns {edge}\n"
        f"link set {leg.name} master {leg.bridge} up\n"
    )


def _deletions(names: Iterable[str]) -> str:
    return "".join(f"link delete {name}\n" for name in sorted(names))


def _load(record: Path) -> tuple[Plan, set[str]]:
    """The record; nothing when there is none, or none that this version understands: all is made anew then."""
    try:
        saved = json.loads(record.read_text())
        raw = saved["plan"]
        nodes = {name: _node(node) for name, node in raw["nodes"].items()}
        legs = tuple(Leg(leg["name"], leg["bridge"], leg["mtu"], tuple(leg["addresses"])) for leg in raw["legs"])
        ports = {
            name: rules.PortChain(chain["side"], chain["tap"], tuple(chain["lines"]))
            for name, chain in raw["ports"].items()
        }
        plan = Plan(_pairs(raw["bridges"]), nodes, ports, legs, _pairs(raw["announced"]))
        return plan, set(saved["doubtful"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return NOTHING, set()


def _node(raw: dict[str, Any]) -> Node:
    interfaces = tuple(Interface(**interface) for interface in raw["interfaces"])
    addresses, routes, sources = (_pairs(raw[name]) for name in ("addresses", "routes", "sources"))
    return Node(interfaces, addresses, routes, raw["forwarding"], raw["rules"], sources)


def _pairs(raw: Iterable[Iterable[object]]) -> tuple[tuple, ...]:
    return tuple(tuple(pair) for pair in raw)
