"""What a user writes about each site, by example in fixtures/sites/two-clouds.yaml. Relative paths start there."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from conformance.settings import Settings

SiteFaultName = Literal["api-silence", "api-errors", "service-kill", "storage-full", "storage-slow", "clock-offset"]
"""Faults of a part of a site; how each is made there, the sites file says."""
FaultName = Literal["site-loss", SiteFaultName]
"""Faults that reach beyond the run's own resources and so must be allowed site by site."""


class LabPower(Settings):
    """The site is one of a lab on this machine."""

    driver: Literal["lab"]
    lab: str = "default"


class CommandPower(Settings):
    """The user's own executables, each an argument list, run without a shell on this machine."""

    driver: Literal["command"]
    lose: tuple[str, ...] = Field(min_length=1)
    restore: tuple[str, ...] = Field(min_length=1)
    timeout_s: float = Field(default=60, gt=0)


class SshAction(Settings):
    """A shell command on one host."""

    host: str = Field(min_length=1)
    run: str = Field(min_length=1)


class SshPower(Settings):
    """Commands on hosts over SSH. A host that loses itself cuts the connection, so ``restore`` usually names
    others, the ones that reach the lost hosts' BMCs."""

    driver: Literal["ssh"]
    user: str
    port: int = Field(default=22, ge=1, le=65535)
    known_hosts: Path
    key_file: Path | None = None
    lose: tuple[SshAction, ...] = Field(min_length=1)
    restore: tuple[SshAction, ...] = Field(min_length=1)
    timeout_s: float = Field(default=30, gt=0)


PowerSettings = Annotated[LabPower | CommandPower | SshPower, Field(discriminator="driver")]


class LabFault(Settings):
    """The site is one of a lab on this machine."""

    driver: Literal["lab"]
    lab: str = "default"


class CommandFault(Settings):
    """The user's own executables, each an argument list, run without a shell on this machine.

    What the sentence names besides (a service) comes as a last argument. ``verify`` exits with 0 while the fault is in
    force and with 1 while it is not; anything else is an error. The harness measures more by itself where it can.
    """

    driver: Literal["command"]
    inject: tuple[str, ...] = Field(min_length=1)
    heal: tuple[str, ...] = Field(min_length=1)
    verify: tuple[str, ...] = Field(min_length=1)
    timeout_s: float = Field(default=60, gt=0)


class BallastFault(Settings):
    """For storage-full: volumes that hold nothing, created by the cloud's own user, take all that Cinder grants."""

    driver: Literal["ballast"]


FaultSettings = Annotated[LabFault | CommandFault | BallastFault, Field(discriminator="driver")]


class LabDataPlane(Settings):
    """The site is one of a lab in namespaces mode on this machine: its packets can be looked at everywhere."""

    driver: Literal["lab"]
    lab: str = "default"


class SiteSettings(Settings):
    """One site: a clouds.yaml entry, and what no OpenStack API tells.

    ``tenant_pool`` is the address space that the VNF's subnets are carved from, reachable from this machine;
    ``link_address`` is this machine's address as the site's guests see it: the inter-site link is offered
    there. ``data_plane`` is how packets can be sent and looked at from inside the site's guests, if at all.
    ``faults`` is how faults of parts of the site are made; those that ``allow_faults`` does not name are not.
    """

    cloud: str = Field(min_length=1)
    tenant_pool: IPv4Network
    link_address: IPv4Address
    external_network: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None
    power: PowerSettings | None = None
    data_plane: LabDataPlane | None = None
    faults: dict[SiteFaultName, FaultSettings] = {}
    allow_faults: tuple[FaultName, ...] = ()


class LinkSettings(Settings):
    """``toxiproxy`` is the URL of a Toxiproxy server to use instead of the embedded one."""

    toxiproxy: str | None = Field(default=None, pattern=r"^https?://")


class SitesSettings(Settings):
    """The sites file. Pools must not overlap: an address has to say which site it is at."""

    clouds_yaml: Path | None = None
    sites: dict[str, SiteSettings] = Field(min_length=2)
    link: LinkSettings = LinkSettings()

    @model_validator(mode="after")
    def _sites_are_apart(self) -> SitesSettings:
        named = list(self.sites.items())
        for i, (name, site) in enumerate(named):
            for other_name, other in named[i + 1 :]:
                if site.cloud == other.cloud:
                    raise ValueError(
                        f"sites {name!r} and {other_name!r} both use cloud {site.cloud!r}; each site needs "
                        "a VIM of its own."
                    )
                if site.tenant_pool.overlaps(other.tenant_pool):
                    raise ValueError(
                        f"tenant_pool {site.tenant_pool} of {name!r} overlaps {other.tenant_pool} of {other_name!r}."
                    )
            if site.link_address in site.tenant_pool:
                raise ValueError(
                    f"link_address {site.link_address} of {name!r} lies in its tenant_pool "
                    f"{site.tenant_pool}; "
                    "a guest could be given it."
                )
        return self
