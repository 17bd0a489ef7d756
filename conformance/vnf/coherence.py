"""Whether a blueprint's parts fit together: names that name something, addresses that exist, points that are ports.

Each check yields a sentence for each thing that does not fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from conformance.resources import closest

if TYPE_CHECKING:
    from conformance.vnf.blueprint import Blueprint


def troubles(blueprint: Blueprint) -> Iterator[str]:
    """What does not fit, a sentence each. The names come first, since the other checks look things up by them."""
    names = list(_unknown_names(blueprint))
    if names:
        return iter(names)
    checks = (_addresses, _other_addresses, _room, _ports, _stretched, _points)
    return chain.from_iterable(check(blueprint) for check in checks)


def _unknown_names(blueprint: Blueprint) -> Iterator[str]:
    for where, what, name, known in _references(blueprint):
        if name not in known:
            yield f"{where} names {what} {name!r}, which is not in this blueprint. {_help(name, known)}"


def _addresses(blueprint: Blueprint) -> Iterator[str]:
    """Of every member: in its network, and nobody else's."""
    owners: dict[tuple[str, int], str] = {}
    for label, role in blueprint.roles.items():
        for port in role.ports:
            length = blueprint.networks[port.network].prefix_length
            broadcast = 2 ** (32 - length) - 1
            for member in range(role.count):
                offset = port.offset + member
                mine = f"{label}-{member}"
                if offset >= broadcast:
                    yield (
                        f"roles.{label}: offset {offset} of {mine} does not fit into network {port.network!r}: "
                        f"a /{length} has addresses up to {broadcast - 1}."
                    )
                taken = owners.setdefault((port.network, offset), mine)
                if taken != mine:
                    yield f"{taken} and {mine} both have offset {offset} in network {port.network!r}."


def _other_addresses(blueprint: Blueprint) -> Iterator[str]:
    """What members may answer for besides, and what routes lead by: in their network, too."""
    for label, network in blueprint.networks.items():
        last = 2 ** (32 - network.prefix_length) - 2
        for offset in sorted(blueprint.offsets(label)):
            if offset > last:
                yield (
                    f"networks.{label}: offset {offset} of an allowed address pair or of a route does not fit: "
                    f"a /{network.prefix_length} has addresses up to {last}."
                )


def _room(blueprint: Blueprint) -> Iterator[str]:
    """Where every address of a network is spoken for, Neutron would give the cloud's own ports one of a guest's."""
    for label, network in blueprint.networks.items():
        hosts = range(1, 2 ** (32 - network.prefix_length) - 1)
        if blueprint.offsets(label).issuperset(hosts):
            yield (
                f"networks.{label}: all {len(hosts)} addresses of a /{network.prefix_length} are spoken for, and the "
                "cloud's own ports, of DHCP and the like, need one: make its prefix_length shorter."
            )


def _ports(blueprint: Blueprint) -> Iterator[str]:
    for label, role in blueprint.roles.items():
        for network, times in Counter(p.network for p in role.ports).items():
            if times > 1:
                yield f"roles.{label} has two ports in network {network!r}; one is the most."


def _stretched(blueprint: Blueprint) -> Iterator[str]:
    if blueprint.witness and blueprint.replication is None:
        yield "witness is for a VNF that is one cluster over three sites: it needs replication."


def _points(blueprint: Blueprint) -> Iterator[str]:
    for name in ("service", "management", "agents", "replication"):
        point = getattr(blueprint, name)
        if point is None:
            continue
        networks = [p.network for p in blueprint.roles[point.role].ports]
        if point.network not in networks:
            yield (
                f"{name} is in network {point.network!r}, but role {point.role!r} has no port there. "
                f"{_help(point.network, networks)}"
            )


def _references(b: Blueprint) -> Iterable[tuple[str, str, str, Iterable[str]]]:
    """Every name that stands for something else in the blueprint: where, what kind, the name, what it can
    be."""
    for label, network in b.networks.items():
        if network.router is not None:
            yield f"networks.{label}", "router", network.router, b.routers
        for route in network.host_routes:
            yield f"networks.{label}.host_routes", "network", route.network, [label]
    for label, router in b.routers.items():
        attached = [n for n, settings in b.networks.items() if settings.router == label]
        for route in router.routes:
            yield f"routers.{label}.routes", "network", route.network, attached
    for label, rules in b.security_groups.items():
        for rule in rules:
            if rule.remote_group is not None:
                yield f"security_groups.{label}", "security group", rule.remote_group, b.security_groups
    for label, role in b.roles.items():
        yield f"roles.{label}", "image", role.image, b.images
        yield f"roles.{label}", "flavor", role.flavor, b.flavors
        if role.health is not None:
            yield f"roles.{label}.health", "network", role.health.network, [port.network for port in role.ports]
        if role.server_group is not None:
            yield f"roles.{label}", "server group", role.server_group, b.server_groups
        for port in role.ports:
            yield f"roles.{label}.ports", "network", port.network, b.networks
            for group in port.security_groups:
                yield f"roles.{label}.ports", "security group", group, b.security_groups
    for role_label in b.witness:
        yield "witness", "role", role_label, b.roles
    for name in ("service", "management", "agents", "replication"):
        point = getattr(b, name)
        if point is None:
            continue
        yield name, "role", point.role, b.roles
        yield name, "network", point.network, b.networks


def _help(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    sentence = closest(name, names)
    return sentence if sentence.startswith("Known") else f"{sentence} Known: {', '.join(names)}."
