"""Guests, checked beside the API state: tests that pass have hidden dead guests before."""

from __future__ import annotations

import socket

import pytest
from lab_tenant import Tenant, eventually, guest_answer

from conformance.lab import Lab
from conformance.waiting import wait_until

pytestmark = pytest.mark.lab


def gone(ip: str) -> bool:
    return guest_answer(ip) is None


def test_a_guest_answers_as_itself_once_its_server_is_active(tenant: Tenant) -> None:
    server = tenant.server("plain", 20, metadata={"role": "front"})
    answer = eventually(tenant.ip(20))
    assert (answer["uuid"], answer["name"], answer["metadata"]) == (server.id, "plain", {"role": "front"})
    tenant.delete(server)
    assert gone(tenant.ip(20))


def test_stop_ends_the_guest_and_start_boots_it_again(tenant: Tenant) -> None:
    server = tenant.server("stopped", 21)
    first = eventually(tenant.ip(21))["pid"]
    tenant.cloud.compute.stop_server(server)
    tenant.wait(server, "SHUTOFF")
    assert gone(tenant.ip(21))
    tenant.cloud.compute.start_server(server)
    tenant.wait(server, "ACTIVE")
    assert eventually(tenant.ip(21))["pid"] != first


@pytest.mark.parametrize(("off", "status", "on"), [("pause", "PAUSED", "unpause"), ("suspend", "SUSPENDED", "resume")])
def test_a_frozen_guest_is_silent_and_goes_on_where_it_was(tenant: Tenant, off: str, status: str, on: str) -> None:
    server = tenant.server("frozen", 22)
    first = eventually(tenant.ip(22))["pid"]
    getattr(tenant.cloud.compute, f"{off}_server")(server)
    tenant.wait(server, status)
    assert gone(tenant.ip(22))
    getattr(tenant.cloud.compute, f"{on}_server")(server)
    tenant.wait(server, "ACTIVE")
    assert eventually(tenant.ip(22))["pid"] == first


def hypervisor(lab: Lab) -> int | None:
    return next(service.pid for service in lab.status().sites[0].services if service.name == "hypervisor")


