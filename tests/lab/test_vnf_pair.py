"""The shipped VNF on two real clouds: deployed, protected through a link, failed over, and removed without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from conformance.lab import Lab
from conformance.links import EmbeddedProxy, Link
from conformance.model import Event, Inventory
from conformance.schemes import Closing, Protection, Scheme, make_scheme
from conformance.sites import (
    Site,
    api_answers,
    api_silent,
    load_sites,
    power_of,
    run_prefix,
    run_tag,
    sweep,
    take_inventory,
    vim_check,
)
from conformance.vnf import Deployment, Endpoint, ask_guests, await_ready, begin, load_blueprint, serving

pytestmark = pytest.mark.lab

RUN = "tests-vnf-pair"


@dataclass
class Pair:
    """The VNF at the first site, its standby at the second, and what was read back of both."""

    first: Site
    second: Site
    scheme: Scheme
    vnf: Deployment
    protection: Protection
    events: list[Event]
    before: Inventory
    standby: Inventory


@pytest.fixture(scope="module")
def pair(lab: Lab) -> Iterator[Pair]:
    sites = load_sites(lab.sites_yaml)
    first, second = sites.sites
    events: list[Event] = []
    with EmbeddedProxy(seed=1) as proxy, ThreadPoolExecutor(2) as pool, ExitStack() as beside:
        try:
            vnf = begin(first, load_blueprint("subscriber-db-sync"), RUN)
            ready = pool.submit(await_ready, first, vnf)
            upstream = vnf.replication_upstream
            link = Link.open(
                proxy.server,
                name=RUN,
                from_site=second.name,
                to_site=first.name,
                listen_host=str(second.spec.link_address),
                upstream=f"{upstream.host}:{upstream.port}",
            )
            scheme = make_scheme("reference", on_event=events.append)
            assert isinstance(scheme, Closing)
            beside.callback(scheme.close)
            protection = scheme.protect(vnf, first, second, Endpoint(link.listen_host, link.listen_port))
            ready.result()
            assert protection.deployment is not None, protection.detail
            yield Pair(
                first,
                second,
                scheme,
                vnf,
                protection,
                events,
                before=take_inventory(first, RUN, serving(vnf)),
                standby=take_inventory(second, RUN, serving(protection.deployment)),
            )
        finally:
            beside.close()
            for site in (first, second):
                sweep(site, RUN)
            sites.close()


def labels(resources: Any) -> list[str]:
    return sorted(r.label for r in resources)


def test_the_primary_itself_says_that_it_is_protected(pair: Pair) -> None:
    assert pair.protection.ok, pair.protection.detail
    status = pair.scheme.status()
    assert (status.active, status.protected) == (pair.first.name, True)
    done = [e.state for e in pair.events if e.name == "protect" and e.ok]
    assert done == ["replicate-images", "deploy-standby", "boot-standby", "replicate", "end"]


def test_both_sites_hold_the_same_parts_under_the_same_labels(pair: Pair) -> None:
    for kind in ("networks", "subnets", "routers", "security_groups", "ports", "servers", "volumes"):
        here, there = getattr(pair.before, kind), getattr(pair.standby, kind)
        assert labels(here) == labels(there), kind
        assert here, kind
    assert labels(pair.before.servers) == ["database-0", "frontend-0", "frontend-1"]
    assert labels(pair.before.ports) == sorted(
        [f"{guest}-{net}" for guest in labels(pair.before.servers) for net in ("oam", "service")]
        + ["edge-oam", "edge-service"]
    )


def test_every_address_keeps_its_offset(pair: Pair) -> None:
    def offsets(inventory: Inventory) -> dict[str, int]:
        cidrs = {s.id: IPv4Network(s.cidr) for s in inventory.subnets}
        return {
            p.label: int(IPv4Address(address)) - int(cidrs[subnet][0])
            for p in inventory.ports
            for subnet, address in p.fixed_ips
        }

    assert offsets(pair.before) == offsets(pair.standby)
    assert offsets(pair.before)["database-0-oam"] == 10
    assert offsets(pair.before)["frontend-1-service"] == 21


def test_servers_are_the_same_in_size_image_group_and_volumes(pair: Pair) -> None:
    def facts(inventory: Inventory) -> dict[str, Any]:
        return {
            s.label: (
                s.role,
                s.status,
                s.flavor,
                s.image and s.image.digest,
                s.group_policy,
                len(s.volume_ids),
                s.serving,
            )
            for s in inventory.servers
        }

    assert facts(pair.before) == facts(pair.standby)
    role, status, flavor, digest, policy, volumes, serves = facts(pair.before)["database-0"]
    assert (role, status, flavor.ram_mib, policy, volumes, serves) == ("database", "ACTIVE", 512, None, 1, True)
    assert digest.startswith("sha512:")
    assert facts(pair.before)["frontend-0"][4] == "anti-affinity"
    hosts = [s.host for s in pair.before.servers if s.role == "frontend"]
    assert len(set(hosts)) == 2


def test_what_the_blueprint_says_of_networks_is_read_back(pair: Pair) -> None:
    internal = {n.label: n for n in pair.standby.networks if not n.external}
    assert {label: n.mtu for label, n in internal.items()} == {"oam": 1450, "service": 1450}
    (router,) = pair.standby.routers
    (external,) = [n for n in pair.standby.networks if n.external]
    assert router.external_network_id == external.id
    groups = {g.id: g.label for g in pair.standby.security_groups}
    (db,) = [g for g in pair.standby.security_groups if g.label == "db"]
    ingress = [
        (r.protocol, r.port_min, r.port_max, groups.get(r.remote_group_id or ""))
        for r in db.rules
        if r.direction == "ingress"
    ]
    assert ingress == [("tcp", 5432, 5432, "frontend")]


def test_the_guests_know_their_site_and_their_volume(pair: Pair) -> None:
    assert pair.protection.deployment is not None
    answer = ask_guests(pair.protection.deployment)["database-0"]
    assert answer is not None
    assert (answer["site"], answer["role"]) == (pair.second.name, "standby")
    assert answer["volume_label"]["journal"]["volume"] == "journal"


def test_the_vim_of_each_site_works_on_its_own(pair: Pair) -> None:
    for site, other in ((pair.first, pair.second), (pair.second, pair.first)):
        seen = vim_check(site, RUN, [other])
        assert seen.ok, seen.detail
        assert seen.observed["foreign_hosts"] == []
        assert {"token_s", "catalog_s", "list_s", "network_s", "server_s", "delete_s"} <= set(seen.observed)


def test_a_catalog_that_leads_to_another_sites_host_is_no_vim_of_its_own(pair: Pair, lab: Lab) -> None:
    twin = load_sites(lab.sites_yaml).site(pair.second.name)
    assert api_answers(twin).ok
    seen = vim_check(pair.second, RUN, [twin])
    assert not seen.ok
    assert seen.observed["failed"] == "catalog"
    assert seen.observed["foreign_hosts"] == seen.observed["hosts"]
    twin.close()


def test_a_lost_site_is_silent_failed_over_from_and_swept_once_it_is_back(pair: Pair) -> None:
    power = power_of(pair.first)
    power.lose()
    try:
        assert api_silent(pair.first).ok
        assert set(api_silent(pair.first).observed["endpoints"]) >= {"identity", "compute", "network", "image"}
        result = pair.scheme.failover(pair.first, pair.second)
        assert result.ok, result.detail
        assert [step.name for step in result.steps] == ["detect", "promote", "serve"]
        assert pair.scheme.status().active == pair.second.name
        assert vim_check(pair.second, RUN, [pair.first]).ok
    finally:
        power.restore()
    assert api_answers(pair.first, timeout=5).ok
    assert pair.scheme.status().active == pair.second.name
    _sweep_leaves_only_what_is_not_the_runs(pair.first)


def _sweep_leaves_only_what_is_not_the_runs(site: Site) -> None:
    with site.asking("create a network that is not the run's") as cloud:
        foreign = cloud.network.create_network(name=run_prefix("another-run") + "oam", description="somebody's")
    try:
        deleted = sweep(site, RUN)
        assert {"server database-0", "volume database-0-journal", "router edge", "image base"} <= set(deleted)
        with site.asking("look for what is left") as cloud:
            names = [
                resource.name
                for listing in (
                    cloud.compute.servers(),
                    cloud.compute.server_groups(),
                    cloud.compute.flavors(),
                    cloud.block_storage.volumes(),
                    cloud.image.images(),
                    cloud.network.networks(),
                    cloud.network.ports(),
                    cloud.network.routers(),
                    cloud.network.security_groups(),
                )
                for resource in listing
            ]
            assert not [name for name in names if name.startswith(run_prefix(RUN))]
            assert foreign.name in names
            assert not list(cloud.network.networks(tags=run_tag(RUN)))
    finally:
        with site.asking("remove the foreign network") as cloud:
            cloud.network.delete_network(foreign)
