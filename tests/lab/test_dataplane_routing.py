"""In namespaces mode networks are apart, routers join them, floating IPs lead in, and the WAN joins the sites."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial

import pytest
from plane import SOON, Guest, Tenant

from conformance.lab import dataplane
from conformance.waiting import wait_until

pytestmark = pytest.mark.lab


@pytest.fixture
def tenant(plane: Tenant) -> Iterator[Tenant]:
    """The tenant in site-a; what a test makes is removed."""
    yield plane
    plane.clean()


def open_group(tenant: Tenant) -> object:
    """A security group that lets everything in."""
    group = tenant.group()
    for ethertype in ("IPv4", "IPv6"):
        tenant.allow(group, None, ethertype=ethertype)
    return group


def test_a_router_joins_subnets_while_it_is_up(tenant: Tenant) -> None:
    near, far = (tenant.network(f"10.{tenant.number}.{number}.0/24") for number in (30, 31))
    group = open_group(tenant)
    one, other = tenant.guests(("one", near, group), ("other", far, group))
    assert tenant.says(one.place, other.ip) != "other"
    router = tenant.router(near, far)
    tenant.eventually(one.place, other.ip, "other")
    tenant.cloud.network.update_router(router, is_admin_state_up=False)
    tenant.eventually(one.place, other.ip, "silence")
    tenant.cloud.network.update_router(router, is_admin_state_up=True)
    tenant.eventually(one.place, other.ip, "other")


def test_an_extra_route_leads_through_another_router(tenant: Tenant) -> None:
    near, middle, far = (tenant.network(f"10.{tenant.number}.{number}.0/24") for number in (32, 33, 34))
    group = open_group(tenant)
    one, other = tenant.guests(("one", near, group), ("other", far, group))
    first, second = tenant.router(near), tenant.router(far)
    hops = []
    for router in (first, second):
        port = tenant.cloud.network.create_port(network_id=middle.network_id, security_groups=[])
        tenant.cloud.network.add_interface_to_router(router, port_id=port.id)
        hops.append(port.fixed_ips[0]["ip_address"])
    assert tenant.says(one.place, other.ip) != "other"
    for router, subnet, hop in ((first, far, hops[1]), (second, near, hops[0])):
        tenant.cloud.network.update_router(router, routes=[{"destination": subnet.cidr, "nexthop": hop}])
    tenant.eventually(one.place, other.ip, "other")
    for router in (first, second):
        tenant.cloud.network.update_router(router, routes=[])


def test_networks_with_the_same_addresses_do_not_meet(tenant: Tenant) -> None:
    group = open_group(tenant)
    left, right = (tenant.network("192.168.7.0/24") for _ in range(2))
    fixed = {"fixed_ips": [{"ip_address": "192.168.7.200"}]}
    asking = tenant.guests(("left-client", left, group), ("right-client", right, group))
    asked = []
    for name, subnet in (("left", left), ("right", right)):
        port = tenant.cloud.network.create_port(network_id=subnet.network_id, security_groups=[group.id], **fixed)
        server = tenant.cloud.compute.create_server(
            name=name, image_id=tenant.image, flavor_id=tenant.flavor, networks=[{"port": port.id}]
        )
        tenant.note("port", port)
        asked.append(tenant.active(tenant.note("server", server)))
    assert len(asked) == 2
    for client, name in zip(asking, ("left", "right"), strict=True):
        tenant.eventually(client.place, "192.168.7.200", name)


def test_a_floating_ip_leads_to_its_guest_from_outside_and_from_inside(tenant: Tenant) -> None:
    subnet = tenant.network("192.168.8.0/24")
    group = open_group(tenant)
    tenant.router(subnet, external=True)
    web, client = tenant.guests(("web", subnet, group), ("client", subnet, group))
    public = tenant.cloud.network.find_network("public", ignore_missing=False)
    assert tenant.says("operator", web.ip) != "web"
    address = tenant.cloud.network.create_ip(floating_network_id=public.id, port_id=web.port.id)
    tenant.eventually("operator", address.floating_ip_address, "web")
    tenant.eventually(client.place, address.floating_ip_address, "web")
    tenant.cloud.network.update_ip(address, port_id=None)
    wait_until(
        lambda: tenant.says("operator", address.floating_ip_address) != "web", timeout=SOON, what="no answer any more"
    )


def test_packets_larger_than_the_mtu_do_not_pass(tenant: Tenant) -> None:
    wide, narrow = tenant.network("192.168.9.0/24"), tenant.network("192.168.10.0/24", mtu=1400)
    group = open_group(tenant)
    tenant.router(wide, narrow)
    one, other, neighbour = tenant.guests(("one", wide, group), ("other", narrow, group), ("third", wide, group))
    headers = 28
    wait_until(lambda: tenant.arrives(one, other, 1400 - headers), timeout=SOON, what="a packet of 1400 bytes")
    assert not tenant.arrives(one, other, 1401 - headers)
    wait_until(lambda: tenant.arrives(one, neighbour, 1500 - headers), timeout=SOON, what="a packet of 1500 bytes")
    assert not tenant.arrives(one, neighbour, 1501 - headers)


def test_ipv6_is_filtered_and_routed_too(tenant: Tenant) -> None:
    near, far = (tenant.network(f"fd10:0:{tenant.number}:{number}::/64") for number in (1, 2))
    group = tenant.group()
    one, other = tenant.guests(("one", near, group), ("other", far, group))
    tenant.router(near, far)
    assert not tenant.pings(one.place, other.ip)
    tenant.allow(group, "ipv6-icmp", ethertype="IPv6", remote_group_id=group.id)
    wait_until(lambda: tenant.pings(one.place, other.ip), timeout=SOON, what="an IPv6 echo reply")


def test_ipv6_leads_to_the_operator_and_to_the_other_site(tenant: Tenant, other_plane: Tenant) -> None:
    ends: list[Guest] = []
    try:
        for end in (tenant, other_plane):
            subnet = end.network(f"fd10:0:{end.number}:40::/64")
            end.router(subnet, external=True)
            ends += end.guests(("end", subnet, open_group(end)))
        here, there = ends
        for place, address in (("operator", here.ip), (here.place, there.ip), (there.place, here.ip)):
            wait_until(partial(tenant.pings, place, address), timeout=SOON, what=f"{address} to answer {place}")
    finally:
        other_plane.clean()


def test_an_interface_comes_and_goes_while_the_guest_runs(tenant: Tenant) -> None:
    first, second = tenant.network("192.168.11.0/24"), tenant.network("192.168.12.0/24")
    group = open_group(tenant)
    guest, peer = tenant.guests(("guest", first, group), ("peer", second, group))
    port = tenant.note(
        "port", tenant.cloud.network.create_port(network_id=second.network_id, security_groups=[group.id])
    )
    tenant.cloud.compute.create_server_interface(guest.id, port_id=port.id)
    tenant.eventually(guest.place, peer.ip, "peer")
    tenant.cloud.compute.delete_server_interface(port.id, server=guest.id)
    wait_until(lambda: tenant.says(guest.place, peer.ip) != "peer", timeout=SOON, what="the interface to be gone")


def test_sites_reach_each_other_until_one_is_cut_and_its_api_goes_with_it(tenant: Tenant, other_plane: Tenant) -> None:
    ends: list[Guest] = []
    try:
        for end in (tenant, other_plane):
            subnet = end.network(f"10.{end.number}.40.0/24")
            end.router(subnet, external=True)
            ends += end.guests(("end", subnet, open_group(end)))
        here, there = ends
        tenant.eventually(here.place, there.ip, "end")
        api = f"100.64.{other_plane.number}.10"
        directory = tenant.lab.directory
        dataplane.cut(directory, "site-b")
        assert tenant.says(here.place, there.ip) != "end"
        assert not tenant.pings("operator", api)
        dataplane.rejoin(directory, "site-b")
        tenant.eventually(here.place, there.ip, "end")
        assert tenant.pings("operator", api)
    finally:
        other_plane.clean()


def test_foreign_tools_see_the_same(tenant: Tenant) -> None:
    for tool in ("ping", "curl"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    subnet = tenant.network(f"10.{tenant.number}.41.0/24")
    tenant.router(subnet, external=True)
    (web,) = tenant.guests(("web", subnet, open_group(tenant)))
    tenant.eventually("operator", web.ip, "web")
    for command in (["ping", "-c", "1", "-W", "2", web.ip], ["curl", "-sf", "-m", "5", f"http://{web.ip}:8080/"]):
        done = subprocess.run(tenant.lab.command(command), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
