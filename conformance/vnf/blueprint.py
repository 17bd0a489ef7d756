"""A blueprint: what a VNF consists of, in words that mean the same at every site. See
docs/how-to-blueprint.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from conformance.resources import closest
from conformance.settings import Settings

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
    them at once: at the third, the members of these roles."""

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
    def _names_exist(self) -> Blueprint:
        for where, what, name, known in _references(self):
            if name not in known:
                raise ValueError(f"{where} names {what} {name!r}, which is not in this blueprint. {_help(name, known)}")
        return self

    @model_validator(mode="after")
    def _addresses_fit(self) -> Blueprint:
        owners: dict[tuple[str, int], str] = {}
        for label, role in self.roles.items():
            for port in role.ports:
                network = self.networks.get(port.network)
                if network is None:
                    continue  # told by the other validator
                room = 2 ** (32 - network.prefix_length) - 1
                for member in range(role.count):
                    offset = port.offset + member
                    mine = f"{label}-{member}"
                    if offset >= room:
                        raise ValueError(
                            f"roles.{label}: offset {offset} of {mine} does not fit into network "
                            f"{port.network!r}: "
                            f"a /{network.prefix_length} has addresses up to {room - 1}."
                        )
                    taken = owners.setdefault((port.network, offset), mine)
                    if taken != mine:
                        raise ValueError(f"{taken} and {mine} both have offset {offset} in network {port.network!r}.")
            twice = [n for n, times in Counter(p.network for p in role.ports).items() if times > 1]
            if twice:
                raise ValueError(f"roles.{label} has two ports in network {twice[0]!r}; one is the most.")
        return self

    @model_validator(mode="after")
    def _stretched_is_stateful(self) -> Blueprint:
        if self.witness and self.replication is None:
            raise ValueError("witness is for a VNF that is one cluster over three sites: it needs replication.")
        return self

    @model_validator(mode="after")
    def _points_are_ports(self) -> Blueprint:
        for name in ("service", "management", "replication"):
            point: ServicePoint | None = getattr(self, name)
            if point is None:
                continue
            role = self.roles.get(point.role)
            networks = [p.network for p in role.ports] if role else []
            if role and point.network not in networks:
                raise ValueError(
                    f"{name} is in network {point.network!r}, but role {point.role!r} has no port there. "
                    f"{_help(point.network, networks)}"
                )
        return self


class Variant(Settings):
    """A blueprint that is another one with a few things changed: entries given here replace or add to those
    there."""

    extends: str
    description: str = ""
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict)
    images: dict[Label, ImageSettings] = Field(default_factory=dict)
    flavors: dict[Label, FlavorSettings] = Field(default_factory=dict)


def _references(b: Blueprint) -> Iterable[tuple[str, str, str, Iterable[str]]]:
    """Every name that stands for something else in the blueprint: where, what kind, the name, what it can
    be."""
    for label, network in b.networks.items():
        if network.router is not None:
            yield f"networks.{label}", "router", network.router, b.routers
        for route in network.host_routes:
            yield f"networks.{label}.host_routes", "network", route.network, [label]
    for label, router in b.routers.items():
        attached = [n for n, settings in b.networks.items() if settings.router == label]
        for route in router.routes:
            yield f"routers.{label}.routes", "network", route.network, attached
    for label, rules in b.security_groups.items():
        for rule in rules:
            if rule.remote_group is not None:
                yield f"security_groups.{label}", "security group", rule.remote_group, b.security_groups
    for label, role in b.roles.items():
        yield f"roles.{label}", "image", role.image, b.images
        yield f"roles.{label}", "flavor", role.flavor, b.flavors
        if role.health is not None:
            yield f"roles.{label}.health", "network", role.health.network, [port.network for port in role.ports]
        if role.server_group is not None:
            yield f"roles.{label}", "server group", role.server_group, b.server_groups
        for port in role.ports:
            yield f"roles.{label}.ports", "network", port.network, b.networks
            for group in port.security_groups:
                yield f"roles.{label}.ports", "security group", group, b.security_groups
    for role_label in b.witness:
        yield "witness", "role", role_label, b.roles
    for name in ("service", "management", "replication"):
        point: ServicePoint | None = getattr(b, name)
        if point is None:
            continue
        yield name, "role", point.role, b.roles
        yield name, "network", point.network, b.networks


def _help(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    sentence = closest(name, names)
    return sentence if sentence.startswith("Known") else f"{sentence} Known: {', '.join(names)}."
