"""The Neutron half of a VNF: networks, routers, security groups and ports."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from openstack.connection import Connection

from conformance.errors import UsageError
from conformance.locking import one_at_a_time
from conformance.vnf.addressing import address_at, pick_subnets, ranges_without
from conformance.vnf.blueprint import NetworkSettings, RouteSettings, RuleSettings
from conformance.vnf.build import Build

_BULK_TAGS = "tag-ports-during-bulk-creation"


@dataclass(frozen=True)
class BuiltNetwork:
    """A network with its one subnet."""

    network_id: str
    subnet_id: str
    cidr: IPv4Network


@dataclass(frozen=True)
class BuiltPort:
    """A port that waits for its server."""

    id: str
    address: str


def build_networks(build: Build, workers: Executor) -> dict[str, BuiltNetwork]:
    """Create the networks, each with a free subnet of the site's pool, all at once."""
    pool = build.site.spec.tenant_pool
    lengths = {label: n.prefix_length for label, n in build.blueprint.networks.items()}
    # From the look at what is free until it is taken: scenarios side by side deploy at the same moment.
    with one_at_a_time(f"subnets of {pool} at {build.site.auth_url} {build.site.region_name}"):
        with build.site.asking("list the subnets in use") as cloud:
            taken = [IPv4Network(s.cidr) for s in cloud.network.subnets(ip_version=4)]
        cidrs = pick_subnets(pool, lengths, taken, build.tag)
        running = {
            label: workers.submit(_build_network, build, label, settings, cidrs[label])
            for label, settings in build.blueprint.networks.items()
        }
        return {label: future.result() for label, future in running.items()}


def _build_network(build: Build, label: str, settings: NetworkSettings, cidr: IPv4Network) -> BuiltNetwork:
    with build.site.asking(f"create network {label}") as cloud:
        mtu = {} if settings.mtu is None else {"mtu": settings.mtu}
        network = cloud.network.create_network(**build.marks(label), **mtu)
        _tag(cloud, network, build)
    with build.site.asking(f"create subnet {label} ({cidr})") as cloud:
        subnet = cloud.network.create_subnet(
            **build.marks(label),
            network_id=network.id,
            ip_version=4,
            cidr=str(cidr),
            gateway_ip=str(address_at(cidr, 1)) if settings.router else None,
            # Neutron gives the cloud's own ports, of DHCP and the like, any address of these: never a guest's.
            allocation_pools=[
                {"start": str(first), "end": str(last)}
                for first, last in ranges_without(cidr, build.blueprint.offsets(label))
            ],
            # Loopback addresses are this machine's own: Neutron refuses to serve DHCP for them, and nobody
            # needs it.
            enable_dhcp=not cidr.is_loopback,
            dns_nameservers=[str(address) for address in settings.dns],
            host_routes=_routes(settings.host_routes, {label: cidr}),
        )
        _tag(cloud, subnet, build)
    return BuiltNetwork(network.id, subnet.id, cidr)


def check_external_network(build: Build) -> None:
    """UsageError when the VNF wants an external network and the sites file names none for this site."""
    wanting = [label for label, router in build.blueprint.routers.items() if router.external]
    if wanting and build.site.spec.external_network is None:
        raise UsageError(
            f"Router {wanting[0]!r} of blueprint {build.blueprint.name} leads to the external network, and "
            "the sites file "
            f"names none for {build.site.name}: add 'external_network: NAME' to sites.{build.site.name}."
        )


def build_routers(build: Build, networks: Mapping[str, BuiltNetwork]) -> None:
    """Create the routers with their gateways, interfaces and routes."""
    for label, settings in build.blueprint.routers.items():
        attached = {n: networks[n] for n, s in build.blueprint.networks.items() if s.router == label}
        with build.site.asking(f"create router {label}") as cloud:
            gateway = {"external_gateway_info": {"network_id": _external(build, cloud)}} if settings.external else {}
            router = cloud.network.create_router(**build.marks(label), **gateway)
            _tag(cloud, router, build)
            for network in attached.values():
                cloud.network.add_interface_to_router(router, subnet=network.subnet_id)
            if settings.routes:
                cidrs = {n: network.cidr for n, network in attached.items()}
                cloud.network.update_router(router, routes=_routes(settings.routes, cidrs))


