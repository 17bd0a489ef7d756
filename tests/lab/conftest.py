"""A lab of the tests' own beside whatever else runs on this machine, and a tenant in each of its clouds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openstack
import plane as plane_module
import pytest
import yaml
from empty_labs import empty_lab
from lab_tenant import Tenant

from conformance.lab import Lab, namespaces

LAB = "lab-tests"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two running clouds in loopback mode, stopped after the last test."""
    with empty_lab(LAB, mode="loopback") as made:
        made.up()
        yield made


@pytest.fixture(scope="session")
def tenants(lab: Lab) -> dict[str, Tenant]:
    """A tenant per site."""
    sites = yaml.safe_load(lab.sites_yaml.read_text())["sites"]
    return {name: _tenant(lab.clouds_yaml, sites[name]["cloud"], sites[name]["tenant_pool"]) for name in sites}


@pytest.fixture
def tenant(tenants: dict[str, Tenant]) -> Iterator[Tenant]:
    """The tenant in site-a; whatever servers and ports a test leaves are removed."""
    yield tenants["site-a"]
    tenants["site-a"].clean()


@pytest.fixture(scope="session")
def namespaces_lab() -> Iterator[Lab]:
    """Two running clouds in namespaces mode, stopped after the last test."""
    reason = namespaces.missing()
    if reason:
        pytest.skip(reason)
    with empty_lab(f"{LAB}-plane", mode="namespaces") as made:
        made.up()
        yield made


@pytest.fixture(scope="session")
def planes(namespaces_lab: Lab) -> dict[str, plane_module.Tenant]:
    """A tenant per site of the lab in namespaces mode."""
    return {
        site: plane_module.Tenant.of(namespaces_lab, site, number)
        for number, site in enumerate(("site-a", "site-b"), start=1)
    }


@pytest.fixture(scope="session")
def plane(planes: dict[str, plane_module.Tenant]) -> plane_module.Tenant:
    """The tenant in site-a."""
    return planes["site-a"]


@pytest.fixture(scope="session")
def other_plane(planes: dict[str, plane_module.Tenant]) -> plane_module.Tenant:
    """The tenant in site-b."""
    return planes["site-b"]


def _tenant(clouds_yaml: Path, cloud: str, pool: str) -> Tenant:
    config = openstack.config.OpenStackConfig(config_files=[str(clouds_yaml)])
    connection = openstack.connection.Connection(config=config.get_one(cloud))
    prefix = ".".join(pool.split(".")[:2])
    network = connection.network.create_network(name="tests")
    subnet = connection.network.create_subnet(
        name="tests", network_id=network.id, ip_version=4, cidr=f"{prefix}.10.0/24", is_dhcp_enabled=False
    )
    image = connection.create_image("tests", data=b"no disk", disk_format="raw", container_format="bare", wait=True)
    flavor = connection.compute.find_flavor("lab.tiny", ignore_missing=False)
    return Tenant(connection, prefix, network.id, subnet.id, image.id, flavor.id)
