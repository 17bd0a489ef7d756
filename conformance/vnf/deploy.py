"""Deploying a VNF at a site: everything that does not depend on each other at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from conformance.sites import Site
from conformance.vnf.blueprint import Blueprint
from conformance.vnf.build import Build
from conformance.vnf.deployment import Deployment, Endpoint
from conformance.vnf.images import build_images
from conformance.vnf.machines import Parts, Peers, boot_servers, build_flavors, build_server_groups, build_volumes
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
    with pools() as (steps, workers):
        layout = lay_out(build, steps, workers, progress)
        return boot(layout, workers, standby_of=standby_of, progress=progress)


@contextmanager
def pools() -> Iterator[tuple[Executor, Executor]]:
    """Two of them: a step waits for its workers, so they must not compete for the same places."""
    with (
        ThreadPoolExecutor(_WORKERS, thread_name_prefix="deploy") as steps,
        ThreadPoolExecutor(_WORKERS) as workers,
    ):
        yield steps, workers


@dataclass(frozen=True)
class Layout:
    """A VNF at one site up to where its servers are asked for: their addresses are settled."""

    build: Build
    parts: Parts
    subnets: Mapping[str, str]
    routers: Future[None]


def lay_out(build: Build, steps: Executor, workers: Executor, progress: Progress | None = None) -> Layout:
    """Ask for everything but servers; routers may still be building."""
    check_external_network(build)
    say(progress, f"{build.site.name}: creating networks, images, volumes and security groups")
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
    return Layout(build, parts, {label: str(network.cidr) for label, network in built.items()}, routers)


def boot(
    layout: Layout,
    workers: Executor,
    *,
    standby_of: Endpoint | None = None,
    elsewhere: Mapping[str, Peers] | None = None,
    progress: Progress | None = None,
) -> Deployment:
    """Ask for the servers, told of their like at other sites."""
    build = layout.build
    say(progress, f"{build.site.name}: booting {sum(len(r.members) for r in build.blueprint.roles.values())} servers")
    guests = boot_servers(build, layout.parts, standby_of, elsewhere or {}, workers)
    layout.routers.result()
    return Deployment(build.site.name, build.run_id, build.blueprint, guests, layout.subnets, primary=standby_of)
