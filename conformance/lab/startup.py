"""Starting sites: from nothing, from cached databases, or from their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from conformance.lab import databases, dataplane, environment, packages, processes, readiness
from conformance.lab.addressing import PORTS
from conformance.lab.errors import LabError
from conformance.lab.guests import guest_path, guests_directory
from conformance.lab.preflight import check_ports, check_space, lock
from conformance.lab.processes import HYPERVISOR
from conformance.lab.site import LabSite, write_files
from conformance.lab.supervisor import Job, Supervisor, last_words
from conformance.paths import cache_dir
from conformance.waiting import NotReached, wait_until

ANSWER_TIMEOUT = 180.0  # seconds for all services to answer
USABLE_TIMEOUT = 60.0  # then, for heartbeats and inventories
SEED_TIMEOUT = 120.0
READY = "ready"  # a site's directory holds this file once the site has been complete
START_ORDER = (HYPERVISOR, "nova", "neutron", "keystone", "cinder", "glance", "placement")  # the slowest first

SPACES = "netns"  # below the lab's directory, as seen in the lab's mount namespace

Progress = Callable[[str], None]
Home = Mapping[str, object]
"""The namespaces of a site's processes, see ``supervisor.Job``; loopback mode has none."""


def is_running(site: LabSite) -> bool:
    """Whether all of the site's processes live and its APIs answer."""
    return set(processes.services(site)) == set(processes.SERVICES) and not readiness.silent(site)


def start(sites: Sequence[LabSite], supervisor: Supervisor, progress: Progress) -> None:
    """Start these sites, whatever state they are in; returns when all are usable.

    What is left of a site's processes is killed first. A site that was complete once keeps its databases; another one
    is made afresh.
    """
    processes.kill_sites(sites)
    check_ports(sites)
    cache = cache_dir()
    with _building(cache, progress):
        venv = _environment(cache, progress)
    if supervisor.ensure(venv):
        progress("importing OpenStack, once for all sites")
    fresh = [site for site in sites if not (site.directory / READY).exists()]
    for site in fresh:
        remove_state(site.directory)
    path = guest_path(venv)
    for site in sites:
        write_files(site, venv, path)
    unseeded = [site for site in fresh if not databases.copy_seeded(cache, site)]
    supervisor.wait_ready()
    homes = {site.name: home for site in sites if (home := _home(site, supervisor))}
    if unseeded:
        with _building(cache, progress):
            schema = databases.ensure_schema(cache, unseeded[0], venv, supervisor, progress)
        _prepare(schema, unseeded, supervisor, homes, progress)
    progress(f"starting the services of {', '.join(site.name for site in sites)}")
    _wait(supervisor, sites, _spawn(supervisor, sites, homes), progress)
    if unseeded:
        progress("creating volume types, flavor and external network")
        supervisor.run(
            [_job(site, "keystone", "seed:resources", "resources", homes) for site in unseeded], SEED_TIMEOUT
        )
        for site in unseeded:
            databases.save_seeded(cache, site)
    for site in sites:
        (site.directory / READY).touch()


def start_service(site: LabSite, service: str, supervisor: Supervisor, progress: Progress) -> None:
    """Start one service of a site that is up but for that, in the site's namespaces if it has any; returns when the
    site is usable. Does nothing when the service runs."""
    running = processes.services(site)
    if service in running:
        return
    first = processes.init(site) if site.addresses.packets else None
    if HYPERVISOR not in running or (site.addresses.packets and first is None):
        raise LabError(f"{site.name} is lost as a whole: {service} comes back with all of it.")
    supervisor.ensure(_environment(cache_dir(), progress))
    supervisor.wait_ready()
    homes: Mapping[str, Home] = {site.name: {"init": first.pid}} if first else {}
    pid = supervisor.spawn(_service_job(site, service, homes))
    _wait(supervisor, [site], {pid: (site, service)}, progress)


def _home(site: LabSite, supervisor: Supervisor) -> Home | None:
    """In namespaces mode: make the site's network anew and start its init, whose namespaces all others join."""
    if not site.addresses.packets:
        return None
    dataplane.lose(site.lab_directory, site.name)
    dataplane.restore(site.lab_directory, site.name)
    place = {"netns": str(site.lab_directory / SPACES / f"services-{site.name}")}
    first = _job(site, HYPERVISOR, "siteinit:serve", processes.INIT, {site.name: place})
    return {"init": supervisor.spawn(first)}


def remove_state(site_directory: Path) -> None:
    """Remove everything of a site but its logs."""
    elsewhere = guests_directory(site_directory)
    if elsewhere != site_directory:
        shutil.rmtree(elsewhere, ignore_errors=True)
    for entry in site_directory.iterdir() if site_directory.exists() else ():
        if entry.is_dir() and not entry.is_symlink():
            if entry.name != "log":
                shutil.rmtree(entry)
        else:
            entry.unlink()