def _external(build: Build, cloud: Connection) -> str:
    name = str(build.site.spec.external_network)
    network = cloud.network.find_network(name)
    if network is None:
        known = [n.name for n in cloud.network.networks(is_router_external=True)]
        raise UsageError(
            f"The sites file says that {build.site.name} has an external network {name!r}; the cloud knows "
            f"{', '.join(map(repr, known)) or 'none'}."
        )
    return str(network.id)


def build_security_groups(build: Build) -> dict[str, str]:
    """Create the security groups, and then their rules, since rules name groups. Returns ids by label."""
    ids: dict[str, str] = {}
    for label in build.blueprint.security_groups:
        with build.site.asking(f"create security group {label}") as cloud:
            group = cloud.network.create_security_group(**build.marks(label))
            _tag(cloud, group, build)
            ids[label] = group.id
    for label, rules in build.blueprint.security_groups.items():
        if rules:
            with build.site.asking(f"create the rules of security group {label}") as cloud:
                # Neutron takes the rules of one group in one call; the answer is a generator that has to be read.
                list(cloud.network.create_security_group_rules([_rule(r, ids[label], ids) for r in rules]))
    return ids


def _rule(rule: RuleSettings, group_id: str, ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "security_group_id": group_id,
        "direction": rule.direction,
        "ethertype": "IPv4",
        "protocol": rule.protocol,
        "port_range_min": rule.port,
        "port_range_max": rule.port if rule.port_max is None else rule.port_max,
        "remote_group_id": ids[rule.remote_group] if rule.remote_group else None,
        "remote_ip_prefix": str(rule.remote_prefix) if rule.remote_prefix else None,
    }


def build_ports(
    build: Build, networks: Mapping[str, BuiltNetwork], groups: Mapping[str, str]
) -> dict[str, dict[str, BuiltPort]]:
    """Create all ports in one call. Returns them by member (``frontend-1``) and network, in the blueprint's
    order."""
    wanted = [
        (f"{role}-{member}", port, networks[port.network], port.offset + member)
        for role, settings in build.blueprint.roles.items()
        for member in settings.members
        for port in settings.ports
    ]
    bodies = [
        {
            **build.marks(f"{guest}-{port.network}"),
            "network_id": network.network_id,
            "fixed_ips": [{"subnet_id": network.subnet_id, "ip_address": str(address_at(network.cidr, offset))}],
            "security_groups": [groups[g] for g in port.security_groups],
            "allowed_address_pairs": [
                {"ip_address": str(address_at(network.cidr, pair))} for pair in port.allowed_address_pairs
            ],
        }
        for guest, port, network, offset in wanted
    ]
    with build.site.asking("create the ports") as cloud:
        if cloud.network.find_extension(_BULK_TAGS) is not None:
            created = list(cloud.network.create_ports([{**body, "tags": [build.tag]} for body in bodies]))
        else:
            created = list(cloud.network.create_ports(bodies))
            for port in created:
                _tag(cloud, port, build)
    by_name = {port.name: port for port in created}
    built: dict[str, dict[str, BuiltPort]] = {}
    for guest, settings, network, offset in wanted:
        port = by_name[build.name(f"{guest}-{settings.network}")]
        built.setdefault(guest, {})[settings.network] = BuiltPort(port.id, str(address_at(network.cidr, offset)))
    return built


def _routes(routes: tuple[RouteSettings, ...], cidrs: Mapping[str, IPv4Network]) -> list[dict[str, str]]:
    return [{"destination": str(r.destination), "nexthop": str(address_at(cidrs[r.network], r.offset))} for r in routes]


def _tag(cloud: Connection, resource: Any, build: Build) -> None:
    """Neutron takes tags only of what exists; until then, name and description say whose it is."""
    cloud.network.set_tags(resource, [build.tag])
