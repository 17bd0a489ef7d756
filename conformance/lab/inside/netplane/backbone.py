"""What surrounds the sites: each site's edge, its legs to the operator and to the other sites, its services' network.

The operator's namespace is the one this process was started in: from there the harness looks at everything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netplane.spaces import Netns
from netplane.wan.offloads import switch_off

RECORD = "netplane.json"


@dataclass(frozen=True)
class SiteRecord:
    """A site as the harness wrote it down. Addresses have no length, pools are CIDRs; ``number`` counts from 1."""

    name: str
    number: int
    database: str
    instances: str
    pools: tuple[str, ...]
    routed: tuple[str, ...]
    services: str
    api: str
    operator: tuple[str, ...]
    edge: tuple[str, ...]


def read_sites(directory: Path) -> list[SiteRecord]:
    """The sites of the lab in ``directory``."""
    raw = json.loads((directory / RECORD).read_text())
    return [
        SiteRecord(**{key: tuple(value) if isinstance(value, list) else value for key, value in site.items()})
        for site in raw["sites"]
    ]


class Edge:
    """A site's edge: everything from and to the site passes here, so cutting it cuts the site.

    It is as old as the lab. What makes it can be repeated after having been interrupted anywhere.
    """

    def __init__(self, site: SiteRecord, sites: Sequence[SiteRecord], spaces: Path) -> None:
        self._site = site
        self._others = [other for other in sites if other.number != site.number]
        self._spaces = spaces
        self._cut = spaces.parent / f"{site.name}.cut"  # exists while the site is cut
        self.space = Netns(spaces, f"edge-{site.name}")
        self.space.sysctl({"ipv4/ip_forward": 1, "ipv6/conf/all/forwarding": 1})
        own = site.routed
        self.space.ip("".join(f"route replace unreachable {cidr} metric 4096\n" for cidr in own))

    @property
    def open(self) -> bool:
        """Whether anything passes."""
        return not self._cut.exists()

    def join(self, operator: Netns, wan: Netns) -> None:
        """Make the legs to the operator and towards the other sites, and all routes."""
        site = self._site
        there = set(self.space.links())
        lines, outer = "", ""
        if "op0" not in there:
            self.space.ip(f"link add op0 type veth peer name op{site.number} netns {operator.path}\n")
        for own, theirs in zip(site.edge, site.operator, strict=True):
            lines += _address(own, "op0")
            outer += _address(theirs, f"op{site.number}")
        outer += f"link set op{site.number} up\n"
        for cidr in site.routed:
            outer += f"route replace {cidr} via {site.edge[':' in cidr]}\n"
        for other in self._others:
            name, peer = f"wan{other.number}", f"w{site.number}-{other.number}"
            if name not in there:
                self.space.ip(f"link add {name} type veth peer name {peer} netns {wan.path}\n")
            wan.ip(f"link set {peer} up\n")
            lines += "".join(_address(own, name) for own in _wan_addresses(site.number, other.number, site.number))
            with self.space.inside():
                switch_off(name)
        self.space.ip(lines)
        self.set_open(self.open)
        operator.ip(outer)

    def set_open(self, opened: bool) -> None:
        """Cut or rejoin the site: the operator's leg and all legs to other sites at once."""
        legs = ["op0", *(f"wan{other.number}" for other in self._others)]
        if not opened:
            self._cut.touch()
        lines = "".join(f"link set {name} {'up' if opened else 'down'}\n" for name in legs)
        for other in self._others if opened else ():  # a leg that goes down loses its routes
            hops = [hop.partition("/")[0] for hop in _wan_addresses(self._site.number, other.number, other.number)]
            for cidr in other.routed:
                lines += f"route replace {cidr} via {hops[':' in cidr]} dev wan{other.number}\n"
        self.space.ip(lines)
        if opened:
            self._cut.unlink(missing_ok=True)

    def make_services(self) -> Netns:
        """The namespace of the site's APIs and databases, joined to the edge."""
        services = Netns(self._spaces, f"services-{self._site.name}")
        network, _, length = self._site.services.partition("/")
        gateway = f"{network.rpartition('.')[0]}.1"
        if "eth0" not in services.links():
            self.space.ip("link delete svc0\n", force=True)
            self.space.ip(f"link add svc0 type veth peer name eth0 netns {services.path}\n")
        self.space.ip(f"address replace {gateway}/{length} dev svc0\nlink set svc0 up\n")
        services.ip(
            f"address replace {self._site.api}/{length} dev eth0\nlink set eth0 up\n"
            f"route replace default via {gateway}\n"
        )
        return services


def _wan_addresses(here: int, there: int, end: int) -> tuple[str, str]:
    """Addresses (IPv4, IPv6) of the path between two sites at the site number ``end``."""
    low, high = sorted((here, there))
    host = 1 if end == low else 2
    return f"100.65.{low}.{4 * high + host}/30", f"fd65:0:{low}:{high}::{host}/64"


def _address(address: str, device: str) -> str:
    """The line that adds an address; without a length it is one of an operator's leg."""
    length = "" if "/" in address else "/64" if ":" in address else "/30"
    return f"address replace {address}{length} dev {device}{' nodad' if ':' in address else ''}\n"
