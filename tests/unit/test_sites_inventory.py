"""What an inventory makes alike although clouds show it differently.

The lab's clouds cannot show distributed routers or other availability zones, so the cloud here is made up.
"""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sites_files as files

from conformance.model import Inventory
from conformance.sites import Site, run_prefix, run_tag, take_inventory

TAG = run_tag(files.RUN)


def resource(label: str, **more: Any) -> Any:
    given = {
        "id": label,
        "name": run_prefix(files.RUN) + label,
        "tags": [TAG],
        "metadata": {"multisite-ha:run": files.RUN},
    }
    return SimpleNamespace(**(given | more))


def port(label: str, owner: str, device: str, *, tagged: bool = True, **more: Any) -> Any:
    given = {
        "network_id": "oam",
        "mac_address": "fa:16:3e:00:00:01",
        "fixed_ips": [{"subnet_id": "oam", "ip_address": "10.0.0.1"}],
        "security_group_ids": [],
        "is_admin_state_up": True,
        "is_port_security_enabled": True,
        "device_owner": owner,
        "device_id": device,
        "allowed_address_pairs": [],
        "qos_policy_id": None,
        "status": "ACTIVE",
    }
    name = run_prefix(files.RUN) + label if tagged else ""
    return resource(label, name=name, tags=[TAG] if tagged else [], **(given | more))


def network(label: str) -> Any:
    return resource(
        label,
        mtu=1500,
        is_port_security_enabled=True,
        is_admin_state_up=True,
        is_router_external=label == "public",
        qos_policy_id=None,
    )


def server(label: str, **more: Any) -> Any:
    given = {
        "status": "ACTIVE",
        "flavor": SimpleNamespace(vcpus=1, ram=256, disk=1),
        "image": {"id": "base"},
        "attached_volumes": [],
        "compute_host": None,
        "host_id": "abc",
    }
    return resource(label, **(given | more))


def inventory(**held: list[Any]) -> Inventory:
    class Service:
        def __getattr__(self, name: str) -> Any:
            if name == "get_network":
                return network
            if name == "get_image":
                return lambda i: resource(i, hash_algo="sha512", hash_value="ff")
            if name == "ports":
                return self._ports
            return lambda **_: held.get(name, [])

        def _ports(self, device_id: str | None = None, **_: Any) -> list[Any]:
            return [p for p in held.get("ports", []) if device_id in (None, p.device_id)]

    service = Service()
    cloud = SimpleNamespace(compute=service, network=service, image=service, block_storage=service)
    site = cast(Site, SimpleNamespace(name="site-a", asking=lambda what: nullcontext(cloud)))
    return take_inventory(site, files.RUN)


@pytest.mark.parametrize(
    "owner",
    ["network:router_interface", "network:router_interface_distributed", "network:ha_router_replicated_interface"],
)
def test_a_routers_interface_is_one_whatever_kind_of_router_it_is(owner: str) -> None:
    router = resource("edge", is_admin_state_up=True, external_gateway_info={"network_id": "public"}, routes=[])
    seen = inventory(
        networks=[network("oam")],
        routers=[router],
        ports=[
            port("x", owner, "edge", tagged=False),
            port("y", "network:router_gateway", "edge", tagged=False, network_id="public"),
        ],
    )
    assert [(p.label, p.device_owner) for p in seen.ports] == [("edge-oam", "network:router_interface")]
    assert [(n.label, n.external) for n in seen.networks] == [("oam", False), ("public", True)]


def test_a_servers_port_is_one_whatever_the_availability_zone_is_called() -> None:
    seen = inventory(servers=[server("database-0")], ports=[port("database-0-oam", "compute:zone-7", "database-0")])
    assert [p.device_owner for p in seen.ports] == ["compute"]
    assert seen.servers[0].port_ids == ("database-0-oam",)


def test_a_port_that_somebody_hung_on_a_server_is_seen_though_untagged() -> None:
    seen = inventory(servers=[server("database-0")], ports=[port("extra", "compute:nova", "database-0", tagged=False)])
    assert [p.id for p in seen.ports] == ["extra"]


def test_a_ports_own_mac_in_an_address_pair_counts_as_none_given() -> None:
    own = {"ip_address": "10.0.0.9", "mac_address": "fa:16:3e:00:00:01"}
    other = {"ip_address": "10.0.0.9", "mac_address": "fa:16:3e:00:00:02"}
    seen = inventory(ports=[port("p", "compute:nova", "x", allowed_address_pairs=[own, other])])
    assert seen.ports[0].allowed_address_pairs == (("10.0.0.9", None), ("10.0.0.9", "fa:16:3e:00:00:02"))


def test_what_a_vim_check_is_making_belongs_to_no_vnf() -> None:
    seen = inventory(servers=[server("vim-check")], networks=[network("vim-check")])
    assert seen.servers == ()
    assert seen.networks == ()


def test_a_servers_role_is_its_metadata_or_else_its_name() -> None:
    mine = {"multisite-ha:run": files.RUN}
    seen = inventory(servers=[server("db-0", metadata=mine | {"role": "database"}), server("frontend-12")])
    assert [s.role for s in seen.servers] == ["database", "frontend"]


def test_the_groups_policy_is_found_through_its_members() -> None:
    group = resource("frontends", member_ids=["frontend-0"], policy="anti-affinity")
    seen = inventory(servers=[server("frontend-0"), server("frontend-1")], server_groups=[group])
    assert [(s.group_label, s.group_policy) for s in seen.servers] == [("frontends", "anti-affinity"), (None, None)]
