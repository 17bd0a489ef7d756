"""What a cloud has when it is handed over: identity and catalogue, a volume type, a flavor, an external network."""

from __future__ import annotations

import os

import openstack

from labcloud import schema, site

# service user (and name in the catalogue) → type, path of the endpoint
CATALOGUE = {
    "placement": ("placement", ""),
    "glance": ("image", ""),
    "neutron": ("network", ""),
    "cinder": ("block-storage", "/v3"),
    "nova": ("compute", "/v2.1"),
}


def bootstrap() -> None:
    """Keystone's first user, project, roles and endpoints, straight into its database."""
    here = site.load()
    url = f"{here.urls['keystone']}/v3"
    # Not a word of the command: it may begin with a dash, and commands stand in logs.
    os.environ["OS_BOOTSTRAP_PASSWORD"] = here.password
    schema.manage(
        [
            "keystone-manage",
            "--config-file",
            "etc/keystone.conf",
            "bootstrap",
            "--bootstrap-region-id",
            here.region,
            "--bootstrap-public-url",
            url,
            "--bootstrap-internal-url",
            url,
        ]
    )


def cells() -> None:
    """Nova's cells. Their database URLs are templates that nova fills from its configuration: a copy needs no edit."""
    nova = ["nova-manage", "--config-file", "etc/nova.conf", "cell_v2"]
    schema.manage([*nova, "map_cell0", "--database_connection", "{scheme}:////{path}_cell0?{query}"])
    schema.manage(
        [
            *nova,
            "create_cell",
            "--name",
            "cell1",
            "--transport-url",
            "fake://",
            "--database_connection",
            "{scheme}:////{path}?{query}",
        ]
    )


def identity() -> None:
    """Service users and the catalogue, through the identity API: the other services need them in order to start."""
    here = site.load()
    cloud = _connect(here)
    services = cloud.identity.create_project(name="service", domain_id="default")
    roles = {role.name: role.id for role in cloud.identity.roles()}
    for name, (kind, path) in CATALOGUE.items():
        user = cloud.identity.create_user(name=name, password=here.password, domain_id="default")
        for role in ("admin", "service"):
            cloud.identity.assign_project_role_to_user(project=services.id, user=user.id, role=roles[role])
        service = cloud.identity.create_service(name=name, type=kind)
        for interface in ("public", "internal", "admin"):
            cloud.identity.create_endpoint(
                service_id=service.id, interface=interface, url=here.urls[name] + path, region_id=here.region
            )


def resources() -> None:
    """Through the APIs of the running cloud: what a tenant expects to find."""
    here = site.load()
    cloud = _connect(here)
    cloud.block_storage.create_type(name="lab", extra_specs={"volume_backend_name": "lab"})
    cloud.block_storage.create_type(
        name="replicated", extra_specs={"volume_backend_name": "lab", "replication_enabled": "<is> True"}
    )
    cloud.compute.create_flavor(name="lab.tiny", ram=64, vcpus=1, disk=1)
    network = cloud.network.create_network(name="public", is_router_external=True, is_default=True)
    for cidr in here.external_cidrs:
        version = 6 if ":" in cidr else 4
        cloud.network.create_subnet(
            name="public", network_id=network.id, ip_version=version, cidr=cidr, is_dhcp_enabled=False
        )
    # what auto-allocated topologies take their subnets from
    cloud.network.create_subnet_pool(
        name="shared-default", prefixes=["10.128.0.0/9"], default_prefix_length=26, is_shared=True, is_default=True
    )


def _connect(here: site.Site) -> openstack.connection.Connection:
    return openstack.connect(
        auth={
            "auth_url": f"{here.urls['keystone']}/v3",
            "username": "admin",
            "password": here.password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        region_name=here.region,
        identity_api_version="3",
    )
