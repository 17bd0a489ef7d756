"""The lab: two or more real OpenStack clouds on this machine, started, looked at, killed and stopped."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from conformance.lab import clouds, databases, environment, processes, readiness, record, status
from conformance.lab.addressing import PORTS, site_addresses
from conformance.lab.errors import LabError
from conformance.lab.places import check_usable, labs_directory
from conformance.lab.record import LabRecord
from conformance.lab.site import POSTGRESQL, LabSite, new_password, write_files
from conformance.lab.status import LabStatus
from conformance.lab.processes import HYPERVISOR
from conformance.lab.supervisor import Job, Supervisor, last_words
from conformance.paths import cache_dir
from conformance.waiting import NotReached, wait_until

START_TIMEOUT = 180.0  # seconds for all services of the lab to answer
NEEDED_BYTES = 300_000_000  # databases and logs of two sites, with room for a run
READY = "ready"  # a site's directory holds this file once the site has been complete
START_ORDER = ("nova", "neutron", "keystone", "cinder", "glance", "placement")  # the slowest first


def _silent(message: str) -> None:
    """Progress nobody wants to see."""


class Lab:
    """A named lab of the current user. Creating this object does nothing; all methods can be repeated.

    ``sites`` are the names used by ``up()`` for a new lab; a lab that exists already keeps its own.
    """

    def __init__(
        self,
        name: str = "default",
        sites: tuple[str, ...] = ("site-a", "site-b"),
        progress: Callable[[str], None] = _silent,
    ) -> None:
        record.check_names(name, tuple(sites))
        self.name = name
        self._wanted = tuple(sites)
        self._progress = progress
        self.directory = labs_directory() / name

    # Looking

    @property
    def clouds_yaml(self) -> Path:
        """clouds.yaml with one cloud per site, written by ``up()``."""
        return self.directory / "clouds.yaml"

    @property
    def sites_yaml(self) -> Path:
        """The harness' sites file that describes this lab, written by ``up()``."""
        return self.directory / "sites.yaml"

    def is_up(self) -> bool:
        """Whether all services of all sites run and answer."""
        return self.status().up

    def status(self) -> LabStatus:
        """What runs right now."""
        known = record.load(self.directory)
        if known is None:
            return LabStatus(self.name, self.directory, None, None, status.MODE, (), 0)
        sites = tuple(status.of_site(site) for site in self._sites(known))
        supervisor = self._supervisor(known).process()
        family = [supervisor, *supervisor.children()] if supervisor else []
        used = sum(status.memory(member) for member in family) + sum(
            status.memory(member) for site in self._sites(known) for member in processes.of_site(site)
        )
        return LabStatus(self.name, self.directory, known.slot, supervisor.pid if supervisor else None, status.MODE, sites, used)

    def require(self) -> tuple[str, ...]:
        """Names of the lab's clouds in clouds.yaml; LabError if there is no such lab."""
        return tuple(site.cloud for site in self._sites(self._existing()))

    # Starting and stopping

    def up(self) -> None:
        """Start the lab, or what is missing of it, and return when all of it is usable.

        Sites that existed before are started from their own databases. If anything goes wrong, Ctrl-C included, whatever
        this call has started is killed again.
        """
        check_usable(self.directory)
        check_usable(cache_dir())
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._locked(), _full_disk_explained(self.directory):
            known = record.load(self.directory)
            if known and known.sites != self._wanted:
                raise LabError(
                    f"The lab {self.name} has the sites {', '.join(known.sites)}; asked for were {', '.join(self._wanted)}. "
                    f"Stop it first (multisite-ha lab down --name {self.name}) or use another --name."
                )
            _check_space(self.directory, NEEDED_BYTES)
            if known is None:
                known = self._new_record()
                record.save(self.directory, known)
            sites = self._sites(known)
            missing = [site for site in sites if readiness.silent(site) or set(processes.services(site)) != set(processes.SERVICES)]
            if not missing:
                clouds.write(self.directory, sites)
                return
            try:
                self._start(known, missing)
            except BaseException:
                with _uninterrupted():
                    self._undo(known, missing)
                raise
            clouds.write(self.directory, sites)

    def down(self) -> None:
        """Stop everything and remove the clouds with all that was created in them; logs stay until the next ``up()``."""
        if not self.directory.exists():
            return
        with self._locked():
            known = record.load(self.directory)
            if known is None:
                return
            self._supervisor(known).stop()
            for site in self._sites(known):
                processes.kill(site)
                _remove_state(site)
            for name in ("clouds.yaml", "sites.yaml", "lab.json"):
                (self.directory / name).unlink(missing_ok=True)

    def kill_site(self, name: str) -> int:
        """SIGKILL every process of a site, guests and all they started included; returns how many there were."""
        return processes.kill(self._site(name))

    def start_site(self, name: str) -> None:
        """Bring a site that was lost back, from its own databases; its guests are started by its own nova."""
        site = self._site(name)
        known = self._existing()
        with self._locked():
            if not readiness.silent(site) and set(processes.services(site)) == set(processes.SERVICES):
                return
            try:
                self._start(known, [site])
            except BaseException:
                with _uninterrupted():
                    processes.kill(site)
                raise

    # Steps of up

    def _start(self, known: LabRecord, sites: list[LabSite]) -> None:
        for site in sites:
            processes.kill(site)
        _check_ports(sites)
        cache = cache_dir()
        with _lock(cache / "build.lock"):
            venv = self._environment(cache)
            supervisor = self._supervisor(known)
            if supervisor.ensure(venv):
                self._progress("starting the supervisor: importing OpenStack once for all sites")
            fresh = [site for site in sites if not (site.directory / READY).exists()]
            for site in sites:
                if site in fresh:
                    _remove_state(site)
                write_files(site, venv, self._guest_path(venv))
            supervisor.wait_ready()
            unseeded = [site for site in fresh if not self._copy_seeded(cache, site)]
            if unseeded:
                self._progress("migrating the databases (once)")
                schema = databases.ensure_schema(cache, unseeded[0], venv, supervisor, self._progress)
                self._prepare(schema, unseeded, supervisor)
        self._progress(f"starting the services of {', '.join(site.name for site in sites)}")
        pids = self._spawn(supervisor, sites)
        self._wait(supervisor, sites, pids)
        if unseeded:
            self._progress("seeding volume types, flavor and external network")
            supervisor.run([_job(site, "keystone", "labcloud.seed:resources", "seeding") for site in unseeded], 120)
            for site in unseeded:
                databases.save_seeded(cache, site)
        for site in sites:
            (site.directory / READY).touch()

    def _prepare(self, schema: Path, sites: list[LabSite], supervisor: Supervisor) -> None:
        """Seed what must be there before the services start: administrator, catalogue, service users, cells."""
        for site in sites:
            databases.instantiate(schema, site)
            databases.renew_ids(site)
        supervisor.run(
            [
                *(_job(site, "keystone", "labcloud.seed:bootstrap", "bootstrap") for site in sites),
                *(_job(site, "nova", "labcloud.seed:cells", "cells") for site in sites),
            ],
            120,
        )
        for site in sites:
            supervisor.spawn(_service_job(site, "keystone"))
        wait_until(lambda: all(readiness.answers(site, "keystone") for site in sites), timeout=60, what="keystone to answer")
        supervisor.run([_job(site, "keystone", "labcloud.seed:identity", "service users") for site in sites], 120)

    def _spawn(self, supervisor: Supervisor, sites: list[LabSite]) -> dict[int, tuple[LabSite, str]]:
        pids = {}
        for service in (HYPERVISOR, *START_ORDER):
            for site in sites:
                if service not in processes.services(site):
                    pids[supervisor.spawn(_service_job(site, service))] = (site, service)
        return pids

    def _wait(self, supervisor: Supervisor, sites: list[LabSite], pids: dict[int, tuple[LabSite, str]]) -> None:
        waiting = [(site, service) for site in sites for service in PORTS]

        def all_answer() -> bool:
            for pid, end in supervisor.ends(list(pids)).items():
                if end is not None:
                    site, service = pids[pid]
                    raise LabError(
                        f"{service} of site {site.name} ended while starting ({end}). Logs: {site.output(service)}, "
                        f"{site.log(service)}. Last words: {last_words(site.output(service))}"
                    )
            for site, service in list(waiting):
                if readiness.answers(site, service):
                    waiting.remove((site, service))
                    self._progress(f"{site.name}: {service} answers at {site.addresses.url(service)}")
            return not waiting

        try:
            wait_until(all_answer, timeout=START_TIMEOUT, what="all services to answer")
            for site in sites:
                wait_until(lambda site=site: not readiness.shortcomings(site), timeout=60, what=f"{site.name} to be usable")
        except NotReached as error:
            behind = "; ".join(f"{site.name} {service}: log {site.log(service)}" for site, service in waiting) or "; ".join(
                f"{site.name}: {', '.join(readiness.shortcomings(site))} (logs in {site.directory / 'log'})" for site in sites
            )
            raise LabError(f"{error} Not ready: {behind}") from error

    def _undo(self, known: LabRecord, sites: list[LabSite]) -> None:
        self._supervisor(known).stop()
        for site in sites:
            processes.kill(site)

    def _environment(self, cache: Path) -> Path:
        if not environment.path(cache).exists():
            _check_space(cache, environment.NEEDED_BYTES)
        return environment.ensure(cache, self._progress)

    def _copy_seeded(self, cache: Path, site: LabSite) -> bool:
        source = databases.seeded_path(cache, site.name, site.addresses.octet)
        if not source.exists():
            return False
        databases.instantiate(source, site)
        return True

    def _guest_path(self, venv: Path) -> str:
        packages = next((venv / "lib").glob("python3.*/site-packages"))
        return f"{venv / 'bin'}:{packages / POSTGRESQL / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    # What is known about the lab

    def _new_record(self) -> LabRecord:
        slot = record.free_slot()
        cache = cache_dir()
        passwords = {}
        for index, name in enumerate(self._wanted):
            octet = site_addresses(slot, index).octet
            passwords[name] = databases.seeded_password(cache, name, octet) or new_password()
        return LabRecord(self.name, slot, passwords)

    def _existing(self) -> LabRecord:
        known = record.load(self.directory)
        if known is None:
            raise LabError(f"There is no lab named {self.name}. Start it: multisite-ha lab up --name {self.name}")
        return known

    def _site(self, name: str) -> LabSite:
        for site in self._sites(self._existing()):
            if site.name == name:
                return site
        raise LabError(f"The lab {self.name} has no site {name!r}; it has {', '.join(self._existing().sites)}.")

    def _sites(self, known: LabRecord) -> list[LabSite]:
        return [
            LabSite(name, self.name, self.directory / "sites" / name, site_addresses(known.slot, index), password)
            for index, (name, password) in enumerate(known.passwords.items())
        ]

    def _supervisor(self, known: LabRecord) -> Supervisor:
        return Supervisor(self.name, self.directory, record.claim_name(known.slot))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _lock(self.directory / "lab.lock"):
            yield


