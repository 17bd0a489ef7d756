"""Deploying a VNF at a site: everything that does not depend on each other at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from conformance.sites import Site
from conformance.vnf.blueprint import Blueprint
from conformance.vnf.build import Build
from conformance.vnf.deployment import Deployment, Endpoint
from conformance.vnf.images import build_images
from conformance.vnf.machines import Parts, boot_servers, build_flavors, build_server_groups, build_volumes
from conformance.vnf.networking import (
    build_networks,
    build_ports,
    build_routers,
    build_security_groups,
    check_external_network,
)
from conformance.vnf.ready import Progress, await_ready, say

# Enough to keep two API servers busy; a cloud's API is a shared thing.
_WORKERS = 6


def deploy(
    site: Site,
    blueprint: Blueprint,
    run_id: str,
    *,
    standby_of: Endpoint | None = None,
    progress: Progress | None = None,
) -> Deployment:
    """Deploy and wait until the guests themselves answer: ``begin``, then ``await_ready``."""
    deployment = begin(site, blueprint, run_id, standby_of=standby_of, progress=progress)
    await_ready(site, deployment, progress=progress)
    return deployment


def begin(
    site: Site,
    blueprint: Blueprint,
    run_id: str,
    *,
    standby_of: Endpoint | None = None,
    progress: Progress | None = None,
) -> Deployment:
    """Ask for everything; servers are building, and addresses settled, when this returns.

    With ``standby_of``, where the primary can be dialled, the guests come up as its standby. Everything
    carries the run's tag; on an error what was made until then is left for ``conformance.sites.sweep``.
    SiteError names the resource and the API's answer, UsageError what does not fit between blueprint and
    sites file.
    """
    build = Build(site, blueprint, run_id)
    check_external_network(build)
    say(progress, f"{site.name}: creating networks, images, volumes and security groups")
    with (
        ThreadPoolExecutor(_WORKERS, thread_name_prefix="deploy") as steps,
        ThreadPoolExecutor(_WORKERS) as workers,
    ):
        # Two pools: a step waits for its workers, so they must not compete for the same places.
        networks = steps.submit(build_networks, build, workers)
        groups = steps.submit(build_security_groups, build)
        images = steps.submit(build_images, build)
        volumes = steps.submit(build_volumes, build)
        flavors = steps.submit(build_flavors, build)
        server_groups = steps.submit(build_server_groups, build)
        built = networks.result()
        routers = steps.submit(build_routers, build, built)
        parts = Parts(
            ports=build_ports(build, built, groups.result()),
            images=images.result(),
            flavors=flavors.result(),
            server_groups=server_groups.result(),
            volumes=volumes.result(),
        )
        say(progress, f"{site.name}: booting {sum(len(r.members) for r in blueprint.roles.values())} servers")
        guests = boot_servers(build, parts, standby_of, workers)
        routers.result()
    cidrs = {label: str(network.cidr) for label, network in built.items()}
    return Deployment(site.name, run_id, blueprint, guests, cidrs, primary=standby_of)