def ensure_environment(progress: Progress) -> None:
    """Build the OpenStack environment unless it is there."""
    cache = cache_dir()
    with _building(cache, progress):
        _environment(cache, progress)


def ensure_packages(lock: Path, progress: Progress) -> Path:
    """Install what guests of a VNF need, unless it is there; returns where. Not from inside a lab: it has no uplink."""
    cache = cache_dir()
    with _building(cache, progress):
        return packages.ensure(cache, lock, progress)


def _building(cache: Path, progress: Progress) -> AbstractContextManager[None]:
    return lock(cache / "build.lock", lambda: progress(f"waiting for another process that builds in {cache}"))


def _environment(cache: Path, progress: Progress) -> Path:
    if not environment.path(cache).exists():
        check_space(cache, environment.NEEDED_BYTES)
    return environment.ensure(cache, progress)


def _prepare(
    schema: Path, sites: Sequence[LabSite], supervisor: Supervisor, homes: Mapping[str, Home], progress: Progress
) -> None:
    """Give new sites what must be there before the services start: administrator, cells, catalogue, service users."""
    progress("preparing identity, catalogue and cells")
    for site in sites:
        databases.instantiate(schema, site)
        databases.renew_ids(site)
    jobs = [_job(site, "keystone", "seed:bootstrap", "bootstrap", homes) for site in sites]
    supervisor.run([*jobs, *(_job(site, "nova", "seed:cells", "cells", homes) for site in sites)], SEED_TIMEOUT)
    pids = {supervisor.spawn(_service_job(site, "keystone", homes)): (site, "keystone") for site in sites}
    _wait_for_answers(supervisor, pids, lambda message: None)
    supervisor.run([_job(site, "keystone", "seed:identity", "identity", homes) for site in sites], SEED_TIMEOUT)


def _spawn(
    supervisor: Supervisor, sites: Sequence[LabSite], homes: Mapping[str, Home]
) -> dict[int, tuple[LabSite, str]]:
    running = {site.name: processes.services(site) for site in sites}
    return {
        supervisor.spawn(_service_job(site, service, homes)): (site, service)
        for service in START_ORDER
        for site in sites
        if service not in running[site.name]
    }


def _wait(
    supervisor: Supervisor, sites: Sequence[LabSite], pids: dict[int, tuple[LabSite, str]], progress: Progress
) -> None:
    _wait_for_answers(supervisor, pids, progress)
    lacking: dict[str, list[str]] = {}

    def all_usable() -> bool:
        with ThreadPoolExecutor(len(sites)) as pool:
            lacking.update(zip((site.name for site in sites), pool.map(readiness.shortcomings, sites), strict=True))
        return not any(lacking.values())

    try:
        wait_until(all_usable, timeout=USABLE_TIMEOUT, what=f"{', '.join(site.name for site in sites)} to be usable")
    except NotReached as error:
        site = next(site for site in sites if lacking[site.name])
        raise LabError(
            f"{site.name} did not become usable within {USABLE_TIMEOUT:g} s: {'; '.join(lacking[site.name])}. "
            f"Its logs are in {site.directory / 'log'}."
        ) from error


def _wait_for_answers(supervisor: Supervisor, pids: dict[int, tuple[LabSite, str]], progress: Progress) -> None:
    waiting = [(site, service) for site, service in pids.values() if service in PORTS]

    def all_answer() -> bool:
        for pid, end in supervisor.ends(list(pids)).items():
            if end is not None:
                raise _ended(*pids[pid], end)
        for site, service in list(waiting):
            if readiness.answers(site, service):
                waiting.remove((site, service))
                progress(f"{site.name}: {service} answers at {site.addresses.url(service)}")
        return not waiting

    try:
        wait_until(all_answer, timeout=ANSWER_TIMEOUT, what="all services to answer")
    except NotReached as error:
        silent = "; ".join(f"{service} of {site.name} (log {site.log(service)})" for site, service in waiting)
        raise LabError(f"No HTTP answer within {ANSWER_TIMEOUT:g} s from: {silent}.") from error


def _ended(site: LabSite, service: str, end: str) -> LabError:
    return LabError(
        f"{service} of site {site.name} ended while starting ({end}). Its logs are {site.output(service)} and "
        f"{site.log(service)}; the last words: {last_words(site.output(service))}"
    )


def _job(site: LabSite, nursery: str, entry: str, what: str, homes: Mapping[str, Home]) -> Job:
    title, home = processes.title(site, what), homes.get(site.name)
    return Job(nursery, f"labcloud.{entry}", (), title, site.directory, site.output(what), home)


def _service_job(site: LabSite, service: str, homes: Mapping[str, Home]) -> Job:
    if service == HYPERVISOR:
        return _job(site, HYPERVISOR, "hypervisor:serve", HYPERVISOR, homes)
    return replace(_job(site, service, "serve:serve", service, homes), args=(service,))
