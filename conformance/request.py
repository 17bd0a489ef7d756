"""What a run is asked to do: the options as the user gave them, and everything they name, read and looked at."""

from __future__ import annotations

import platform
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from pathlib import Path

from conformance import __version__
from conformance.errors import UsageError
from conformance.lab import Lab, site_names
from conformance.lab.clouds import FAULTS
from conformance.model import Waiver
from conformance.model.results import RunInfo, SiteInfo
from conformance.profile import Profile, load_profile
from conformance.schedule import Needed, Schedule, draw, read_schedule, seed_for
from conformance.schemes import read_scheme
from conformance.site_phrases import WHICH
from conformance.sites import Site, load_sites, one_lab
from conformance.vnf import Blueprint, check_programs, fetch_packages, load_blueprint
from conformance.vocabulary import Loose, check_schedule
from conformance.waiving import read_waivers, together

STATEFUL = "stateful"


@dataclass(frozen=True)
class RunOptions:
    """What the user asked for; names and paths still as text."""

    sites: str | None = None
    lab: str = "default"
    profile: str = "smoke"
    vnf: str = "subscriber-db-sync"
    scheme: str = "reference"
    seed: int | None = None
    out: str | None = None
    toxiproxy: str | None = None
    faults: bool = True
    keep_lab: bool = False
    schedule: str | None = None
    waivers: str | None = None
    jobs: int = 1
    command_line: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """The options after everything that can be wrong with them has been looked at; nothing has been started."""

    options: RunOptions
    profile: Profile
    blueprint: Blueprint
    others: Mapping[str, Blueprint]
    seed: int
    schedule: Schedule | None = None
    waivers: tuple[Waiver, ...] = ()

    @classmethod
    def read(cls, options: RunOptions) -> Request:
        """Read every file the options name. UsageError on the first one that cannot be used."""
        profile = load_profile(options.profile)
        blueprint = load_blueprint(options.vnf)
        read_scheme(options.scheme)
        if options.sites is not None:
            load_sites(options.sites).close()
        else:
            Lab(options.lab)  # says so when that can be no lab's name
        if options.toxiproxy is not None and not re.match(r"https?://[^/\s]", options.toxiproxy):
            raise UsageError("--toxiproxy takes the URL of a Toxiproxy's API, such as http://127.0.0.1:8474.")
        others = {kind: load_blueprint(name) for kind, name in profile.vnfs.items()}
        _check_stretched(blueprint, options)
        schedule = None if options.schedule is None else read_schedule(Path(options.schedule))
        check_schedule(schedule or ())
        waivers = together(profile.waivers, () if options.waivers is None else read_waivers(Path(options.waivers)))
        seed = secrets.randbits(32) if options.seed is None else options.seed
        return cls(options, profile, blueprint, others, seed, schedule, waivers)

    def scheduled(self, scenario: str, loose: Loose, sites: Sequence[Site] = ()) -> Schedule:
        """What a nemesis does in a scenario: what the user gave, else what the run's seed draws from what ``sites``,
        the first and the second, allow; packets are disturbed only where something can be done to them. Where the sites
        are not known yet, they are the lab's in namespaces mode."""
        if self.schedule is not None:
            return self.schedule
        allowed = allowed_at(sites) if sites else frozenset(product(FAULTS, WHICH))
        packets = one_lab(*sites) is not None if sites else True
        seed = seed_for(self.seed, scenario)
        return draw(seed, loose.span_s, allowed if loose.everything else None, packets=packets)

    @property
    def clouds(self) -> int:
        """How many sites the run needs."""
        return max(self.profile.clouds, self.blueprint.sites)

    @property
    def lab_sites(self) -> tuple[str, ...] | None:
        """The sites that a lab for this run has to have; None where the usual two will do."""
        return site_names(self.clouds) if self.clouds > 2 else None

    def fetch(self, progress: Callable[[str], None]) -> None:
        """Have ready what the VNF's guests need of this machine. Not from inside a lab: it has no uplink."""
        if self.options.sites is None:
            fetch_packages(self.blueprint, progress)

    def blueprint_for(self, kind: str) -> Blueprint:
        """The VNF under test where a feature asks for a stateful one; where it asks for another kind, the profile's."""
        if kind == STATEFUL:
            return self.blueprint
        if kind not in self.others:
            raise UsageError(
                f"A scenario needs a {kind} VNF, and profile {self.profile.name} names none: add {kind} to its vnfs."
            )
        return self.others[kind]


def allowed_at(sites: Sequence[Site]) -> frozenset[Needed]:
    """What may be done to the parts of the first and the second site."""
    return frozenset(
        (fault, which) for which, site in zip(WHICH, sites, strict=False) for fault in site.spec.allow_faults
    )


def _check_stretched(blueprint: Blueprint, options: RunOptions) -> None:
    """UsageError where a VNF that protects itself is given to a scheme that would, or programs of it are missing."""
    if blueprint.witness and options.scheme.partition(":")[0] != "observe":
        raise UsageError(
            f"The VNF {blueprint.name} is one cluster over three sites and acts by itself; the scheme {options.scheme} "
            "would have to place it. Watch it: --scheme observe."
        )
    if options.sites is None:
        check_programs(blueprint)


def describe(request: Request, run_id: str, sites: tuple[Site, ...]) -> RunInfo:
    """What run.json says before anything is done."""
    options = request.options
    return RunInfo(
        run_id=run_id,
        product_version=__version__,
        profile=request.profile.name,
        seed=request.seed,
        vnf=request.blueprint.name,
        scheme=options.scheme,
        started_wall=datetime.now(UTC).isoformat(timespec="seconds"),
        started=time.monotonic_ns(),
        sites=tuple(_about(site) for site in sites),
        command_line=options.command_line,
        environment={
            "python": platform.python_version(),
            "machine": platform.platform(),
            "sites": options.sites or "lab",
            "data plane": _data_plane(options, sites),
            "link proxy": options.toxiproxy or "embedded",
            "scenarios side by side": str(options.jobs),
            **{name: version(name) for name in ("openstacksdk", "pytest", "pytest-bdd")},
        },
        mandatory=request.profile.mandatory,
        optional=request.profile.optional,
        faults_enabled=options.faults,
        profile_version=request.profile.version,
        waivers=request.waivers,
    )


def _data_plane(options: RunOptions, sites: tuple[Site, ...]) -> str:
    if options.sites:
        return "as the sites provide"
    return "lab, loopback: no packet data plane" if sites[0].spec.data_plane is None else "lab, namespaces"


def _about(site: Site) -> SiteInfo:
    config = site.cloud.config
    return SiteInfo(
        name=site.name,
        cloud=site.spec.cloud,
        region=config.region_name,
        identity_endpoint=config.get_auth_args().get("auth_url"),
    )
