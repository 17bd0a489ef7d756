"""The Nova and Cinder half of a VNF: flavors, server groups, volumes and servers."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from conformance.errors import UsageError
from conformance.sites import SiteError
from conformance.sites.marks import TAG_KEY
from conformance.vnf.blueprint import FlavorSettings, RoleSettings
from conformance.vnf.build import Build
from conformance.vnf.deployment import Endpoint, Guest
from conformance.vnf.images import BuiltImage
from conformance.vnf.needs import packages_of
from conformance.vnf.networking import BuiltPort
from conformance.waiting import wait_until

# Nova's limit for user data, counted after base64.
_USER_DATA_LIMIT = 65535
_VOLUME_TIMEOUT_S = 120.0

Peers = Mapping[str, Sequence[Mapping[str, str]]]
"""Role → the addresses of its members at a site, by network label."""


@dataclass(frozen=True)
class Parts:
    """What the servers are made of, by label; ports and volumes by member first."""

    images: Mapping[str, BuiltImage]
    flavors: Mapping[str, str]
    server_groups: Mapping[str, str]
    ports: Mapping[str, Mapping[str, BuiltPort]]
    volumes: Mapping[str, Mapping[str, str]]


def build_flavors(build: Build) -> dict[str, str]:
    """Create the flavors. Who may not do so gets the cloud's own flavor of exactly that size; SiteError if
    none is."""
    ids = {}
    for label, settings in build.blueprint.flavors.items():
        try:
            with build.site.asking(f"create flavor {label}") as cloud:
                flavor = cloud.compute.create_flavor(
                    name=build.name(label), vcpus=settings.vcpus, ram=settings.ram_mib, disk=settings.disk_gib
                )
                # A scoped key that no filter of Nova's scheduler looks at.
                cloud.compute.create_flavor_extra_specs(flavor, {TAG_KEY: build.run_id})
                ids[label] = flavor.id
        except SiteError as error:
            if error.status != 403:
                raise
            ids[label] = _flavor_of_size(build, label, settings)
    return ids


def _flavor_of_size(build: Build, label: str, size: FlavorSettings) -> str:
    with build.site.asking("list flavors") as cloud:
        for flavor in cloud.compute.flavors():
            if (flavor.vcpus, flavor.ram, flavor.disk) == (size.vcpus, size.ram_mib, size.disk_gib):
                return str(flavor.id)
    raise SiteError(
        f"Site {build.site.name}: flavor {label!r} could not be created (this user may not), and there is "
        "none with "
        f"{size.vcpus} vCPU, {size.ram_mib} MiB of memory and {size.disk_gib} GiB of disk. Change the "
        "blueprint's flavor to "
        "one the cloud has, or have it created."
    )


def build_server_groups(build: Build) -> dict[str, str]:
    """Create the server groups."""
    ids = {}
    for label, settings in build.blueprint.server_groups.items():
        with build.site.asking(f"create server group {label}") as cloud:
            ids[label] = cloud.compute.create_server_group(name=build.name(label), policy=settings.policy).id
    return ids


def build_volumes(build: Build) -> dict[str, dict[str, str]]:
    """Create every member's volumes and wait until they can be attached."""
    ids: dict[str, dict[str, str]] = {}
    for role, settings in build.blueprint.roles.items():
        for member in settings.members:
            for volume in settings.volumes:
                label = f"{role}-{member}-{volume.label}"
                with build.site.asking(f"create volume {label}") as cloud:
                    created = cloud.block_storage.create_volume(
                        **build.marks(label),
                        size=volume.size_gib,
                        volume_type=build.site.spec.volume_type,
                        metadata={TAG_KEY: build.run_id},
                    )
                    ids.setdefault(f"{role}-{member}", {})[volume.label] = created.id
    for guest, volumes in ids.items():
        for label, volume_id in volumes.items():
            _await_volume(build, f"{guest}-{label}", volume_id)
    return ids


def _await_volume(build: Build, label: str, volume_id: str) -> None:
    def usable() -> bool:
        with build.site.asking(f"look at volume {label}") as cloud:
            status = cloud.block_storage.get_volume(volume_id).status
        if str(status).startswith("error"):
            raise SiteError(f"Site {build.site.name}: volume {label} went to status {status}; Cinder's log says why.")
        return bool(status == "available")

    wait_until(usable, timeout=_VOLUME_TIMEOUT_S, what=f"volume {label} of {build.site.name} to be available")


