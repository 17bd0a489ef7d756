"""What does not come up is reported with its part, the answer and the console; what only copies use works too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from openstack.exceptions import ConflictException

from conformance.errors import UsageError
from conformance.lab import Lab
from conformance.sites import Site, load_sites, sweep, take_inventory
from conformance.vnf import Blueprint, DeployError, await_ready, begin, load_blueprint
from conformance.vnf.build import Build
from conformance.vnf.images import build_images, replicate_images

pytestmark = pytest.mark.lab

RUN = "tests-vnf-deploy"


@pytest.fixture
def sites(lab: Lab) -> Iterator[tuple[Site, Site]]:
    known = load_sites(lab.sites_yaml)
    first, second = known.sites
    try:
        yield first, second
    finally:
        for site in (first, second):
            sweep(site, RUN)
        known.close()


def blueprint(folder: Path, **changes: Any) -> Blueprint:
    """One server on one network; its user data says something and ends."""
    (folder / "guest.sh").write_text("#!/bin/sh\necho I was started but I will not stay\nexit 1\n")
    point = {"role": "single", "network": "core", "port": 8080}
    role = {"image": "base", "flavor": "small", "user_data": "guest.sh", "ports": [{"network": "core", "offset": 9}]}
    data = {
        "images": {"base": {"generated_mib": 1}},
        "flavors": {"small": {"vcpus": 1, "ram_mib": 64, "disk_gib": 1}},
        "networks": {"core": {"prefix_length": 26}},
        "roles": {"single": role},
        "service": point,
        "management": point,
        "replication": point,
    }
    path = folder / "single.yaml"
    path.write_text(yaml.safe_dump(data | changes))
    return load_blueprint(path)


def test_a_guest_that_does_not_stay_is_reported_with_its_console(sites: tuple[Site, Site], tmp_path: Path) -> None:
    deployment = begin(sites[0], blueprint(tmp_path), RUN)
    with pytest.raises(DeployError) as failed:
        await_ready(sites[0], deployment, timeout=8)
    message = str(failed.value)
    assert "single-0" in message
    assert "I was started but I will not stay" in message


def test_a_server_that_somebody_deletes_is_not_waited_for(sites: tuple[Site, Site], tmp_path: Path) -> None:
    deployment = begin(sites[0], blueprint(tmp_path), RUN)
    sweep(sites[0], RUN)
    with pytest.raises(DeployError, match="single-0 should be booting and is gone"):
        await_ready(sites[0], deployment, timeout=60)


def test_a_server_that_fits_nowhere_is_reported_with_novas_reason(sites: tuple[Site, Site], tmp_path: Path) -> None:
    huge = {"small": {"vcpus": 3000, "ram_mib": 64, "disk_gib": 1}}
    deployment = begin(sites[0], blueprint(tmp_path, flavors=huge), RUN)
    with pytest.raises(DeployError, match="server single-0 went to ERROR: No valid host was found"):
        await_ready(sites[0], deployment, timeout=30)


@pytest.mark.parametrize(("length", "offset", "pairs"), [(28, 9, [12]), (29, 2, [3, 4, 6])])
def test_ports_of_others_in_a_vnfs_network_get_no_address_that_a_guest_is_to_have(
    sites: tuple[Site, Site], tmp_path: Path, length: int, offset: int, pairs: list[int]
) -> None:
    """As the ports of a cloud's DHCP servers do, which come when the subnet does and before the guests'."""
    port = {"network": "core", "offset": offset, "allowed_address_pairs": pairs}
    role = {"image": "base", "flavor": "small", "user_data": "guest.sh", "ports": [port]}
    small = {"core": {"prefix_length": length}}
    spoken_for = {1, offset, *pairs}
    deployment = begin(sites[0], blueprint(tmp_path, networks=small, roles={"single": role}), RUN)
    hosts = list(IPv4Network(deployment.subnets["core"]).hosts())
    taken = set()
    with sites[0].asking("fill a network") as cloud, ExitStack() as others:
        core = next(iter(cloud.network.subnets(cidr=deployment.subnets["core"]))).network_id
        with pytest.raises(ConflictException, match="No more IP addresses available"):
            for _ in range(len(hosts)):
                other = cloud.network.create_port(network_id=core)
                others.callback(cloud.network.delete_port, other)
                taken.add(other.fixed_ips[0]["ip_address"])
    assert taken == {str(host) for n, host in enumerate(hosts, start=1) if n not in spoken_for}


def test_routes_dns_and_address_pairs_are_made_and_read_back(sites: tuple[Site, Site], tmp_path: Path) -> None:
    port = {"network": "core", "offset": 9, "allowed_address_pairs": [40]}
    role = {"image": "base", "flavor": "small", "user_data": "guest.sh", "ports": [port]}
    route = {"destination": "198.51.100.0/24", "network": "core", "offset": 9}
    network = {"prefix_length": 26, "mtu": 1400, "dns": ["192.0.2.53"], "router": "edge", "host_routes": [route]}
    wired = blueprint(
        tmp_path, roles={"single": role}, networks={"core": network}, routers={"edge": {"routes": [route]}}
    )
    deployment = begin(sites[0], wired, RUN)
    seen = take_inventory(sites[0], RUN)
    base = deployment.subnets["core"].rsplit(".", 1)
    at = {offset: f"{base[0]}.{int(base[1].split('/')[0]) + offset}" for offset in (1, 9, 40)}
    (subnet,), (router,) = seen.subnets, seen.routers
    assert (subnet.gateway_ip, subnet.dns_nameservers) == (at[1], ("192.0.2.53",))
    assert subnet.host_routes == router.routes == (("198.51.100.0/24", at[9]),)
    assert router.external_network_id is None
    (member,) = [p for p in seen.ports if p.label == "single-0-core"]
    assert member.fixed_ips == ((subnet.id, at[9]),)
    assert member.allowed_address_pairs == ((at[40], None),)
    assert member.security_group_ids == ()
    assert seen.networks[0].mtu == 1400


def test_images_of_every_source_are_the_same_at_the_second_site(sites: tuple[Site, Site], tmp_path: Path) -> None:
    first, second = sites
    (tmp_path / "disk.raw").write_bytes(b"a disk of the user's own" * 1000)
    images = {"base": {"file": "disk.raw"}, "other": {"generated_mib": 2}}
    build = Build(first, blueprint(tmp_path, images=images), RUN)
    built = build_images(build)
    existing = blueprint(tmp_path, images={"base": {"existing": build.name("other")}})
    found = build_images(Build(first, existing, "another-run"))["base"]
    assert found == built["other"]
    there = Build(second, build.blueprint, RUN)
    assert replicate_images(built, first, there) == 24_000 + 2 * 1024 * 1024
    copies = build_images(there)
    assert {label: image.digest for label, image in copies.items()} == {
        label: image.digest for label, image in built.items()
    }


def test_an_image_that_is_not_there_is_named_before_anything_boots(sites: tuple[Site, Site], tmp_path: Path) -> None:
    wanting = blueprint(tmp_path, images={"base": {"existing": "debian-99"}})
    with pytest.raises(UsageError, match=r"should be at site-a under the name 'debian-99', and is not"):
        begin(sites[0], wanting, RUN)
    assert take_inventory(sites[0], RUN).servers == ()


def test_an_external_network_that_is_not_there_is_answered_with_those_that_are(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    first = sites[0]
    first.spec = first.spec.model_copy(update={"external_network": "internet"})
    networks = {"core": {"router": "edge"}}
    with pytest.raises(UsageError, match="an external network 'internet'; the cloud knows 'public'"):
        begin(first, blueprint(tmp_path, networks=networks, routers={"edge": {"external": True}}), RUN)
    first.spec = first.spec.model_copy(update={"external_network": None})
    with pytest.raises(UsageError, match="add 'external_network: NAME' to sites.site-a"):
        begin(first, blueprint(tmp_path, networks=networks, routers={"edge": {"external": True}}), RUN)
