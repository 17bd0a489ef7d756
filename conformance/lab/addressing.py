"""Addresses of the lab: everything of a site lives in one 127.<octet>.0.0/16, on the loopback interface.

===================  ======================================================================
127.O.0.0/17         tenant pool: subnets of guests' networks are taken from here
127.O.192.0/19       the external network ``public`` (floating IPs, API records only)
127.O.254.1          where the harness' link proxies listen for the guests of the site
127.O.255.1          the APIs, at their standard ports
===================  ======================================================================

A lab has a slot, and the slot its octets: slot 0 has 11..20, slot 1 has 21..30, and so on.
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
    """Addresses of one site (IPv4 strings, CIDRs in prefix notation)."""

    octet: int

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

    def url(self, service: str) -> str:
        """Base URL of a service's API, without a path."""
        return f"http://{self.api}:{PORTS[service]}"


def site_addresses(slot: int, index: int) -> SiteAddresses:
    """Addresses of the site number ``index`` (from 0) of the lab in ``slot``."""
    if not (0 <= slot < SLOTS and 0 <= index < SITES_PER_SLOT):
        raise ValueError(f"slot {slot}, site {index}: there are {SLOTS} slots of {SITES_PER_SLOT} sites")
    return SiteAddresses(FIRST_OCTET + slot * SITES_PER_SLOT + index)
