"""What an address means at its site, so that addresses of two sites can be compared.

The declared translation moves a subnet from its site's tenant pool to the other's: its prefix length stays,
and so does every address's offset in it. So an address is taken for what it is relative to: one of the VNF's
own subnets, else its site's pool, else the other site's pool; everything else means the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from conformance.model import Inventory, ScenarioInfo

Network = IPv4Network | IPv6Network
_ANYBODY = frozenset({ip_network("0.0.0.0/0"), ip_network("::/0")})


@dataclass(frozen=True)
class Place:
    """An address or prefix: relative to ``base`` (``subnet``, ``own pool``, ``peer pool``, ``pool of
    <site>`` or ``everywhere``) at ``offset`` with ``length`` bits; ``subnet_ids`` are the VNF's subnets
    that hold it."""

    base: str
    offset: int
    length: int
    subnet_ids: tuple[str, ...] = ()


def anybody(prefix: str | None) -> bool:
    """Whether a rule's remote prefix leaves nobody out."""
    return prefix is None or ip_network(prefix, strict=False) in _ANYBODY


def _inside(inner: Network, outer: Network) -> bool:
    # The version is looked at first: ipaddress refuses to compare prefixes of different versions.
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


class Addressing:
    """The translation as it applies to the addresses of one inventory. A malformed address raises
    ValueError."""

    def __init__(self, inventory: Inventory, info: ScenarioInfo) -> None:
        own, first, second = inventory.site, info.first_site, info.second_site
        roles = {own: "own pool", second if own == first else first: "peer pool"}
        pools = {site: ip_network(pool) for site, pool in info.tenant_pools.items()}
        self._subnets = {s.id: ip_network(s.cidr, strict=False) for s in inventory.subnets}
        self._pools: Mapping[str, Network] = {roles.get(site, f"pool of {site}"): pool for site, pool in pools.items()}

    def shape(self, cidr: str) -> Place:
        """What a subnet's CIDR must have in common with its counterpart's: in the tenant pool the prefix
        length only, for where in the pool a subnet is carved is the site's affair; outside of it the CIDR
        itself."""
        network = ip_network(cidr, strict=False)
        pool = self._pools.get("own pool")
        if pool is not None and _inside(network, pool):
            return Place("own pool", 0, network.prefixlen)
        return self._elsewhere(network)

    def place(self, text: str) -> Place:
        """What an address or prefix means."""
        network = ip_network(text, strict=False)
        holding = {i: subnet for i, subnet in self._subnets.items() if _inside(network, subnet)}
        if holding:
            closest = max(subnet.prefixlen for subnet in holding.values())
            ids = tuple(i for i, subnet in holding.items() if subnet.prefixlen == closest)
            offset = int(network.network_address) - int(holding[ids[0]].network_address)
            return Place("subnet", offset, network.prefixlen, ids)
        return self._elsewhere(network)

    def offset(self, subnet_id: str, address: str) -> int | None:
        """An address's offset in one subnet; None when the address is not in it or the subnet is not
        known."""
        subnet, network = self._subnets.get(subnet_id), ip_network(address)
        if subnet is None or not _inside(network, subnet):
            return None
        return int(network.network_address) - int(subnet.network_address)

    def _elsewhere(self, network: Network) -> Place:
        for base, pool in self._pools.items():
            if _inside(network, pool):
                return Place(base, int(network.network_address) - int(pool.network_address), network.prefixlen)
        return Place("everywhere", int(network.network_address), network.prefixlen)
