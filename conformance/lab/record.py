"""What is written down about a lab, so that any process can find it again: ``lab.json`` in its directory."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from conformance.lab.addressing import SITES_PER_SLOT, SLOTS
from conformance.lab.errors import LabError, LabUsageError
from conformance.lab.files import write_private
from conformance.lab.places import labs_directory

NAME = re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True)
class LabRecord:
    """A lab: its name, its slot of addresses, its sites in the order of their octets with their passwords.

    ``generation`` names the databases' schema and seed: another version of the product cannot run them. ``mode`` is
    "loopback" or "namespaces".
    """

    name: str
    slot: int
    passwords: dict[str, str]
    generation: str
    mode: str = "loopback"

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites."""
        return tuple(self.passwords)


def site_names(count: int) -> tuple[str, ...]:
    """The names of a lab's sites when only their number is given: site-a, site-b, …"""
    return tuple(f"site-{chr(ord('a') + number)}" for number in range(count))


def check_names(lab: str, sites: tuple[str, ...]) -> None:
    """Raise LabUsageError unless the names can be used in host names, paths and cloud names."""
    for kind, name in (("lab", lab), *(("site", site) for site in sites)):
        if not NAME.fullmatch(name):
            raise LabUsageError(
                f"{name!r} cannot be the name of a {kind}: use up to 32 lower-case letters, digits and hyphens, "
                "beginning with a letter."
            )
    if not 2 <= len(sites) <= SITES_PER_SLOT or len(set(sites)) < len(sites):
        given = ", ".join(sites) or "none"
        raise LabUsageError(f"A lab has 2 to {SITES_PER_SLOT} sites with different names; given were {given}.")


def load(directory: Path) -> LabRecord | None:
    """The record of the lab in ``directory``, or None when there is no lab."""
    path = directory / "lab.json"
    try:
        return LabRecord(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        cure = f"Clean up: multisite-ha lab down --name {directory.name}"
        raise LabError(f"{path} cannot be read ({error}). {cure}") from error


def save(directory: Path, record: LabRecord) -> None:
    """Write the record."""
    write_private(directory / "lab.json", json.dumps(asdict(record)))


def claim_name(slot: int) -> str:
    """Abstract unix socket that the processes of a lab hold while they live: seen by all users of the machine."""
    return f"multisite-ha-lab-slot-{slot}"


def free_slot() -> int:
    """The first slot that no lab of ours has and no lab of anybody else holds."""
    ours = {record.slot for directory in labs_directory().glob("*") if (record := _load_if_sound(directory))}
    for slot in range(SLOTS):
        if slot not in ours and not _claimed(slot):
            return slot
    raise LabError(f"All {SLOTS} slots of addresses are taken by labs. Stop one: multisite-ha lab down --name NAME.")


def _load_if_sound(directory: Path) -> LabRecord | None:
    try:
        return load(directory)
    except LabError:
        return None  # what is left of it is its owner's to clean; its slot is claimed while it runs


def _claimed(slot: int) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.bind("\0" + claim_name(slot))
        except OSError:
            return True
    return False
