"""Guests beside the API state: what a server's status claims is looked for in the machine.

An instance is a process tree that answers HTTP on its fixed IP with its identity. Each check does one thing through the
compute API, waits until the API says it is done, and then looks at the guest itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from guest import API_TIMEOUT, Guest, Unexpected, all_guests, told_by
from keystoneauth1.exceptions import ClientException
from openstack.connection import Connection
from openstack.exceptions import SDKException
from seeding import Seed

from conformance.lab import Lab
from conformance.waiting import NotReached

PREFIX_LENGTH = 24


@dataclass(frozen=True)
class Check:
    """What was checked, whether it held, what was seen, and how long it took in seconds."""

    name: str
    ok: bool
    seen: str
    seconds: float


def verify(lab: Lab, cloud: Connection, seeded: Seed, pool: str, say: Callable[[str], None]) -> list[Check]:
    """Take one guest through its life in a network of its own below ``pool`` (CIDR), checking each step."""
    network = cloud.network.create_network(name="guests")
    server = None
    try:
        cidr = pool.partition("/")[0] + f"/{PREFIX_LENGTH}"
        cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr=cidr, is_dhcp_enabled=False)
        server = cloud.create_server(
            "guest",
            image=seeded.image,
            flavor=seeded.flavor,
            network=network.id,
            wait=True,
            timeout=int(API_TIMEOUT),
            auto_ip=False,
        )
        guest = Guest(lab, cloud, seeded, server)
        return [_check(name, step, say) for name, step in _life(guest)]
    finally:
        if server is not None:
            cloud.delete_server(server.id, wait=True, timeout=int(API_TIMEOUT))
        cloud.delete_network(network.id)


def _life(guest: Guest) -> list[tuple[str, Callable[[], str]]]:
    return [
        ("created: answers", lambda: told_by(guest.answers())),
        ("stopped: silent, process gone", guest.stop),
        ("started: answers", guest.start),
        ("rebooted (soft): answers, new process", lambda: guest.reboot("SOFT")),
        ("rebooted (hard): answers, new process", lambda: guest.reboot("HARD")),
        ("paused: silent, process kept", lambda: guest.frozen("pause_server", "PAUSED")),
        ("unpaused: answers, same process", lambda: guest.thawed("unpause_server")),
        ("suspended: silent, process kept", lambda: guest.frozen("suspend_server", "SUSPENDED")),
        ("resumed: answers, same process", lambda: guest.thawed("resume_server")),
        ("rescued: silent", guest.rescue),
        ("unrescued: answers", guest.unrescue),
        ("volume attached and detached: read by the guest", guest.attach_volume),
        ("cold migrated and confirmed: answers on the other host", guest.cold_migrate),
        ("live migrated: answers on the other host", guest.live_migrate),
        ("resized and reverted: answers on the first host", guest.resize_and_revert),
        ("resized and confirmed: answers", guest.resize_and_confirm),
        ("rebuilt: answers", guest.rebuild),
        ("shelved: silent", guest.shelve),
        ("unshelved: answers", guest.unshelve),
        ("deleted: every process gone", guest.delete),
    ]


def leftovers(lab: Lab, cloud: Connection) -> Check:
    """After a suite: every guest in the machine belongs to a server, and every ACTIVE server has a living guest."""
    started = time.monotonic()
    servers = {server.id: server for server in cloud.compute.servers(all_projects=True)}
    living = {guest.uuid for guest in all_guests(lab) if guest.pid}
    orphans = sorted(living - set(servers))
    dead = sorted(key for key, server in servers.items() if server.status == "ACTIVE" and key not in living)
    seen = f"{len(servers)} servers, {len(living)} living guests; without a server: {orphans}; ACTIVE but dead: {dead}"
    return Check(
        "no guest without a server, no ACTIVE server without a guest",
        not orphans and not dead,
        seen,
        time.monotonic() - started,
    )


def _check(name: str, step: Callable[[], str], say: Callable[[str], None]) -> Check:
    started = time.monotonic()
    try:
        check = Check(name, True, step(), time.monotonic() - started)
    except (Unexpected, NotReached, SDKException, ClientException) as error:
        check = Check(name, False, str(error), time.monotonic() - started)
    say(f"{'ok  ' if check.ok else 'FAIL'} {check.name} [{check.seconds:.1f} s]: {check.seen}")
    return check
