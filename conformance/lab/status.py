"""What a lab looks like right now, read from the machine itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from conformance.lab import namespaces, processes, readiness
from conformance.lab.addressing import PORTS
from conformance.lab.procfs import command_line
from conformance.lab.site import LabSite

MODES = {
    "loopback": "loopback (no packet data plane: security groups, routers and L2 are API records only)",
    "namespaces": "namespaces (packets pass as Neutron says: security groups, routers, floating IPs, the WAN)",
}


@dataclass(frozen=True)
class ServiceStatus:
    """A service's process. ``pid`` is None when it does not run; ``memory`` is its proportional share in bytes."""

    name: str
    pid: int | None
    memory: int
    threads: int
    url: str | None
    answers: bool


@dataclass(frozen=True)
class GuestStatus:
    """A guest: an instance directory and, while it is switched on, the pid of its init."""

    uuid: str
    name: str
    host: str
    addresses: tuple[str, ...]
    pid: int | None
    processes: int


@dataclass(frozen=True)
class SiteStatus:
    """A site; ``up`` means that all services run and answer."""

    name: str
    cloud: str
    address: str
    directory: Path
    services: tuple[ServiceStatus, ...]
    guests: tuple[GuestStatus, ...]

    @property
    def up(self) -> bool:
        """Whether all services run and answer."""
        return all(service.pid and service.answers for service in self.services)


@dataclass(frozen=True)
class LabStatus:
    """A lab. ``slot`` is None when the lab does not exist; ``supervisor`` is the fork server's pid."""

    name: str
    directory: Path
    slot: int | None
    supervisor: int | None
    mode: str
    sites: tuple[SiteStatus, ...]
    memory: int

    @property
    def up(self) -> bool:
        """Whether the lab exists and all its sites are up."""
        return bool(self.sites) and all(site.up for site in self.sites)


def of_lab(name: str, directory: Path, slot: int | None, mode: str, sites: Sequence[LabSite]) -> LabStatus:
    """Look at a lab; no ``slot`` and no ``sites`` when it does not exist."""
    supervisors = processes.supervisors(name, directory)
    return LabStatus(
        name,
        directory,
        slot,
        supervisors[0].pid if supervisors else None,
        _mode(mode),
        tuple(of_site(site) for site in sites),
        sum(memory(process) for process in processes.of_lab(name, directory)),
    )


def _mode(mode: str) -> str:
    """What the mode means, and why the lab does not have the other where that is not possible here."""
    reason = namespaces.missing() if mode == "loopback" else None
    return MODES[mode] if reason is None else f"{MODES[mode]}. {reason}"


def of_site(site: LabSite) -> SiteStatus:
    """Look at one site."""
    running = processes.services(site)
    services = [_service(site, name, running.get(name)) for name in PORTS]
    hypervisor = running.get(processes.HYPERVISOR)
    services.append(
        ServiceStatus(
            processes.HYPERVISOR,
            hypervisor.pid if hypervisor else None,
            memory(hypervisor),
            1,
            None,
            hypervisor is not None,
        )
    )
    inits = _guest_inits(site)
    guests = [guest for directory in sorted(site.instances.glob("*")) if (guest := _guest(directory, inits))]
    return SiteStatus(site.name, site.cloud, site.addresses.api, site.directory, tuple(services), tuple(guests))


def memory(process: psutil.Process | None) -> int:
    """Proportional set size in bytes: pages shared by n processes count 1/n each."""
    if process is None:
        return 0
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def _service(site: LabSite, name: str, process: psutil.Process | None) -> ServiceStatus:
    url = site.addresses.url(name)
    if process is None:
        return ServiceStatus(name, None, 0, 0, url, answers=False)
    answers = readiness.answers(site, name, timeout=5)
    try:
        return ServiceStatus(name, process.pid, memory(process), process.num_threads(), url, answers)
    except psutil.NoSuchProcess:  # it ended while it was looked at
        return _service(site, name, None)


def _guest(directory: Path, inits: Mapping[str, psutil.Process]) -> GuestStatus | None:
    try:
        spec = json.loads((directory / "spec.json").read_text())
    except (OSError, ValueError):
        return None
    init = inits.get(spec["uuid"])
    try:
        size = len(init.children(recursive=True)) + 1 if init else 0
    except psutil.NoSuchProcess:
        init, size = None, 0
    return GuestStatus(
        spec["uuid"], spec["display_name"], spec["host"], tuple(spec["ips"]), init.pid if init else None, size
    )


def _guest_inits(site: LabSite) -> dict[str, psutil.Process]:
    """The first process of each living guest by server id: below the hypervisor, of those with its title the oldest.

    (The pid that a guest's directory holds is one of its site's own PID namespace.)
    """
    start, _, end = processes.title(site, "guest \0").partition("\0")
    found: dict[str, psutil.Process] = {}
    for process in sorted(processes.titled(start, end), key=lambda process: process.create_time()):
        uuid = command_line(process).removesuffix(end).rpartition(" ")[2]
        found.setdefault(uuid, process)
    return found
