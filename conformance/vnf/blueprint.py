"""A blueprint: what a VNF consists of, in words that mean the same at every site. See
docs/how-to-blueprint.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from conformance.settings import Settings
from conformance.vnf.coherence import troubles

Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
"""What a resource is called at every site: lower-case letters, digits and hyphens."""

Offset = Annotated[int, Field(ge=2)]
"""An address as its distance from the subnet's first: 0 is the network itself and 1 its gateway."""


class ImageSettings(Settings):
    """Where an image comes from: exactly one of ``generated_mib`` (a payload of its own for every run, for
    guests that need no disk), ``file``, and ``existing`` (the name of an image that is at the first site
    already)."""

    generated_mib: int | None = Field(default=None, ge=1, le=1024)
    file: Path | None = None
    existing: str | None = None
    disk_format: Literal["raw", "qcow2", "vmdk", "vdi", "iso"] = "raw"

    @model_validator(mode="after")
    def _one_source(self) -> ImageSettings:
        given = [n for n in ("generated_mib", "file", "existing") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                f"expected exactly one of generated_mib, file and existing; seen: {', '.join(given) or 'none'}."
            )
        return self


class FlavorSettings(Settings):
    """The size of a virtual machine."""

    vcpus: int = Field(ge=1)
    ram_mib: int = Field(ge=1)
    disk_gib: int = Field(ge=0)


class RouteSettings(Settings):
    """A route by way of the address ``offset`` in ``network``."""

    destination: IPv4Network
    network: str
    offset: Offset


class NetworkSettings(Settings):
    """A network with one subnet. Its gateway, offset 1, is ``router``, where one is named."""

    prefix_length: int = Field(default=24, ge=16, le=29)
    mtu: int | None = Field(default=None, ge=576, le=9216)
    dns: tuple[IPv4Address, ...] = ()
    router: str | None = None
    host_routes: tuple[RouteSettings, ...] = ()


class RouterSettings(Settings):
    """``external``: with a gateway to the site's external network."""

    external: bool = False
    routes: tuple[RouteSettings, ...] = ()


class RuleSettings(Settings):
    """One permission, in Neutron's words. Without a remote it is for anybody, without ports for all of
    them."""

    direction: Literal["ingress", "egress"] = "ingress"
    protocol: Literal["tcp", "udp", "icmp"] | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    port_max: int | None = Field(default=None, ge=1, le=65535)
    remote_group: str | None = None
    remote_prefix: IPv4Network | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> RuleSettings:
        if self.port is not None and self.protocol not in ("tcp", "udp"):
            raise ValueError(f"port {self.port} needs protocol tcp or udp; seen: {self.protocol}.")
        if self.port_max is not None and (self.port is None or self.port_max < self.port):
            raise ValueError(f"port_max {self.port_max} needs a port that is not above it; seen: {self.port}.")
        if self.remote_group is not None and self.remote_prefix is not None:
            raise ValueError("a rule has remote_group or remote_prefix, not both.")
        return self


class ServerGroupSettings(Settings):
    """How Nova is to spread the members of the roles that name this group."""

    policy: Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


class PortSettings(Settings):
    """A port of each member: the n-th has the address ``offset`` + n. ``allowed_address_pairs`` are offsets
    too."""

    network: str
    offset: Offset
    security_groups: tuple[str, ...] = ()
    allowed_address_pairs: tuple[Offset, ...] = ()


class VolumeSettings(Settings):
    """A Cinder volume of each member, attached while it boots."""

    label: Label
    size_gib: int = Field(ge=1)
    device: str | None = None


class HealthSettings(Settings):
    """Where each member of a role says that it is well: GET is answered 200, with a JSON object."""

    network: str
    port: int = Field(ge=1, le=65535)
    path: str = Field(default="/health", pattern=r"^/\S*$")


