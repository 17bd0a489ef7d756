"""What Neutron says about one site, read from its database in one transaction."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMPUTE = "compute:"
ROUTER = "network:router"
GATEWAY = "network:router_gateway"


@dataclass(frozen=True)
class Network:
    """A network; ``external`` ones lead to the site's edge."""

    id: str
    mtu: int
    up: bool
    external: bool


@dataclass(frozen=True)
class Subnet:
    """A subnet; ``routes`` are (destination, next hop) for its guests, ``dns`` their name servers."""

    id: str
    network: str
    cidr: str
    gateway: str | None
    version: int
    routes: tuple[tuple[str, str], ...] = ()
    dhcp: bool = False
    dns: tuple[str, ...] = ()

    @property
    def length(self) -> str:
        """Prefix length."""
        return self.cidr.rpartition("/")[2]


@dataclass(frozen=True)
class Port:
    """A port. ``addresses`` are (address, subnet id), ``pairs`` (MAC, address or CIDR) that it may also use."""

    id: str
    network: str
    mac: str
    up: bool
    device: str
    owner: str
    secured: bool
    addresses: tuple[tuple[str, str], ...] = ()
    groups: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Rule:
    """A security group rule, in Neutron's words (``protocol`` may be a number)."""

    group: str
    direction: str
    ethertype: str
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    prefix: str | None = None
    remote_group: str | None = None
    remote_addresses: str | None = None


@dataclass(frozen=True)
class Router:
    """A router; ``routes`` are (destination, next hop)."""

    id: str
    up: bool
    gateway_port: str | None
    snat: bool
    routes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FloatingIp:
    """A floating IP that is in use."""

    address: str
    fixed: str
    router: str


@dataclass(frozen=True)
class Limit:
    """A bandwidth limit of a port, kbit/s and kbit; ``direction`` is the guest's (egress: what it sends)."""

    port: str
    direction: str
    rate: int
    burst: int


@dataclass(frozen=True)
class State:
    """All of it."""

    networks: dict[str, Network]
    subnets: dict[str, Subnet]
    ports: dict[str, Port]  # the oldest first
    rules: tuple[Rule, ...]
    stateless: frozenset[str]  # security groups without connection tracking
    address_groups: dict[str, tuple[str, ...]]
    routers: tuple[Router, ...]
    floating_ips: tuple[FloatingIp, ...]
    limits: tuple[Limit, ...]


class Database:
    """Neutron's database, watched: ``changed()`` costs a few microseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._version: int | None = None

    def changed(self) -> bool:
        """Whether anything was committed since the last call; False while there is no database to be read."""
        try:
            return self._look()
        except sqlite3.Error:  # it is being put there
            self.close()
            return False

    def _look(self) -> bool:
        try:
            inode = os.stat(self._path).st_ino
        except FileNotFoundError:
            self.close()
            return False
        if self._connection is None or inode != self._inode:
            self.close()
            self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None, timeout=5)
            self._connection.row_factory = sqlite3.Row
            self._inode = inode
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return False
        self._version = version
        return True

    def close(self) -> None:
        """Forget the connection: another database may take its place."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._version = None, None

    def read(self) -> State | None:
        """What it says now, or None when there is no database."""
        if self._connection is None:
            return None
        self._connection.execute("BEGIN")
        try:
            return _state(self._connection)
        finally:
            self._connection.execute("COMMIT")


