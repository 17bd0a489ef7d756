"""Everything a checker may look at: what one scenario was to do and what was recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.model.events import Event
from conformance.model.history import Operation, Probe
from conformance.model.holding import Holding
from conformance.model.inventory import Inventory
from conformance.model.reachability import Reachability
from conformance.model.thresholds import Thresholds
from conformance.model.volume import BlockWrite, VolumeImage


@dataclass(frozen=True)
class ScenarioInfo:
    """What was asked, written before anything was done (scenario.json).

    ``then`` holds the texts of the Then steps in order: judging them needs nothing but this and the records.
    ``scopes`` are those among ``requirements`` that every check of the scenario judges.
    ``faults_planned`` names every fault the scenario is to inject; a plan that was not carried out in full can
    never end in pass. ``faults_during`` names those of them that are to strike during an operation of the scheme, each
    with that operation (failover, migrate, failback). ``first_site`` is where the VNF runs, ``second_site`` where it
    fails over to.
    ``tenant_pools`` maps a site to the CIDR its tenant subnets are carved from: the declared address translation is
    that a subnet moves from one pool to the other, keeping its prefix length and every address its offset in it.
    """

    id: str
    name: str
    feature: str
    requirements: tuple[str, ...]
    then: tuple[str, ...]
    faults_planned: tuple[str, ...]
    first_site: str
    second_site: str
    thresholds: Thresholds
    tenant_pools: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    probe_interval_ns: int = 20_000_000
    faults_during: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ScenarioRecord:
    """The stored record of one scenario, loaded. ``problems`` are sentences about lines that could not be read:
    a checker never passes on a record that has any. ``finished`` is False when the run was cut short. ``planes`` holds
    the probes of other planes than the service by the plane's name (api, media, …); ``reachability`` what was observed
    to reach what, by the same names as ``inventories``; ``holders`` who held an identity, in the order sampled.
    ``volumes`` holds images of volumes by STAGE or STAGE.VOLUME (stages: first-before, first-after, second-after);
    ``block_writes`` what was written to them, in the order of its numbers."""

    info: ScenarioInfo
    history: tuple[Operation, ...] = ()
    probes: tuple[Probe, ...] = ()
    events: tuple[Event, ...] = ()
    inventories: Mapping[str, Inventory] = field(default_factory=dict)
    planes: Mapping[str, tuple[Probe, ...]] = field(default_factory=dict)
    reachability: Mapping[str, Reachability] = field(default_factory=dict)
    holders: tuple[Holding, ...] = ()
    volumes: Mapping[str, VolumeImage] = field(default_factory=dict)
    block_writes: tuple[BlockWrite, ...] = ()
    problems: tuple[str, ...] = ()
    finished: bool = True

    def fault_events(self, name: str | None = None, state: str | None = None) -> tuple[Event, ...]:
        """The events of kind fault, narrowed by fault name and state."""
        return tuple(
            e for e in self.events if e.kind == "fault" and name in (None, e.name) and state in (None, e.state)
        )