def boot_servers(
    build: Build, parts: Parts, primary: Endpoint | None, elsewhere: Mapping[str, Peers], workers: Executor
) -> tuple[Guest, ...]:
    """Ask for all servers at once; they are still building when this returns."""
    scripts = render_user_data(build, parts, primary, elsewhere)
    running = {member: workers.submit(_boot, build, parts, *member, script) for member, script in scripts.items()}
    return tuple(
        Guest(f"{role}-{index}", role, index, future.result(), _addresses(parts, role, index))
        for (role, index), future in running.items()
    )


def _boot(build: Build, parts: Parts, role: str, index: int, user_data: str) -> str:
    guest = f"{role}-{index}"
    settings = build.blueprint.roles[role]
    arguments: dict[str, Any] = {}
    if settings.server_group is not None:
        arguments["scheduler_hints"] = {"group": parts.server_groups[settings.server_group]}
    if build.site.spec.availability_zone is not None:
        arguments["availability_zone"] = build.site.spec.availability_zone
    if settings.volumes:
        arguments["block_device_mapping"] = _block_devices(parts, settings, guest)
    with build.site.asking(f"boot server {guest}") as cloud:
        server = cloud.compute.create_server(
            name=build.name(guest),
            image_id=parts.images[settings.image].id,
            flavor_id=parts.flavors[settings.flavor],
            networks=[{"port": port.id} for port in parts.ports[guest].values()],
            user_data=user_data,
            # Works where the tenant's networks lead to no metadata service.
            config_drive=True,
            metadata={"role": role, **settings.metadata, TAG_KEY: build.run_id},
            tags=[build.tag],
            **arguments,
        )
    return str(server.id)


def _block_devices(parts: Parts, settings: RoleSettings, guest: str) -> list[dict[str, Any]]:
    root = {
        "boot_index": 0,
        "uuid": parts.images[settings.image].id,
        "source_type": "image",
        "destination_type": "local",
        "delete_on_termination": True,
    }
    volumes = [
        {
            "boot_index": -1,
            "uuid": parts.volumes[guest][volume.label],
            "source_type": "volume",
            "destination_type": "volume",
            "delete_on_termination": False,
            **({"device_name": volume.device} if volume.device else {}),
        }
        for volume in settings.volumes
    ]
    return [root, *volumes]


def render_user_data(
    build: Build, parts: Parts, primary: Endpoint | None, elsewhere: Mapping[str, Peers] | None = None
) -> dict[tuple[str, int], str]:
    """Every member's user data, in base64, by role and index: all of them, before anything boots from the first.

    docs/how-to-blueprint.md lists what a template finds in ``config``. UsageError names the template and the line.
    """
    members = [(role, index) for role, settings in build.blueprint.roles.items() for index in settings.members]
    addresses = {member: _addresses(parts, *member) for member in members}
    peers = peers_of(build, parts)
    packages = packages_of(build.blueprint, build.site)
    return {
        (role, index): _render(
            build.blueprint.roles[role].user_data,
            role,
            {
                "run_id": build.run_id,
                "site": build.site.name,
                "role": role,
                "index": index,
                "addresses": addresses[role, index],
                "peers": peers,
                "elsewhere": elsewhere or {},
                "packages": packages,
                "variables": build.blueprint.variables,
                "primary": {"host": primary.host, "port": primary.port} if primary else None,
                "volumes": parts.volumes.get(f"{role}-{index}", {}),
            },
        )
        for role, index in members
    }


def peers_of(build: Build, parts: Parts) -> Peers:
    """Where the members of each role are, by index, before any of them is there."""
    return {
        role: [_addresses(parts, role, index) for index in settings.members]
        for role, settings in build.blueprint.roles.items()
    }


def _addresses(parts: Parts, role: str, index: int) -> dict[str, str]:
    return {network: port.address for network, port in parts.ports[f"{role}-{index}"].items()}


def _render(template: Path, role: str, config: Mapping[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # it renders scripts, not HTML
        keep_trailing_newline=True,
    )
    try:
        script = environment.get_template(template.name).render(config=config)
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        where = f"{getattr(error, 'filename', None) or template}{f', line {line}' if line else ''}"
        raise UsageError(f"The user data template {where} of role {role!r} cannot be rendered: {error}") from None
    encoded = base64.b64encode(script.encode()).decode()
    if len(encoded) > _USER_DATA_LIMIT:
        # cloud-init takes user data that is compressed, and so does the lab; mtime 0 makes it the same every time.
        encoded = base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()
    if len(encoded) > _USER_DATA_LIMIT:
        raise UsageError(
            f"The user data of role {role!r} ({template}) is {len(encoded)} characters in base64, compressed; "
            f"Nova takes {_USER_DATA_LIMIT}. Move parts of it into the image."
        )
    return encoded
