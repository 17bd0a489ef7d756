"""Site loss and what comes after it."""

from __future__ import annotations

import socket

import psutil
import pytest
from lab_tenant import Tenant, eventually, guest_answer

from conformance.lab import Lab
from conformance.lab.addressing import PORTS
from conformance.waiting import wait_until

pytestmark = pytest.mark.lab

# PostgreSQL detaches itself, runs its backends in sessions of their own and overwrites its environment
DATABASE = """#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
    mkdir -p data && chown nobody data
    as() { setpriv --reuid=nobody --clear-groups env HOME=$PWD "$@"; }
else
    as() { "$@"; }
fi
[ -s data/PG_VERSION ] || as initdb -D data -U postgres -A trust >/dev/null
as pg_ctl -D data -w -o "-c listen_addresses=ADDRESS -c unix_socket_directories=" start </dev/null >server.log 2>&1
(cd / && setsid nohup sleep 1000 >/dev/null 2>&1 &)
echo database is up
"""


def listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


def test_site_loss_leaves_nothing_of_the_site_and_all_of_the_other(tenants: dict[str, Tenant], lab: Lab) -> None:
    lost, kept = tenants["site-a"], tenants["site-b"]
    plain = lost.server("plain", 50)
    lost.server("database", 51, user_data=DATABASE.replace("ADDRESS", lost.ip(51)))
    neighbour = kept.server("neighbour", 50)
    wait_until(lambda: listens(lost.ip(51), 5432), timeout=30, what="PostgreSQL in the guest")
    before = {guest.name: guest for guest in site(lab, "site-a").guests}
    assert before["database"].processes > 5  # init, postmaster, its helpers and the sleeper
    pids = {process.pid for guest in before.values() for process in tree(guest.pid)}

    assert lab.kill_site("site-a") >= len(PORTS) + len(pids)

    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)
    assert not listens(lost.ip(51), 5432)
    assert guest_answer(lost.ip(50)) is None
    assert not any(listens(site(lab, "site-a").address, port) for port in PORTS.values())
    assert not site(lab, "site-a").up
    assert site(lab, "site-b").up
    assert eventually(kept.ip(50))["uuid"] == neighbour.id
    assert kept.cloud.compute.get_server(neighbour).status == "ACTIVE"

    lab.start_site("site-a")

    assert site(lab, "site-a").up
    assert eventually(lost.ip(50))["uuid"] == plain.id
    wait_until(lambda: listens(lost.ip(51), 5432), timeout=30, what="PostgreSQL after the site came back")
    assert {server.name: server.status for server in lost.cloud.compute.servers()} == {
        "plain": "ACTIVE",
        "database": "ACTIVE",
    }
    newcomer = lost.server("newcomer", 52)
    assert eventually(lost.ip(52))["uuid"] == newcomer.id
    lost.clean()
    kept.clean()


def test_killing_a_lost_site_again_finds_nothing(lab: Lab) -> None:
    lab.kill_site("site-b")
    assert lab.kill_site("site-b") == 0
    lab.start_site("site-b")
    assert lab.is_up()


def test_a_guest_that_was_off_when_its_site_was_lost_stays_off(tenant: Tenant, lab: Lab) -> None:
    server = tenant.server("off", 53)
    tenant.cloud.compute.stop_server(server)
    tenant.wait(server, "SHUTOFF")
    lab.kill_site("site-a")
    lab.start_site("site-a")
    assert tenant.cloud.compute.get_server(server).status == "SHUTOFF"
    assert guest_answer(tenant.ip(53)) is None


def test_guests_outlive_a_crash_of_nova_alone(tenant: Tenant, lab: Lab) -> None:
    server = tenant.server("sturdy", 54)
    first = eventually(tenant.ip(54))["pid"]
    nova = next(service for service in site(lab, "site-a").services if service.name == "nova")
    psutil.Process(nova.pid).kill()
    wait_until(lambda: not site(lab, "site-a").up, timeout=10, what="nova to be gone")
    assert eventually(tenant.ip(54))["pid"] == first
    lab.up()
    assert eventually(tenant.ip(54))["uuid"] == server.id
    assert lab.is_up()


def site(lab: Lab, name: str):  # type: ignore[no-untyped-def]
    return next(site for site in lab.status().sites if site.name == name)


def tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
