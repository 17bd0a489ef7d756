"""Volumes adopted through the Cinder API, and one replicated to the other cloud by the storage below both."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_tenant import Tenant, eventually

from conformance.lab import Lab
from conformance.lab.guests import guests_directory, instances_directory
from conformance.links import NBD, EmbeddedProxy, Link
from conformance.sites import Site, load_sites
from conformance.storage import (
    Mode,
    NotApplicable,
    Replica,
    StorageError,
    StorageReplication,
    StorageVolume,
    adopt,
    program,
    read_image,
    release,
    volume_file,
)
from conformance.waiting import wait_until

pytestmark = pytest.mark.lab

GIB = 1 << 30
# Counts up on the attached volume, each number on stable storage before it is said on the console.
COUNTING = """#!/bin/sh
disk=$LAB_DEV/disk/by-id/virtio-$(printf %.20s VOLUME)
until [ -e $disk ]; do sleep 0.1; done
n=0
while n=$((n + 1)); do
    printf 'count %06d\\n' $n | dd of=$disk bs=13 conv=notrunc oflag=dsync 2>/dev/null && echo told $n || exit 1
done
"""


@pytest.fixture
def sites(lab: Lab) -> Iterator[dict[str, Site]]:
    found = load_sites(lab.sites_yaml)
    yield {site.name: site for site in found.sites}
    found.close()


@pytest.fixture
def replica_file(lab: Lab) -> Iterator[Path]:
    path = guests_directory(lab.directory / "sites" / "site-b") / "replicas" / "journal"
    path.parent.mkdir(exist_ok=True)
    yield path
    path.unlink(missing_ok=True)


def test_a_file_becomes_a_volume_with_its_content_and_is_a_file_again_when_released(
    sites: dict[str, Site], replica_file: Path
) -> None:
    replica_file.write_bytes(b"precious")
    os.truncate(replica_file, GIB // 2)
    volume = adopt(sites["site-b"], {"source-name": str(replica_file)}, name="adopted", metadata={"from": "site-a"})
    assert (volume.status, volume.size, volume.metadata) == ("available", 1, {"from": "site-a"})
    path = volume_file(sites["site-b"], volume.id)
    with path.open("rb") as file:
        assert (file.read(8), path.stat().st_size) == (b"precious", GIB)
    assert not replica_file.exists()
    with pytest.raises(StorageError, match="should have adopted"):
        adopt(sites["site-b"], {"source-name": str(path)}, name="somebody else's", metadata={})
    release(sites["site-b"], volume.id)
    assert path.exists()
    again = adopt(sites["site-b"], {"source-name": str(path)}, name="again", metadata={})
    storage = sites["site-b"].cloud.block_storage
    storage.delete_volume(again.id)
    storage.wait_for_delete(again, interval=0.1, wait=30)
    assert not path.exists()
    for refused in storage.volumes(name="somebody else's"):
        storage.delete_volume(refused)


@pytest.mark.parametrize("reference", [{}, {"source-name": "replica"}, {"source-name": "/nowhere/replica"}])
def test_what_is_no_file_is_not_adopted(sites: dict[str, Site], reference: dict[str, str]) -> None:
    with pytest.raises(StorageError, match="should have adopted .* as the volume bad"):
        adopt(sites["site-b"], reference, name="bad", metadata={})
    storage = sites["site-b"].cloud.block_storage
    for volume in storage.volumes(name="bad"):
        storage.delete_volume(volume)


def test_a_guest_goes_on_at_the_other_cloud_with_everything_its_lost_one_was_told(
    lab: Lab, tenants: dict[str, Tenant], sites: dict[str, Site], replica_file: Path
) -> None:
    try:
        program()
    except NotApplicable as error:
        pytest.skip(str(error))
    first, second = tenants["site-a"], tenants["site-b"]
    created = first.cloud.block_storage.create_volume(name="journal", size=1)
    first.cloud.block_storage.wait_for_status(created, "available", interval=0.1, wait=30)
    volume = StorageVolume("site-a", "journal", volume_file(sites["site-a"], created.id))
    homes = {name: instances_directory(lab.directory / "sites" / name) / "storage" for name in sites}
    with EmbeddedProxy() as proxy:
        copy = StorageVolume("site-b", "journal", replica_file)
        with Replica(copy, size=GIB, listening=socket.create_server(("127.0.0.1", 0)), home=homes["site-b"]) as replica:
            link = Link.open(
                proxy.server, name="storage", from_site="site-a", to_site="site-b",
                listen_host=str(sites["site-a"].spec.link_address), upstream=replica.address, dialect=NBD,
            )  # fmt: skip
            replication = StorageReplication.start(volume, link, Mode.SYNCHRONOUS, home=homes["site-a"], over_file=True)
            with replication:
                replication.await_in_sync()
                server = first.server("counter", 60, user_data=COUNTING.replace("VOLUME", created.id))
                first.cloud.compute.create_volume_attachment(server, volume_id=created.id)
                console = instances_directory(lab.directory / "sites" / "site-a") / server.id / "console.log"
                wait_until(lambda: "told 40" in console.read_text(), timeout=30, what="the guest to write")
                lab.kill_site("site-a")
                assert replication.status().state == "gone"
                replication.kill()
        told = int(console.read_text().rpartition("told ")[2].split()[0])
        image = read_image(replica_file, site="site-b", volume="journal")
        assert image.size == GIB and image.runs == ((0, 1),)
    adopted = adopt(sites["site-b"], {"source-name": str(replica_file)}, name="journal", metadata={})
    other = second.server("reader", 61)
    second.cloud.compute.create_volume_attachment(other, volume_id=adopted.id)
    head = wait_until(
        lambda: [v["head"] for v in eventually(second.ip(61))["volumes"]], timeout=20, what="the volume in the guest"
    )
    assert told <= int(str(head[0]).split()[1]) <= told + 1
    lab.start_site("site-a")
    for tenant, left in ((first, created), (second, adopted)):
        tenant.clean()
        tenant.cloud.block_storage.wait_for_status(left, "available", interval=0.1, wait=30)
        tenant.cloud.block_storage.delete_volume(left)
