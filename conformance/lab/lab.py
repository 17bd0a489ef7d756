"""The lab: two or more real OpenStack clouds on this machine, started, looked at, killed and stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from conformance.lab import clouds, databases, dataplane, namespaces, processes, record, startup, status
from conformance.lab.addressing import PORTS, SiteAddresses, site_addresses
from conformance.lab.errors import LabError, LabUsageError
from conformance.lab.guests import make_open
from conformance.lab.places import check_usable, labs_directory
from conformance.lab.preflight import check_space, full_disk_explained, lock
from conformance.lab.record import LabRecord
from conformance.lab.site import LabSite, new_password
from conformance.lab.status import LabStatus
from conformance.lab.supervisor import SOCKET, Supervisor, reap
from conformance.paths import cache_dir

NEEDED_BYTES = 300_000_000  # databases and logs of two sites, with room for a run
DEFAULT_SITES = ("site-a", "site-b")


def _silent(message: str) -> None:
    """Progress nobody wants to see."""


class Lab:
    """A named lab of the current user. Creating this object does nothing; all methods can be repeated.

    ``sites`` are the names for a new lab (site-a and site-b when not given) and ``mode`` is "namespaces", "loopback" or
    "auto"; a lab that exists keeps its own. ``progress`` is called with one line per step.
    """

    def __init__(
        self,
        name: str = "default",
        sites: Sequence[str] | None = None,
        progress: Callable[[str], None] = _silent,
        mode: str = "auto",
    ) -> None:
        record.check_names(name, tuple(sites or DEFAULT_SITES))
        self.name = name
        self.directory = labs_directory() / name
        self._wanted = tuple(sites) if sites else None
        self._mode = mode
        self._progress = progress

    # Looking

    @property
    def clouds_yaml(self) -> Path:
        """clouds.yaml with one cloud per site, written by ``up()``."""
        return self.directory / "clouds.yaml"

    @property
    def sites_yaml(self) -> Path:
        """The harness' sites file that describes this lab, written by ``up()``."""
        return self.directory / "sites.yaml"

    def clouds(self) -> dict[str, str]:
        """Names of the clouds in clouds.yaml by site; LabError if there is no such lab."""
        return {site.name: site.cloud for site in self._sites(self._existing())}

    def exists(self) -> bool:
        """Whether there are clouds, running or lost."""
        known = record.load(self.directory)
        # Not the directory: the logs of a lab that is down are kept in it.
        return known is not None and any((site.directory / "site.json").exists() for site in self._sites(known))

    def is_up(self) -> bool:
        """Whether all processes of all sites live and all APIs answer."""
        known = record.load(self.directory)
        return known is not None and all(startup.is_running(site) for site in self._sites(known))

    def status(self) -> LabStatus:
        """What runs right now, with memory."""
        known = record.load(self.directory)
        sites = self._sites(known) if known else []
        mode = known.mode if known else "loopback"
        return status.of_lab(self.name, self.directory, known.slot if known else None, mode, sites)

    def process_ids(self) -> set[int]:
        """All that runs of it right now: services, guests, and everything below them."""
        return {process.pid for process in processes.of_lab(self.name, self.directory)}

    # Being inside

    def enter(self) -> None:
        """In namespaces mode, move this process to where the lab's addresses lead somewhere: for good, and before it
        starts threads. A lab that does not exist gets its mode and its namespaces now, and its clouds by ``up()``."""
        with self._prepared() as known:
            pass
        if known.mode == "namespaces":
            namespaces.enter(self.directory)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """``enter()``; and when nobody has started any clouds by the end, nothing stays behind."""
        self.enter()
        try:
            yield
        finally:
            if not self.exists():
                self.down()

    def within_reach(self) -> bool:
        """Whether the lab's addresses lead to it from where this process is; LabError if there is no such lab."""
        return self._existing().mode == "loopback" or namespaces.inside(self.directory)

    def command(self, words: Sequence[str]) -> list[str]:
        """The command line that runs ``words`` where the lab's addresses lead somewhere."""
        if self.within_reach():
            return list(words)
        return namespaces.command(self.directory, words)

    # Starting and stopping

    def up(self) -> None:
        """Start the lab, or what is missing of it, and return when all of it is usable.

        Sites that were complete before are started from their own databases. If anything goes wrong, Ctrl-C included,
        whatever this call has started is killed again.
        """
        with self._prepared() as known:
            check_space(self.directory, NEEDED_BYTES)
            missing = [site for site in self._sites(known) if not startup.is_running(site)]
            if missing:
                self._start(known, missing)
            clouds.write(self.directory, self._sites(known))

    def down(self) -> None:
        """Stop everything and remove the clouds with all that was created in them; logs stay until the next ``up()``.

        Works on whatever is left of a lab, a lost record included.
        """
        if not self.directory.exists():
            return
        with self._locked():
            processes.kill_lab(self.name, self.directory)
            reap()
            for site in (self.directory / "sites").glob("*"):
                startup.remove_state(site)
            for name in ("clouds.yaml", "sites.yaml", "lab.json", SOCKET, namespaces.RECORD, *namespaces.LEFTOVERS):
                (self.directory / name).unlink(missing_ok=True)

    def kill_site(self, name: str) -> int:
        """SIGKILL every process of a site, guests and all they started included; returns how many there were."""
        site = self._site(name)
        if not site.addresses.packets:
            return processes.kill_sites([site])
        first = processes.init(site)
        dataplane.cut(self.directory, name)  # before: nobody hears it die
        killed = processes.kill_by_init(first) if first else 0
        dataplane.lose(self.directory, name)
        return killed

    def start_site(self, name: str) -> None:
        """Bring a site that was lost back from its own databases; its nova starts the guests that ran before."""
        site, known = self._site_of_this_version(name)
        with full_disk_explained(self.directory), self._locked():
            if not startup.is_running(site):
                self._start(known, [site])

    def hang_services(self, name: str) -> int:
        """SIGSTOP the site's services: they are there and do nothing. Guests go on. Returns how many there were."""
        return self._signal_services(name, signal.SIGSTOP)

    def resume_services(self, name: str) -> int:
        """Let stopped services go on; returns how many there were."""
        return self._signal_services(name, signal.SIGCONT)

    def kill_service(self, name: str, service: str) -> None:
        """SIGKILL one service of a site, its API and all its workers; guests go on."""
        running = processes.services(self._site(name)).get(self._service(service))
        if running is not None:
            processes.kill([running])

    def start_service(self, name: str, service: str) -> None:
        """Bring a service that was killed back from its own database; nothing when it runs."""
        site, known = self._site_of_this_version(name)
        with full_disk_explained(self.directory), self._locked():
            startup.start_service(site, self._service(service), self._supervisor(known), self._progress)

    def _signal_services(self, name: str, number: signal.Signals) -> int:
        running = processes.services(self._site(name))
        found = [process for service, process in running.items() if service in PORTS]
        processes.send(found, number)
        return len(found)

    def _service(self, name: str) -> str:
        if name not in PORTS:
            raise LabUsageError(f"A site of a lab has no service {name!r}; it has {', '.join(PORTS)}.")
        return name

    def _supervisor(self, known: LabRecord) -> Supervisor:
        wrap = self.command if known.mode == "namespaces" else list
        return Supervisor(self.name, self.directory, record.claim_name(known.slot), wrap)

    def _start(self, known: LabRecord, sites: list[LabSite]) -> None:
        supervisor = self._supervisor(known)
        try:
            startup.start(sites, supervisor, self._progress)
        except BaseException:
            with _uninterrupted():
                supervisor.stop()
                processes.kill_sites(sites)
            raise

    # What is known about the lab

    @contextmanager
    def _prepared(self) -> Iterator[LabRecord]:
        """Hold the lab's lock; its record is there, and in namespaces mode its namespaces: those made for what then
        fails, Ctrl-C included, go again."""
        for directory in (self.directory, cache_dir()):
            check_usable(directory)
        with full_disk_explained(self.directory):
            make_open(self.directory)
            with self._locked():
                known = self._record_for_up()
                if known.mode != "namespaces" or namespaces.keeper(self.directory) is not None:
                    yield known
                    return
                startup.ensure_environment(self._progress)  # nothing can be fetched from inside
                processes.kill_lab(self.name, self.directory)
                try:
                    namespaces.make(self.name, self.directory, self._sites(known))
                    yield known
                except BaseException:
                    with _uninterrupted():
                        processes.kill_lab(self.name, self.directory)
                    raise

    def _record_for_up(self) -> LabRecord:
        known = record.load(self.directory)
        if known and self._mode not in ("auto", known.mode):
            raise LabUsageError(
                f"The lab {self.name} is in {known.mode} mode, but {self._mode} was asked for. Stop it first "
                f"(multisite-ha lab down --name {self.name}) or use another --name."
            )
        if known and self._wanted and known.sites != self._wanted:
            raise LabUsageError(
                f"The lab {self.name} has the sites {', '.join(known.sites)}, but {', '.join(self._wanted)} were asked "
                f"for. Stop it first (multisite-ha lab down --name {self.name}) or use another --name."
            )
        if known and known.generation == databases.key():
            return known
        mode = namespaces.choose(self._mode)
        if self._mode == "auto" and mode == "loopback" and (reason := namespaces.missing()):
            self._progress(f"loopback mode: packets of guests are not controlled. {reason}")
        processes.kill_lab(self.name, self.directory)
        if known:
            self._progress(f"the lab {self.name} was made by another version of multisite-ha: making it anew")
            for site in self._sites(known):
                startup.remove_state(site.directory)
        with lock(self.directory.parent.parent / "slots.lock"):
            slot = known.slot if known else record.free_slot()
            names = self._wanted or (known.sites if known else DEFAULT_SITES)
            passwords = {
                name: databases.seeded_password(cache_dir(), name, _addresses(slot, index, mode)) or new_password()
                for index, name in enumerate(names)
            }
            made = LabRecord(self.name, slot, passwords, databases.key(), mode)
            record.save(self.directory, made)
        return made

    def _existing(self) -> LabRecord:
        known = record.load(self.directory)
        if known is None:
            raise LabError(f"There is no lab named {self.name}. Start it: multisite-ha lab up --name {self.name}")
        return known

    def _site(self, name: str) -> LabSite:
        sites = {site.name: site for site in self._sites(self._existing())}
        if name not in sites:
            raise LabUsageError(f"The lab {self.name} has no site {name!r}; it has {', '.join(sites)}.")
        return sites[name]

    def _site_of_this_version(self, name: str) -> tuple[LabSite, LabRecord]:
        """A site that can be started with what is there, and the lab's record."""
        known = self._existing()
        if known.generation != databases.key():
            raise LabError(
                f"The lab {self.name} was made by another version of multisite-ha. Make it anew: "
                f"multisite-ha lab down --name {self.name}, then lab up."
            )
        return self._site(name), known

    def _sites(self, known: LabRecord) -> list[LabSite]:
        return [
            LabSite(
                name,
                self.name,
                self.directory / "sites" / name,
                _addresses(known.slot, index, known.mode),
                password,
            )
            for index, (name, password) in enumerate(known.passwords.items())
        ]

    def _locked(self) -> AbstractContextManager[None]:
        return lock(
            self.directory / "lab.lock", lambda: self._progress(f"waiting for another command on lab {self.name}")
        )


def _addresses(slot: int, index: int, mode: str) -> SiteAddresses:
    return site_addresses(slot, index, packets=mode == "namespaces")


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
