"""The VNF at the first site and at the second, side by side. Whether they are the same is for the checkers to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.model import Inventory, ScenarioRecord
from conformance.model.inventory import Server


@dataclass(frozen=True)
class Pair:
    """One resource at both sites in words; None where a site has none of that label."""

    kind: str
    label: str
    first: str | None
    second: str | None


@dataclass(frozen=True)
class Cell:
    """One property of a VM at both sites."""

    first: str
    second: str

    @property
    def differs(self) -> bool:
        """Whether the two are written differently."""
        return self.first != self.second


@dataclass(frozen=True)
class Machine:
    """A VM at both sites: its label and, by column, what it is like there."""

    label: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Comparison:
    """Both inventories: their names in the run folder, resources of the network in pairs, and the VMs."""

    first_name: str
    second_name: str
    first_site: str
    second_site: str
    network: tuple[Pair, ...]
    machines: tuple[Machine, ...]


def compare(record: ScenarioRecord) -> Comparison | None:
    """The first inventory of the first site beside the last of the second; None when one of them was never taken."""
    by_time = sorted(record.inventories.items(), key=lambda item: item[1].taken_at)
    first = next((item for item in by_time if item[1].site == record.info.first_site), None)
    second = next((item for item in reversed(by_time) if item[1].site == record.info.second_site), None)
    if first is None or second is None:
        return None
    return Comparison(
        first_name=first[0],
        second_name=second[0],
        first_site=first[1].site,
        second_site=second[1].site,
        network=tuple(_network(first[1], second[1])),
        machines=tuple(_machines(first[1], second[1])),
    )


def _network(first: Inventory, second: Inventory) -> Iterable[Pair]:
    for kind, describe in _KINDS.items():
        left, right = dict(describe(first)), dict(describe(second))
        for label in sorted(left.keys() | right.keys()):
            yield Pair(kind, label, left.get(label), right.get(label))


Described = Iterable[tuple[str, str]]


def _networks(inventory: Inventory) -> Described:
    for network in inventory.networks:
        security = "on" if network.port_security else "off"
        parts = [f"MTU {network.mtu or 'unknown'}", f"port security {security}"]
        flags = {"external": network.external, "down": not network.admin_up, "qos": network.qos_policy}
        yield network.label, _joined(parts, **flags)


def _subnets(inventory: Inventory) -> Described:
    networks = {n.id: n.label for n in inventory.networks}
    for subnet in inventory.subnets:
        parts = [
            subnet.cidr,
            f"of {networks.get(subnet.network_id, subnet.network_id)}",
            f"gateway {subnet.gateway_ip or 'none'}",
            f"DHCP {'on' if subnet.enable_dhcp else 'off'}",
            *(f"DNS {server}" for server in subnet.dns_nameservers),
            *(f"route {destination} via {hop}" for destination, hop in subnet.host_routes),
        ]
        yield subnet.label, _joined(parts)


def _routers(inventory: Inventory) -> Described:
    networks = {n.id: n.label for n in inventory.networks}
    for router in inventory.routers:
        out = router.external_network_id
        parts = [
            f"gateway {networks.get(out, out)}" if out else "no gateway",
            *([] if router.snat is None else [f"SNAT {'on' if router.snat else 'off'}"]),
            *(f"route {destination} via {hop}" for destination, hop in router.routes),
        ]
        yield router.label, _joined(parts, down=not router.admin_up)


def _groups(inventory: Inventory) -> Described:
    groups = {g.id: g.label for g in inventory.security_groups}
    for group in inventory.security_groups:
        rules = sorted(
            f"{rule.direction} {rule.ethertype} {rule.protocol or 'any'}{_ports(rule.port_min, rule.port_max)}"
            f" {rule.remote_prefix or groups.get(rule.remote_group_id or '', rule.remote_group_id) or 'anybody'}"
            for rule in group.rules
        )
        yield group.label, _joined(rules or ["no rules"], stateless=not group.stateful)


def _ports(low: int | None, high: int | None) -> str:
    if low is None:
        return ""
    return f"/{low}" if low == high else f"/{low}–{high}"


def _port(inventory: Inventory) -> Described:
    networks = {n.id: n.label for n in inventory.networks}
    groups = {g.id: g.label for g in inventory.security_groups}
    for port in inventory.ports:
        parts = [
            f"on {networks.get(port.network_id, port.network_id)}",
            *(address for _, address in port.fixed_ips),
            *(f"group {groups.get(g, g)}" for g in port.security_group_ids),
            *(f"may use {address}" for address, _ in port.allowed_address_pairs),
        ]
        yield port.label, _joined(parts, down=not port.admin_up, qos=port.qos_policy, insecure=not port.port_security)


def _floating(inventory: Inventory) -> Described:
    ports = {p.id: p.label for p in inventory.ports}
    for floating in inventory.floating_ips:
        yield floating.label, f"{floating.address} to {ports.get(floating.port_id or '', 'nothing')}"


_KINDS: Mapping[str, Callable[[Inventory], Described]] = {
    "network": _networks,
    "subnet": _subnets,
    "router": _routers,
    "security group": _groups,
    "port": _port,
    "floating IP": _floating,
}


def _joined(parts: Iterable[str], **flags: Any) -> str:
    words = {"insecure": "port security off", "down": "administratively down"}
    said = [f"QoS {value}" if name == "qos" else words.get(name, name) for name, value in flags.items() if value]
    return ", ".join([*parts, *said])


def _machines(first: Inventory, second: Inventory) -> Iterable[Machine]:
    left = {s.label: _machine(s, first) for s in first.servers}
    right = {s.label: _machine(s, second) for s in second.servers}
    absent = dict.fromkeys(("role", "flavor", "image", "volumes", "affinity", "ports", "status", "serving"), "absent")
    for label in sorted(left.keys() | right.keys()):
        here, there = left.get(label, absent), right.get(label, absent)
        yield Machine(label, {column: Cell(here[column], there[column]) for column in absent})


def _machine(server: Server, inventory: Inventory) -> dict[str, str]:
    volumes = {v.id: v for v in inventory.volumes}
    sizes = [f"{volumes[v].label} {volumes[v].size_gib}\u00a0GiB" if v in volumes else v for v in server.volume_ids]
    digest = server.image.digest if server.image else None
    size = server.flavor
    return {
        "role": server.role,
        "flavor": f"{size.vcpus}\u00a0vCPU, {size.ram_mib}\u00a0MiB, {size.disk_gib}\u00a0GiB",
        "image": f"{server.image.label} {_short(digest)}" if server.image else "none",
        "volumes": ", ".join(sorted(sizes)) or "none",
        "affinity": f"{server.group_label}: {server.group_policy}" if server.group_label else "none",
        "ports": str(len(server.port_ids)),
        "status": server.status,
        "serving": {True: "yes", False: "no", None: "not asked"}[server.serving],
    }


def _short(digest: str | None) -> str:
    if not digest:
        return "(no digest)"
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}…" if value else digest