def test_the_hypervisor_outlives_who_asks_for_nothing_or_for_what_is_not_there(
    tenant: Tenant, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hypervisor(lab)
    monkeypatch.chdir(lab.status().sites[0].directory)  # paths of unix sockets are limited to 107 bytes
    for words in (b"", b"nonsense\n", b'{"directory": "/nowhere/at/all"}\n'):  # a nova that was killed while it asked
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect("hypervisor.sock")
            asking.sendall(words)
    tenant.server("afterwards", 24)
    assert eventually(tenant.ip(24))["name"] == "afterwards"
    assert hypervisor(lab) == before


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_reboot_starts_a_new_guest_process(tenant: Tenant, kind: str) -> None:
    server = tenant.server("rebooted", 23)
    first = eventually(tenant.ip(23))["pid"]
    tenant.cloud.compute.reboot_server(server, kind)
    tenant.wait(server, "ACTIVE")
    wait_until(
        lambda: (answer := guest_answer(tenant.ip(23))) and answer["pid"] != first,
        timeout=20,
        what="a new guest process",
    )


def test_rebuild_boots_the_same_server_again(tenant: Tenant) -> None:
    server = tenant.server("rebuilt", 24)
    first = eventually(tenant.ip(24))["pid"]
    tenant.cloud.compute.rebuild_server(server, image=tenant.image)
    tenant.wait(server, "ACTIVE")
    answer = eventually(tenant.ip(24))
    assert answer["uuid"] == server.id
    assert answer["pid"] != first


@pytest.mark.parametrize("decision", ["confirm", "revert"])
def test_a_migrated_guest_lives_on_after_the_decision(tenant: Tenant, decision: str) -> None:
    server = tenant.server("migrated", 25)
    before = eventually(tenant.ip(25))["host"]
    tenant.cloud.compute.migrate_server(server)
    tenant.wait(server, "VERIFY_RESIZE")
    assert eventually(tenant.ip(25))["host"] != before
    getattr(tenant.cloud.compute, f"{decision}_server_resize")(server)
    tenant.wait(server, "ACTIVE")
    after = eventually(tenant.ip(25))["host"]
    assert (after == before) == (decision == "revert")
    tenant.delete(server)
    assert gone(tenant.ip(25))


def test_a_guest_lives_through_live_migration(tenant: Tenant) -> None:
    server = tenant.server("live", 26)
    answer = eventually(tenant.ip(26))
    tenant.cloud.compute.live_migrate_server(server, host=None, block_migration="auto")
    wait_until(
        lambda: tenant.cloud.compute.get_server(server).compute_host != answer["host"], timeout=30, what="another host"
    )
    tenant.wait(server, "ACTIVE")
    assert eventually(tenant.ip(26))["pid"] == answer["pid"]
    tenant.delete(server)
    assert gone(tenant.ip(26))


def test_shelved_guests_are_off_and_come_back(tenant: Tenant) -> None:
    server = tenant.server("shelved", 27)
    eventually(tenant.ip(27))
    tenant.cloud.compute.shelve_server(server)
    tenant.wait(server, "SHELVED_OFFLOADED")
    assert gone(tenant.ip(27))
    tenant.cloud.compute.unshelve_server(server)
    tenant.wait(server, "ACTIVE")
    eventually(tenant.ip(27))


def test_user_data_runs_as_a_script_with_what_guests_are_promised(tenant: Tenant) -> None:
    script = """#!/bin/sh
    echo "HOME=$HOME PWD=$PWD LANG=$LANG DEV=$LAB_DEV"
    python3 -c 'import psycopg2; print("psycopg2", psycopg2.__version__)'
    for program in postgres initdb pg_basebackup pg_ctl psql; do command -v $program; done
    postgres --version
    echo all-said
    """
    server = tenant.server("script", 28, user_data=script)
    console = wait_until(
        lambda: "ended with" in (text := console_of(tenant, server)) and text, timeout=20, what="the script's end"
    )
    home = next(line for line in console.splitlines() if line.startswith("HOME=")).split()
    assert home[0].removeprefix("HOME=") == home[1].removeprefix("PWD=") != ""
    assert home[0].endswith(server.id)
    assert home[3] == f"DEV={home[0].removeprefix('HOME=')}/dev"
    assert "psycopg2 2.9" in console
    assert "(PostgreSQL) 18." in console
    assert "all-said" in console
    assert "user_data ended with exit status 0" in console
    assert tenant.cloud.compute.get_server(server).power_state == 1  # a machine stays on when cloud-init is done


def test_a_failing_script_says_so_on_the_console(tenant: Tenant) -> None:
    server = tenant.server("failing", 29, user_data="#!/bin/sh\nexit 7\n")
    wait_until(
        lambda: "user_data ended with exit status 7" in console_of(tenant, server), timeout=20, what="the exit status"
    )


def test_an_attached_volume_appears_under_its_serial_and_keeps_its_content(tenant: Tenant) -> None:
    volume = tenant.cloud.block_storage.create_volume(name="data", size=1)
    volume = tenant.cloud.block_storage.wait_for_status(volume, "available", interval=0.1, wait=30)
    assert volume.volume_type == "lab"
    script = """#!/bin/sh
    disk=$LAB_DEV/disk/by-id/virtio-$(printf %.20s VOLUME)
    until [ -e $disk ]; do sleep 0.1; done
    printf precious | dd of=$disk conv=notrunc 2>/dev/null
    echo written
    """
    server = tenant.server("disk", 30, user_data=script.replace("VOLUME", volume.id))
    tenant.cloud.compute.create_volume_attachment(server, volume_id=volume.id)
    wait_until(lambda: "written" in console_of(tenant, server), timeout=20, what="the guest to write")
    tenant.delete(server)
    tenant.cloud.block_storage.wait_for_status(volume, "available", interval=0.1, wait=30)
    other = tenant.server("reader", 31)
    tenant.cloud.compute.create_volume_attachment(other, volume_id=volume.id)
    wait_until(
        lambda: [volume["head"] for volume in eventually(tenant.ip(31))["volumes"]] == ["precious"],
        timeout=20,
        what="the content in another guest",
    )
    tenant.delete(other)
    tenant.cloud.block_storage.wait_for_status(volume, "available", interval=0.1, wait=30)
    tenant.cloud.block_storage.delete_volume(volume)


def test_the_console_is_never_empty(tenant: Tenant) -> None:
    server = tenant.server("console", 32)
    assert "hostname: console" in console_of(tenant, server)


def test_a_floating_ip_is_active_only_while_it_has_a_port(tenant: Tenant) -> None:
    network = tenant.cloud.network
    public = network.find_network("public", ignore_missing=False)
    router = network.create_router(name="edge", external_gateway_info={"network_id": public.id})
    network.add_interface_to_router(router, subnet_id=tenant.subnet)
    port = network.create_port(network_id=tenant.network)
    address = network.create_ip(floating_network_id=public.id, port_id=port.id)
    assert network.get_ip(address.id).status == "ACTIVE"
    network.update_ip(address, port_id=None)
    assert network.get_ip(address.id).status == "DOWN"
    network.delete_ip(address)
    network.delete_port(port)
    network.remove_interface_from_router(router, subnet_id=tenant.subnet)
    network.delete_router(router)


def test_quotas_are_enforced(tenant: Tenant) -> None:
    project = tenant.cloud.current_project_id
    tenant.server("the-last", 33)
    tenant.cloud.compute.update_quota_set(project, instances=1)
    try:
        with pytest.raises(Exception, match="Quota exceeded for instances"):
            tenant.server("too-many", 34)
    finally:
        tenant.cloud.compute.update_quota_set(project, instances=1000)


def test_clouds_share_no_ids_of_what_they_were_seeded_with(tenants: dict[str, Tenant]) -> None:
    def seeded(tenant: Tenant) -> set[str]:
        cloud = tenant.cloud
        return {
            *(flavor.id for flavor in cloud.compute.flavors()),
            *(kind.id for kind in cloud.block_storage.types()),
            *(network.id for network in cloud.network.networks()),
            *(project.id for project in cloud.identity.projects()),
            *(user.id for user in cloud.identity.users()),
        }

    a, b = seeded(tenants["site-a"]), seeded(tenants["site-b"])
    assert len(a) >= 10
    assert not a & b


def console_of(tenant: Tenant, server: object) -> str:
    return tenant.cloud.compute.get_server_console_output(server)["output"]