def _job(site: LabSite, nursery: str, entry: str, what: str) -> Job:
    log = site.output(what.replace(" ", "-"))
    return Job(nursery, entry, (), f"{what} of {site.name}", site.directory, log)


def _service_job(site: LabSite, service: str) -> Job:
    title = processes.title(site, service)
    if service == HYPERVISOR:
        return Job(HYPERVISOR, "labcloud.hypervisor:serve", (), title, site.directory, site.output(service))
    return Job(service, "labcloud.serve:serve", (service,), title, site.directory, site.output(service))


def _remove_state(site: LabSite) -> None:
    """Remove a site's directory, logs excepted."""
    if not site.directory.exists():
        return
    for entry in site.directory.iterdir():
        if entry.name == "log":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _check_ports(sites: list[LabSite]) -> None:
    for site in sites:
        for service, port in PORTS.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((site.addresses.api, port))
                    probe.listen(1)
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise
                    raise LabError(
                        f"{service} of site {site.name} needs {site.addresses.api} port {port}, but {_holder(site, port)}. "
                        "Stop that program and try again."
                    ) from error


def _holder(site: LabSite, port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.laddr.ip in (
            site.addresses.api, "0.0.0.0", "::",
        ):
            if not connection.pid:
                break
            try:
                name = psutil.Process(connection.pid).name()
            except psutil.Error:
                name = "?"
            return f"process {connection.pid} ({name}) listens on {connection.laddr.ip} port {port}"
    return "a process of another user listens there"


def _check_space(directory: Path, needed: int) -> None:
    existing = next(step for step in [directory, *directory.parents] if step.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise LabError(
            f"The lab needs {needed / 1e6:.0f} MB in {directory}, but only {free / 1e6:.0f} MB are free there. "
            "Free some space, or set XDG_CACHE_HOME and XDG_STATE_HOME to a place that has it."
        )


@contextmanager
def _full_disk_explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = error.filename or directory
        raise LabError(f"No space left while writing {where}. Free some space and try again.") from error


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """No second Ctrl-C while cleaning up after the first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
