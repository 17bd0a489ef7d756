"""Addresses of the lab. In loopback mode everything of a site lives in one 127.<octet>.0.0/16:

===================  ======================================================================
127.O.0.0/17         tenant pool: subnets of guests' networks are taken from here
127.O.192.0/19       the external network ``public`` (floating IPs, API records only)
127.O.254.1          where the harness' link proxies listen for the guests of the site
127.O.255.1          the APIs, at their standard ports
===================  ======================================================================

A lab has a slot, and the slot its octets: slot 0 has 11..20, slot 1 has 21..30, and so on.

In namespaces mode nobody else is on the lab's network, so that sites of all labs have the same addresses, by number:

=====================  ====================================================================
10.N.0.0/16            tenant pool, routed by the site's edge; fd10:0:N::/48 for IPv6
198.18.(16 N).0/20     the external network ``public``; its gateway is the site's edge; fd18:0:N::/64 for IPv6
100.64.N.0/24          the site's services, the APIs at .10
100.66.N.0/30          the operator (.1, the harness) and the site's edge (.2)
100.65.I.(4 J)/30      the WAN between the sites I < J
=====================  ====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_OCTET = 11
SITES_PER_SLOT = 10
SLOTS = 24

PORTS = {
    "keystone": 5000,
    "placement": 8778,
    "glance": 9292,
    "neutron": 9696,
    "cinder": 8776,
    "nova": 8774,
}
"""API port of each service, in the order in which they are shown."""


@dataclass(frozen=True)
class SiteAddresses:
    """Addresses of one site (IPv4 strings, CIDRs in prefix notation), in loopback mode."""

    octet: int

    @property
    def packets(self) -> bool:
        """Whether there are packets behind the records of the API."""
        return False

    @property
    def key(self) -> str:
        """What keeps the databases of sites with other addresses apart."""
        return str(self.octet)

    @property
    def api(self) -> str:
        """Address of all APIs."""
        return f"127.{self.octet}.255.1"

    @property
    def link(self) -> str:
        """Address for link proxies."""
        return f"127.{self.octet}.254.1"

    @property
    def tenant_pool(self) -> str:
        """CIDR from which subnets of guests are taken."""
        return f"127.{self.octet}.0.0/17"

    @property
    def external(self) -> str:
        """CIDR of the external network."""
        return f"127.{self.octet}.192.0/19"

    @property
    def external6(self) -> str | None:
        """Its IPv6 sibling; none in loopback mode."""
        return None

    def url(self, service: str) -> str:
        """Base URL of a service's API, without a path."""
        return f"http://{self.api}:{PORTS[service]}"


@dataclass(frozen=True)
class NamespaceAddresses(SiteAddresses):
    """Addresses of the site number ``number`` (from 1) in namespaces mode."""

    number: int

    @property
    def packets(self) -> bool:
        """Whether there are packets behind the records of the API."""
        return True

    @property
    def key(self) -> str:
        """What keeps the databases of sites with other addresses apart."""
        return f"{self.octet}-namespaces"

    @property
    def api(self) -> str:
        """Address of all APIs."""
        return f"100.64.{self.number}.10"

    @property
    def services(self) -> str:
        """CIDR of the network of the APIs."""
        return f"100.64.{self.number}.0/24"

    @property
    def link(self) -> str:
        """Address for link proxies: the operator's, as the site sees it."""
        return self.operator[0]

    @property
    def operator(self) -> tuple[str, str]:
        """The operator's addresses (IPv4, IPv6) on the leg to the site's edge."""
        return f"100.66.{self.number}.1", f"fd66:0:{self.number}::1"

    @property
    def edge(self) -> tuple[str, str]:
        """The edge's addresses on that leg."""
        return f"100.66.{self.number}.2", f"fd66:0:{self.number}::2"

    @property
    def tenant_pool(self) -> str:
        """CIDR from which subnets of guests are taken."""
        return f"10.{self.number}.0.0/16"

    @property
    def tenant_pool6(self) -> str:
        """Its IPv6 sibling."""
        return f"fd10:0:{self.number}::/48"

    @property
    def external(self) -> str:
        """CIDR of the external network."""
        return f"198.18.{16 * self.number}.0/20"

    @property
    def external6(self) -> str:
        """Its IPv6 sibling."""
        return f"fd18:0:{self.number}::/64"


def site_addresses(slot: int, index: int, *, packets: bool = False) -> SiteAddresses:
    """Addresses of the site number ``index`` (from 0) of the lab in ``slot``; ``packets``: in namespaces mode."""
    if not (0 <= slot < SLOTS and 0 <= index < SITES_PER_SLOT):
        raise ValueError(f"slot {slot}, site {index}: there are {SLOTS} slots of {SITES_PER_SLOT} sites")
    octet = FIRST_OCTET + slot * SITES_PER_SLOT + index
    return NamespaceAddresses(octet, index + 1) if packets else SiteAddresses(octet)
