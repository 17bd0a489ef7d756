"""One site as netd drives it: up or down, cut or not, and what Neutron says brought into force."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from netplane import dhcp, topology
from netplane.backbone import Edge, SiteRecord
from netplane.neutron import Database
from netplane.spaces import Netns
from netplane.wiring import Fabric

ON, FROZEN = "on", "frozen"  # files in a server's directory while its guest is switched on, and while it is paused


class Site:
    """A site of the lab. ``passes`` counts reconciliations that changed something."""

    def __init__(self, record: SiteRecord, sites: Sequence[SiteRecord], spaces: Path) -> None:
        self.record = record
        self.edge = Edge(record, sites, spaces)
        self.passes = 0
        self.took = 0.0
        self._spaces = spaces
        self._down = spaces.parent / f"{record.name}.down"  # exists while the site is lost
        self._database = Database(Path(record.database))
        self._fabric: Fabric | None = None
        self._services: Netns | None = None
        self.dhcp: dhcp.Responder | None = None

    @property
    def up(self) -> bool:
        """Whether the site has a network of its own."""
        return self._fabric is not None

    def begin(self) -> None:
        """Take over what is there; of a site that is lost, end what a predecessor had no time to."""
        self._make()
        if self._down.exists():
            self.lose()

    def start(self) -> None:
        """Give the site its network, and join it to the others."""
        self._make()
        self._down.unlink(missing_ok=True)
        self.edge.set_open(True)

    def lose(self) -> None:
        """Cut the site and forget all of its network."""
        self.edge.set_open(False)
        self._down.touch()
        if self.dhcp:
            self.dhcp.close()
            self.dhcp = None
        if self._fabric:
            self._fabric.close()
            self._fabric = None
        if self._services:
            self._services.delete()
            self._services = None
        self._database.close()

    def _make(self) -> None:
        if self._fabric is None:
            self._services = self.edge.make_services()
            record = self._spaces.parent / f"{self.record.name}.made"
            self._fabric = Fabric(self.record.name, self._spaces, record, self.edge.space)
            bridges = Netns(self._spaces, f"fabric-{self.record.name}")
            self.dhcp = dhcp.Responder(bridges)
            bridges.close()

    def changed(self) -> bool:
        """Whether Neutron has committed anything since the last look."""
        return self._fabric is not None and self._database.changed()

    def reconcile(self) -> None:
        """Bring what Neutron says now into force."""
        if self._fabric is None:
            return
        began = time.perf_counter()
        self._database.changed()  # what is read from here on needs no further pass
        state = self._database.read()
        if state is None:
            return
        if self.dhcp:
            self.dhcp.known = {topology.bridge_of(network): known for network, known in dhcp.leases(state).items()}
        wanted = topology.plan(state, self._power, self.record.pools, self._fabric.made.nodes)
        if self._fabric.apply(wanted):
            self.passes += 1
            self.took = time.perf_counter() - began

    def wired(self) -> list[str]:
        """Ids of the ports that are where they belong."""
        nodes = self._fabric.made.nodes.values() if self._fabric else ()
        return sorted(interface.port for node in nodes for interface in node.interfaces)

    def _power(self, server: str) -> topology.Power:
        directory = f"{self.record.instances}/{server}"
        if not os.path.exists(f"{directory}/{ON}"):
            return "off"
        return "frozen" if os.path.exists(f"{directory}/{FROZEN}") else "on"
