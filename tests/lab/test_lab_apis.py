"""The APIs of the lab's clouds, when many call them."""

from __future__ import annotations

import socket
import urllib.request
from contextlib import ExitStack
from typing import Any

import pytest
from lab_tenant import Tenant

from conformance.lab import Lab
from conformance.lab.addressing import PORTS

pytestmark = pytest.mark.lab

KEEPING_THEIRS = 400  # callers who have been answered and keep their connection


def test_an_api_answers_while_hundreds_of_others_keep_their_connections(lab: Lab) -> None:
    host, port = lab.status().sites[0].address, PORTS["keystone"]
    with ExitStack() as others:
        for _ in range(KEEPING_THEIRS):
            other = others.enter_context(socket.create_connection((host, port), timeout=20))
            other.sendall(b"GET /v3 HTTP/1.1\r\nHost: identity\r\n\r\n")
            assert other.recv(12) == b"HTTP/1.1 200"
        with urllib.request.urlopen(f"http://{host}:{port}/v3", timeout=20) as answer:
            assert answer.status == 200


def test_neutron_lists_all_of_what_it_shows(tenant: Tenant) -> None:
    """Its relations are read when they are looked at, which for a list is after its session has ended."""
    cloud = tenant.cloud.network
    group = cloud.create_security_group(name="all of it")
    cloud.create_security_group_rule(security_group_id=group.id, direction="ingress", protocol="tcp")
    network = cloud.create_network(name="all of it")
    subnet = cloud.create_subnet(
        network_id=network.id,
        ip_version=4,
        cidr="10.77.0.0/24",
        allocation_pools=[{"start": "10.77.0.20", "end": "10.77.0.40"}, {"start": "10.77.0.60", "end": "10.77.0.80"}],
        dns_nameservers=["192.0.2.53", "192.0.2.54"],
        host_routes=[{"destination": "192.0.2.0/24", "nexthop": "10.77.0.9"}],
    )
    router = cloud.create_router(name="all of it")
    cloud.add_interface_to_router(router, subnet=subnet.id)
    cloud.update_router(router, routes=[{"destination": "198.51.100.0/24", "nexthop": "10.77.0.9"}])
    port = cloud.create_port(
        network_id=network.id,
        security_groups=[group.id],
        allowed_address_pairs=[{"ip_address": "10.77.0.100"}, {"ip_address": "10.77.1.0/28"}],
        extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1400"}],
    )
    for thing in (network, subnet, router, port, group):
        cloud.set_tags(thing, ["one", "another"])
    try:
        for kind, made, fields in (
            ("network", network, ("subnet_ids",)),
            ("subnet", subnet, ("allocation_pools", "dns_nameservers", "host_routes")),
            ("router", router, ("routes",)),
            ("port", port, ("fixed_ips", "allowed_address_pairs", "extra_dhcp_opts", "security_group_ids")),
            ("security_group", group, ("security_group_rules",)),
        ):
            shown = getattr(cloud, f"get_{kind}")(made.id).to_dict()
            [listed] = [found for found in getattr(cloud, f"{kind}s")() if found.id == made.id]
            assert _sorted(listed.to_dict()) == _sorted(shown)
            assert sorted(shown["tags"]) == ["another", "one"]
            assert all(shown[field] for field in fields), shown
    finally:
        cloud.delete_port(port)
        cloud.update_router(router, routes=[])
        cloud.remove_interface_from_router(router, subnet=subnet.id)
        cloud.delete_router(router)
        cloud.delete_network(network)
        cloud.delete_security_group(group)


def _sorted(resource: dict[str, Any]) -> dict[str, Any]:
    """Without an order, which Neutron does not give to what belongs to a resource. Of groups in a list it does not say
    whether their rules belong to the default one."""
    plain = {key: value for key, value in resource.items() if key != "location"}
    for rule in plain.get("security_group_rules", ()):
        del rule["belongs_to_default_sg"]
    return {key: sorted(value, key=str) if isinstance(value, list) else value for key, value in plain.items()}
