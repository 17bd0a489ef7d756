"""What was deployed where: plain values that the runner, the workload and the schemes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.errors import UsageError
from conformance.vnf.blueprint import Blueprint, ServicePoint


@dataclass(frozen=True)
class Endpoint:
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Guest:
    """One member: ``label`` is role and index (``frontend-1``), ``addresses`` go by network label."""

    label: str
    role: str
    index: int
    server_id: str
    addresses: Mapping[str, str]


@dataclass(frozen=True)
class Deployment:
    """A VNF at one site. ``subnets`` are CIDRs by network label; ``primary`` is what a standby dials, None of
    a primary. ``elsewhere`` are its members at other sites, of a VNF that is one cluster over several."""

    site: str
    run_id: str
    blueprint: Blueprint
    guests: tuple[Guest, ...]
    subnets: Mapping[str, str] = field(default_factory=dict)
    primary: Endpoint | None = None
    elsewhere: tuple[Deployment, ...] = ()

    @property
    def server_ids(self) -> tuple[str, ...]:
        """Ids of all its servers."""
        return tuple(g.server_id for g in self.guests)

    @property
    def service_urls(self) -> tuple[str, ...]:
        """Where clients are served, ``http://address:port``, one per member of the serving role."""
        return self._urls(self.blueprint.service)

    @property
    def management_urls(self) -> tuple[str, ...]:
        """Where the managed role answers ``/status`` and ``/promote``."""
        return self._urls(self.blueprint.management)

    @property
    def agent_urls(self) -> tuple[str, ...]:
        """Where the agents of members answer ``/status`` and ``/kill``; none where the blueprint names none."""
        return () if self.blueprint.agents is None else self._urls(self.blueprint.agents)

    @property
    def replication_upstream(self) -> Endpoint:
        """Where a standby at the other site finds this one: what the inter-site link leads to."""
        point = self.blueprint.replication
        if point is None:
            raise UsageError(f"{self.blueprint.name} is stateless: nothing of it can be followed from another site.")
        return Endpoint(self.members(point.role)[0].addresses[point.network], point.port)

    def members(self, role: str) -> tuple[Guest, ...]:
        """The members of a role, by index."""
        return tuple(g for g in self.guests if g.role == role)

    def status_url(self, guest: Guest) -> str | None:
        """Where this guest says how it is; None if its role is neither served nor managed, and has no ``health``."""
        for point in (self.blueprint.management, self.blueprint.service):
            if guest.role == point.role:
                return f"http://{guest.addresses[point.network]}:{point.port}/status"
        health = self.blueprint.roles[guest.role].health
        return None if health is None else f"http://{guest.addresses[health.network]}:{health.port}{health.path}"

    def _urls(self, point: ServicePoint) -> tuple[str, ...]:
        return tuple(f"http://{g.addresses[point.network]}:{point.port}" for g in self.members(point.role))