class RoleSettings(Settings):
    """Virtual machines that do the same. ``user_data`` is a template, relative to the blueprint's file. ``health`` is
    for a role that is neither where clients are served nor where a scheme asks.

    ``only`` are the members that are deployed here, of a VNF that is spread over several clouds; all if not given.
    """

    count: int = Field(default=1, ge=1, le=200)
    only: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    image: str
    flavor: str
    ports: tuple[PortSettings, ...] = Field(min_length=1)
    server_group: str | None = None
    volumes: tuple[VolumeSettings, ...] = ()
    user_data: Path
    metadata: dict[str, str] = Field(default_factory=dict)
    health: HealthSettings | None = None

    @property
    def members(self) -> tuple[int, ...]:
        """The indices of the members that are deployed here."""
        return tuple(range(self.count)) if self.only is None else self.only


class NeedsSettings(Settings):
    """What guests need that not every image has. In the lab they find it on this machine: ``programs`` by name, with
    the Debian package that has each, and the Python packages of the list ``packages``, installed before it starts."""

    programs: dict[str, str] = Field(default_factory=dict)
    packages: Path | None = None


class ServicePoint(Settings):
    """Where a role listens: every member, on its address in ``network``."""

    role: str
    network: str
    port: int = Field(ge=1, le=65535)


class Blueprint(Settings):
    """A VNF. Keys of the mappings are labels; whatever names one must name an existing one. Without ``replication`` it
    is stateless: there is nothing to replicate. With ``witness`` it is one cluster over three sites, deployed at all of
    them at once: at the third, the members of these roles. ``agents`` say how each member that serves fares."""

    description: str = ""
    images: dict[Label, ImageSettings] = Field(min_length=1)
    flavors: dict[Label, FlavorSettings] = Field(min_length=1)
    networks: dict[Label, NetworkSettings] = Field(min_length=1)
    routers: dict[Label, RouterSettings] = Field(default_factory=dict)
    security_groups: dict[Label, tuple[RuleSettings, ...]] = Field(default_factory=dict)
    server_groups: dict[Label, ServerGroupSettings] = Field(default_factory=dict)
    roles: dict[Label, RoleSettings] = Field(min_length=1)
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict)
    needs: NeedsSettings = NeedsSettings()
    witness: tuple[str, ...] = ()
    service: ServicePoint
    management: ServicePoint
    agents: ServicePoint | None = None
    replication: ServicePoint | None = None
    _path: Path = PrivateAttr(default=Path())

    @property
    def name(self) -> str:
        """The blueprint's file name without its suffix."""
        return self._path.stem

    def part(self, members: Mapping[str, Sequence[int]]) -> Blueprint:
        """The same VNF with none but these members, indices by role: its share of one cloud among several."""
        roles = {
            label: role.model_copy(update={"only": tuple(members[label])})
            for label, role in self.roles.items()
            if members.get(label)
        }
        made = self.model_copy(update={"roles": roles})
        made._path = self._path
        return made

    def offsets(self, network: str) -> frozenset[int]:
        """What is spoken for in a network: by its gateway, by ports, by what they may answer for, and by routes."""
        ports = [(role, p) for role in self.roles.values() for p in role.ports if p.network == network]
        routes = [r for n in self.networks.values() for r in n.host_routes]
        routes += [r for router in self.routers.values() for r in router.routes]
        return frozenset(
            {1}
            | {p.offset + member for role, p in ports for member in range(role.count)}
            | {pair for _, p in ports for pair in p.allowed_address_pairs}
            | {r.offset for r in routes if r.network == network}
        )

    @property
    def stateless(self) -> bool:
        """Whether nothing of it has to outlive its machines."""
        return self.replication is None

    @property
    def sites(self) -> int:
        """How many sites it takes."""
        return 3 if self.witness else 2

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._path

    @model_validator(mode="after")
    def _fits_together(self) -> Blueprint:
        trouble = next(troubles(self), None)
        if trouble is not None:
            raise ValueError(trouble)
        return self


class Variant(Settings):
    """A blueprint that is another one with a few things changed: entries given here replace or add to those
    there."""

    extends: str
    description: str = ""
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict)
    images: dict[Label, ImageSettings] = Field(default_factory=dict)
    flavors: dict[Label, FlavorSettings] = Field(default_factory=dict)
