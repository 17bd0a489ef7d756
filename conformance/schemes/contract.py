"""The contract between the harness and a vendor's tool, in JSON: what it is asked and what it may answer. For people:
docs/how-to-scheme.md, whose tables are compared with this."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, TypeVar

from pydantic import Field, StrictBool, StringConstraints, ValidationError

from conformance.resources import closest
from conformance.schemes.executables import HookError
from conformance.settings import Settings, mistakes
from conformance.sites import Site
from conformance.sites.marks import run_prefix, run_tag
from conformance.vnf import Blueprint, Deployment, Endpoint, Guest

VERSION = 1

StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]


class StepLine(Settings):
    """A step that is over."""

    step: StepName
    ok: StrictBool | None
    site: str | None = None
    detail: str = ""
    observed: dict[str, Any] = Field(default_factory=dict)


class GuestLine(Settings):
    """One member of the VNF."""

    label: str
    role: str
    index: int = Field(ge=0)
    server_id: str = Field(min_length=1)
    addresses: dict[str, IPv4Address] = Field(min_length=1)


class DeploymentLine(Settings):
    """The VNF at one site."""

    site: str
    guests: tuple[GuestLine, ...] = Field(min_length=1)
    subnets: dict[str, IPv4Network] = Field(default_factory=dict)


class LastLine(Settings):
    """What the operation came to."""

    ok: StrictBool
    detail: str = ""
    deployment: DeploymentLine | None = None


class StatusLine(Settings):
    """How things stand: what ``status`` answers, and nothing else."""

    ok: StrictBool
    detail: str = ""
    protected: StrictBool
    active: str | None = None
    behind_bytes: int | None = Field(default=None, ge=0)


@dataclass(frozen=True)
class Question:
    """What is asked of a hook. ``sites`` are the first and the second, ``vnfs`` the VNF where it is known to be."""

    operation: str
    sites: tuple[Site, ...]
    vnfs: tuple[Deployment, ...]
    link: Endpoint | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """One line of JSON. Nothing in it is secret."""
        vnf = self.vnfs[0]
        return (
            json.dumps(
                {
                    "contract": VERSION,
                    "operation": self.operation,
                    "run_id": vnf.run_id,
                    "marks": {"tag": run_tag(vnf.run_id), "name_prefix": run_prefix(vnf.run_id)},
                    "sites": [{"name": s.name, "cloud": s.spec.cloud, "region": s.region_name} for s in self.sites],
                    "vnf": {
                        "name": vnf.blueprint.name,
                        "stateless": vnf.blueprint.stateless,
                        "deployments": [_about(v) for v in self.vnfs],
                    },
                    "link": _endpoint(self.link),
                    "arguments": dict(self.arguments),
                }
            ).encode()
            + b"\n"
        )


def _about(vnf: Deployment) -> dict[str, Any]:
    return {
        "site": vnf.site,
        "guests": [
            {
                "label": guest.label,
                "role": guest.role,
                "index": guest.index,
                "server_id": guest.server_id,
                "addresses": dict(guest.addresses),
            }
            for guest in vnf.guests
        ],
        "subnets": dict(vnf.subnets),
        "service_urls": list(vnf.service_urls),
        "management_urls": list(vnf.management_urls),
        "primary": _endpoint(vnf.primary),
        "replication": None if vnf.blueprint.stateless else _endpoint(vnf.replication_upstream),
    }


def _endpoint(endpoint: Endpoint | None) -> dict[str, Any] | None:
    return None if endpoint is None else {"host": endpoint.host, "port": endpoint.port}


L = TypeVar("L", bound=Settings)


def read_object(line: bytes, shown: str) -> dict[str, Any]:
    """One line of an answer. HookError when it is no JSON object."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise HookError(f"{shown} should write one JSON object a line; it wrote {_short(line)}.")
    return said


def read_as(said: dict[str, Any], kind: type[L], shown: str) -> L:
    """What an object says. HookError names the field and what was expected."""
    try:
        return kind.model_validate(said)
    except ValidationError as error:
        what = "step" if kind is StepLine else "last line"
        raise HookError(f"A {what} of {shown} does not keep to the contract: {mistakes(error, kind)}") from None


def check_site(name: str | None, sites: Iterable[Site], shown: str) -> None:
    """HookError unless a site that was named is one of these."""
    known = [site.name for site in sites]
    if name is not None and name not in known:
        raise HookError(f"{shown} speaks of a site {name!r}, which there is not. {closest(name, known)}")


def read_deployment(
    said: DeploymentLine, blueprint: Blueprint, run_id: str, primary: Endpoint | None, shown: str
) -> Deployment:
    """A deployment as a hook states it. HookError when nobody could use or manage that VNF."""
    for guest in said.guests:
        if guest.role not in blueprint.roles:
            raise HookError(
                f"{shown} speaks of {guest.label} with the role {guest.role!r}, which {blueprint.name} has not. "
                f"{closest(guest.role, list(blueprint.roles))}"
            )
    points = {"service": blueprint.service, "management": blueprint.management, "replication": blueprint.replication}
    for name, point in points.items():
        members = [] if point is None else [guest for guest in said.guests if guest.role == point.role]
        if point is not None and not all(point.network in guest.addresses for guest in members or said.guests):
            raise HookError(
                f"{shown} gives no address in the network {point.network} for every {point.role}: that is where "
                f"{blueprint.name} has its {name}."
            )
        if point is not None and not members:
            raise HookError(
                f"{shown} speaks of no {point.role} at {said.site}, which {blueprint.name} needs for {name}."
            )
    guests = tuple(
        Guest(g.label, g.role, g.index, g.server_id, {network: str(at) for network, at in g.addresses.items()})
        for g in sorted(said.guests, key=lambda guest: (guest.role, guest.index))
    )
    subnets = {network: str(cidr) for network, cidr in said.subnets.items()}
    return Deployment(said.site, run_id, blueprint, guests, subnets, primary=primary)


def _short(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= 80 else f"{text[:80]}…")
