"""One guest: a server of the compute API, and the process tree behind it that has to do what the API says."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import psutil
from openstack.connection import Connection
from seeding import Seed

from conformance.lab import GuestStatus, Lab
from conformance.waiting import wait_until

PORT = 8080
API_TIMEOUT = 60.0
BOOT_TIMEOUT = 20.0  # seconds from ACTIVE until the guest's server has to answer
SILENCE = 2.0  # seconds without an answer that count as silence


class Unexpected(Exception):
    """A guest is not what the API says it is."""


class Guest:
    """One server and the process tree behind it."""

    def __init__(self, lab: Lab, cloud: Connection, seeded: Seed, server: Any) -> None:
        self.lab, self.cloud, self.seeded, self.server = lab, cloud, seeded, server
        self.address: str = next(iter(server.addresses.values()))[0]["addr"]

    # What the machine says

    def identity(self) -> dict[str, Any] | None:
        """What the guest answers, or None if it is silent."""
        try:
            with urllib.request.urlopen(f"http://{self.address}:{PORT}/", timeout=SILENCE) as answer:
                told: dict[str, Any] = json.load(answer)
        except (OSError, urllib.error.URLError):
            return None
        return told

    def answers(self) -> dict[str, Any]:
        """Wait for the guest's answer and make sure that it is this guest's."""
        told = wait_until(self.identity, timeout=BOOT_TIMEOUT, what=f"an answer of {self.address}:{PORT}")
        _expect(
            told["uuid"] == self.server.id,
            f"{self.address} is answered by {told['uuid']}, not by {self.server.id}",
        )
        return told

    def silent(self) -> str:
        """Make sure that the guest does not answer."""
        told = self.identity()
        _expect(told is None, f"{self.address} still answers: {told}")
        return f"no answer within {SILENCE:g} s"

    def process(self) -> GuestStatus | None:
        """The guest as the lab's status shows it."""
        return next((guest for guest in all_guests(self.lab) if guest.uuid == self.server.id), None)

    # What the API is asked to do

    def act(self, action: str, *arguments: Any) -> None:
        """Call the compute proxy's method of this name for the server."""
        getattr(self.cloud.compute, action)(self.server, *arguments)

    def becomes(self, status: str) -> None:
        """Wait until the API shows the status and no task."""

        def settled() -> Any:
            server = self.cloud.compute.get_server(self.server.id)
            _expect(server.status != "ERROR", f"the server went to ERROR: {server.fault}")
            return server.status == status and not server.task_state and server

        self.server = wait_until(
            settled, timeout=API_TIMEOUT, interval=0.2, what=f"status {status} of server {self.server.id}"
        )

    # The checks

    def stop(self) -> str:
        self.act("stop_server")
        self.becomes("SHUTOFF")
        guest = self.process()
        _expect(guest is not None and guest.pid is None, f"the guest's process is still there: {guest}")
        return self.silent()

    def start(self) -> str:
        self.act("start_server")
        self.becomes("ACTIVE")
        return told_by(self.answers())

    def reboot(self, kind: str) -> str:
        before = self.answers()["pid"]
        self.act("reboot_server", kind)
        self.becomes("ACTIVE")
        after = self.answers()
        _expect(after["pid"] != before, f"process {before} was not started again")
        return told_by(after)

    def frozen(self, action: str, status: str) -> str:
        """Pause or suspend: silent, and the processes are still there."""
        self.act(action)
        self.becomes(status)
        guest = self.process()
        _expect(guest is not None and guest.pid is not None, "the guest's process is gone")
        return self.silent() + ", process kept"

    def thawed(self, action: str) -> str:
        """Unpause or resume: the same process answers again."""
        guest = self.process()
        self.act(action)
        self.becomes("ACTIVE")
        told = self.answers()
        after = self.process()
        _expect(bool(guest and after and guest.pid == after.pid), f"the process changed: {guest} then {after}")
        return told_by(told)

    def cold_migrate(self) -> str:
        before = self.answers()["host"]
        self.act("migrate_server")
        self.becomes("VERIFY_RESIZE")
        self.act("confirm_server_resize")
        self.becomes("ACTIVE")
        return self._moved_from(before)

    def live_migrate(self) -> str:
        before = self.answers()["host"]
        self.act("live_migrate_server", None, False, "auto")
        self.becomes("ACTIVE")
        return self._moved_from(before)

    def _moved_from(self, before: str) -> str:
        told = self.answers()
        now = self.server.compute_host
        _expect(
            now != before and told["host"] == now,
            f"it was on {before}, nova says {now}, the guest says {told['host']}",
        )
        return f"{before} → {told_by(told)}"

    def resize_and_revert(self) -> str:
        before = self.answers()["host"]
        self.act("resize_server", self.seeded.flavor_alt)
        self.becomes("VERIFY_RESIZE")
        resized = self.answers()["host"]
        self.act("revert_server_resize")
        self.becomes("ACTIVE")
        told = self.answers()
        _expect(told["host"] == before, f"reverted from {resized} to {told['host']}, not to {before}")
        return f"{before} → {resized} → {told_by(told)}"

    def resize_and_confirm(self) -> str:
        self.act("resize_server", self.seeded.flavor_alt)
        self.becomes("VERIFY_RESIZE")
        self.act("confirm_server_resize")
        self.becomes("ACTIVE")
        flavor = self.server.flavor.vcpus
        _expect(flavor == 2, f"the server has {flavor} vCPUs, not the flavor's 2")
        return told_by(self.answers())

    def rebuild(self) -> str:
        self.act("rebuild_server", self.seeded.image_alt)
        self.becomes("ACTIVE")
        return told_by(self.answers())

    def shelve(self) -> str:
        self.act("shelve_server")
        self.becomes("SHELVED_OFFLOADED")
        return self.silent()

    def unshelve(self) -> str:
        self.act("unshelve_server")
        self.becomes("ACTIVE")
        return told_by(self.answers())

    def rescue(self) -> str:
        self.act("rescue_server")
        self.becomes("RESCUE")
        return self.silent()

    def unrescue(self) -> str:
        self.act("unrescue_server")
        self.becomes("ACTIVE")
        return told_by(self.answers())

    def attach_volume(self) -> str:
        """A volume made from the image: the guest reads the image's first bytes from its new disk."""
        cloud = self.cloud
        volume = cloud.create_volume(1, image=self.seeded.image, wait=True, timeout=API_TIMEOUT)
        try:
            cloud.attach_volume(self.server, volume, wait=True, timeout=API_TIMEOUT)
            (disk,) = self.answers()["volumes"]
            _expect(disk["id"] == volume.id and disk["head"] == "tempest", f"the guest reads {disk}")
            cloud.detach_volume(self.server, cloud.get_volume(volume.id), wait=True, timeout=API_TIMEOUT)
            left = self.answers()["volumes"]
            _expect(not left, f"the detached disk is still there: {left}")
        finally:
            cloud.delete_volume(volume.id, wait=True, timeout=API_TIMEOUT)
        return f"the guest read {disk['head']!r} from {disk['device']}"

    def delete(self) -> str:
        guest = self.process()
        members = _tree(guest.pid) if guest and guest.pid else []
        self.cloud.compute.delete_server(self.server)
        wait_until(
            lambda: self.cloud.compute.find_server(self.server.id) is None,
            timeout=API_TIMEOUT,
            interval=0.2,
            what=f"server {self.server.id} to be deleted",
        )
        left = [process for process in members if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
        _expect(bool(members) and not left, f"of the processes {members} these are left: {left}")
        return f"{len(members)} processes gone, {self.silent()}"


def all_guests(lab: Lab) -> tuple[GuestStatus, ...]:
    """Guests of the lab's first site, which is the one under test."""
    return lab.status().sites[0].guests


def _expect(held: bool, otherwise: str) -> None:
    if not held:
        raise Unexpected(otherwise)


def told_by(identity: dict[str, Any]) -> str:
    """An answer of a guest in words."""
    return f"process {identity['pid']} on {identity['host']} answers at {identity['ip']}"


def _tree(pid: int) -> list[psutil.Process]:
    init = psutil.Process(pid)
    return [init, *init.children(recursive=True)]