def _state(database: sqlite3.Connection) -> State:
    def rows(query: str) -> list[Any]:
        return database.execute(query).fetchall()

    def gathered(query: str) -> dict[str, tuple[Any, ...]]:
        """First column → tuple of the others."""
        found: dict[str, list[Any]] = {}
        for key, *values in rows(query):
            found.setdefault(key, []).append(values[0] if len(values) == 1 else tuple(values))
        return {key: tuple(values) for key, values in found.items()}

    subnet_routes = gathered("SELECT subnet_id, destination, nexthop FROM subnetroutes ORDER BY 1, 2, 3")
    name_servers = gathered('SELECT subnet_id, address FROM dnsnameservers ORDER BY subnet_id, "order"')
    addresses = gathered(
        "SELECT port_id, ip_address, subnet_id FROM ipallocations WHERE port_id IS NOT NULL ORDER BY rowid"
    )
    groups = gathered("SELECT port_id, security_group_id FROM securitygroupportbindings ORDER BY 1, 2")
    pairs = gathered("SELECT port_id, mac_address, ip_address FROM allowedaddresspairs ORDER BY 1, 2, 3")
    router_routes = gathered("SELECT router_id, destination, nexthop FROM routerroutes ORDER BY 1, 2, 3")
    return State(
        networks={
            row[0]: Network(row[0], row[1], bool(row[2]), row[3] is not None)
            for row in rows(
                "SELECT n.id, n.mtu, n.admin_state_up, e.network_id FROM networks n"
                " LEFT JOIN externalnetworks e ON e.network_id = n.id"
            )
        },
        subnets={
            row[0]: Subnet(*row[:5], subnet_routes.get(row[0], ()), bool(row[5]), name_servers.get(row[0], ()))
            for row in rows("SELECT id, network_id, cidr, gateway_ip, ip_version, enable_dhcp FROM subnets")
        },
        ports={
            row[0]: Port(
                row[0],
                row[1],
                row[2],
                bool(row[3]),
                row[4] or "",
                row[5] or "",
                bool(row[6]),
                addresses.get(row[0], ()),
                groups.get(row[0], ()),
                pairs.get(row[0], ()),
            )
            for row in rows(
                "SELECT p.id, p.network_id, p.mac_address, p.admin_state_up, p.device_id, p.device_owner,"
                " coalesce(b.port_security_enabled, 1) FROM ports p"
                " JOIN standardattributes a ON a.id = p.standard_attr_id"
                " LEFT JOIN portsecuritybindings b ON b.port_id = p.id ORDER BY a.created_at, p.id"
            )
        },
        rules=tuple(
            Rule(*row)
            for row in rows(
                "SELECT security_group_id, direction, ethertype, protocol, port_range_min, port_range_max,"
                " remote_ip_prefix, remote_group_id, remote_address_group_id FROM securitygrouprules ORDER BY id"
            )
        ),
        stateless=frozenset(row[0] for row in rows("SELECT id FROM securitygroups WHERE NOT stateful")),
        address_groups=gathered("SELECT address_group_id, address FROM address_associations ORDER BY 1, 2"),
        routers=tuple(
            Router(row[0], bool(row[1]), row[2], bool(row[3]), router_routes.get(row[0], ()))
            for row in rows("SELECT id, admin_state_up, gw_port_id, enable_snat FROM routers ORDER BY id")
        ),
        floating_ips=tuple(
            FloatingIp(*row)
            for row in rows(
                "SELECT floating_ip_address, fixed_ip_address, router_id FROM floatingips"
                " WHERE fixed_port_id IS NOT NULL AND router_id IS NOT NULL ORDER BY 1"
            )
        ),
        limits=_limits(rows),
    )


def _limits(rows: Any) -> tuple[Limit, ...]:
    """Bandwidth limits: a port's own policy, else its network's."""
    found = {}
    for source in (
        "SELECT p.id, r.direction, r.max_kbps, r.max_burst_kbps FROM ports p"
        " JOIN qos_network_policy_bindings b ON b.network_id = p.network_id"
        " JOIN qos_bandwidth_limit_rules r ON r.qos_policy_id = b.policy_id",
        "SELECT b.port_id, r.direction, r.max_kbps, r.max_burst_kbps FROM qos_port_policy_bindings b"
        " JOIN qos_bandwidth_limit_rules r ON r.qos_policy_id = b.policy_id",
    ):
        own = [Limit(port, direction, rate, burst or 0) for port, direction, rate, burst in rows(source)]
        named = {limit.port for limit in own}
        found = {key: limit for key, limit in found.items() if key[0] not in named}
        found.update({(limit.port, limit.direction): limit for limit in own})
    return tuple(found[key] for key in sorted(found))
