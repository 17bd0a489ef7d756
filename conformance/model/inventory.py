"""What a VNF consists of at one site, read back through the OpenStack API.

Only resources of the VNF (tagged with the run's id) are in it, plus the external networks they lean on. ``label`` is
the resource's name without the run's prefix: it means the same thing at every site, while ids and addresses differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Network:
    """``external`` networks belong to the site, not to the VNF, and are compared by role only."""

    id: str
    label: str
    mtu: int | None
    port_security: bool
    admin_up: bool
    external: bool = False
    qos_policy: str | None = None


@dataclass(frozen=True)
class Subnet:
    """``host_routes`` are (destination CIDR, next hop); ``pools`` are (first, last) addresses."""

    id: str
    label: str
    network_id: str
    cidr: str
    ip_version: int
    gateway_ip: str | None
    enable_dhcp: bool
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[tuple[str, str], ...] = ()
    pools: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Router:
    """``external_network_id`` is the gateway network; ``routes`` are (destination CIDR, next hop)."""

    id: str
    label: str
    admin_up: bool
    external_network_id: str | None = None
    snat: bool | None = None
    routes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SecurityGroupRule:
    """``remote_group_id`` and ``remote_prefix`` exclude each other; None on both means anybody."""

    direction: str
    ethertype: str
    protocol: str | None
    port_min: int | None
    port_max: int | None
    remote_prefix: str | None = None
    remote_group_id: str | None = None


@dataclass(frozen=True)
class SecurityGroup:
    """A group with its rules; the order of rules carries no meaning."""

    id: str
    label: str
    rules: tuple[SecurityGroupRule, ...]
    stateful: bool = True


@dataclass(frozen=True)
class Port:
    """``fixed_ips`` are (subnet id, address); ``allowed_address_pairs`` are (address or CIDR, MAC or None)."""

    id: str
    label: str
    network_id: str
    fixed_ips: tuple[tuple[str, str], ...]
    security_group_ids: tuple[str, ...]
    admin_up: bool
    port_security: bool
    device_owner: str
    device_id: str
    allowed_address_pairs: tuple[tuple[str, str | None], ...] = ()
    qos_policy: str | None = None
    status: str = ""


@dataclass(frozen=True)
class FloatingIp:
    """``port_id`` is the port it leads to."""

    id: str
    label: str
    address: str
    network_id: str
    port_id: str | None


@dataclass(frozen=True)
class Flavor:
    """Compared by size, not by id or name: ids differ between clouds."""

    vcpus: int
    ram_mib: int
    disk_gib: int


@dataclass(frozen=True)
class Image:
    """``digest`` is ``algorithm:hex`` as Glance states it (os_hash_algo, os_hash_value)."""

    id: str
    label: str
    digest: str | None


@dataclass(frozen=True)
class Volume:
    """``device`` is where the guest sees it."""

    id: str
    label: str
    size_gib: int
    status: str
    device: str | None = None
    server_id: str | None = None


@dataclass(frozen=True)
class Server:
    """``role`` is the blueprint's role; ``group_policy`` the server group's policy or None; ``serving`` is whether
    the guest itself answered when asked (None: it was not asked)."""

    id: str
    label: str
    role: str
    status: str
    flavor: Flavor
    image: Image | None
    port_ids: tuple[str, ...]
    volume_ids: tuple[str, ...]
    group_label: str | None
    group_policy: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    serving: bool | None = None


@dataclass(frozen=True)
class Inventory:
    """All of a VNF's resources at one site at one time (``taken_at``: CLOCK_MONOTONIC nanoseconds)."""

    site: str
    taken_at: int
    networks: tuple[Network, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    routers: tuple[Router, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    ports: tuple[Port, ...] = ()
    floating_ips: tuple[FloatingIp, ...] = ()
    servers: tuple[Server, ...] = ()
    volumes: tuple[Volume, ...] = ()
