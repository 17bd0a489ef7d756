"""Deploying a VNF at a site: everything that does not depend on each other at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from conformance.errors import HarnessError
from conformance.sites import Site, SiteError, owned
from conformance.vnf.blueprint import Blueprint
from conformance.vnf.build import Build
from conformance.vnf.deployment import Deployment, Endpoint
from conformance.vnf.guests import ask_guests, not_ready
from conformance.vnf.images import build_images
from conformance.vnf.machines import Parts, boot_servers, build_flavors, build_server_groups, build_volumes
from conformance.vnf.networking import (
    build_networks,
    build_ports,
    build_routers,
    build_security_groups,
    check_external_network,
)
from conformance.waiting import NotReached, wait_until

Progress = Callable[[str], None]

# Enough to keep two API servers busy; a cloud's API is a shared thing.
_WORKERS = 6


class DeployError(HarnessError):
    """A VNF did not come up; says which part, what the API answered and what its console shows."""


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
    _say(progress, f"{site.name}: creating networks, images, volumes and security groups")
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
        _say(progress, f"{site.name}: booting {sum(r.count for r in blueprint.roles.values())} servers")
        guests = boot_servers(build, parts, standby_of, workers)
        routers.result()
    cidrs = {label: str(network.cidr) for label, network in built.items()}
    return Deployment(site.name, run_id, blueprint, guests, cidrs, primary=standby_of)


def await_ready(
    site: Site, deployment: Deployment, *, timeout: float = 120.0, progress: Progress | None = None
) -> None:
    """Wait until every server is ACTIVE and every guest does its part (see conformance.vnf.guests.not_ready).

    DeployError names the server, its fault, and the end of its console.
    """
    try:
        wait_until(
            lambda: _all_active(site, deployment),
            timeout=timeout,
            what=f"the servers of {site.name} to be ACTIVE",
            interval=0.2,
        )
    except NotReached as error:
        raise DeployError(f"{error} Nova of {site.name} says no more; its log may.") from None
    _say(progress, f"{site.name}: servers are ACTIVE, waiting for the guests")
    reasons: dict[str, str] = {}

    def all_do_their_part() -> bool:
        answers = ask_guests(deployment)
        guests = {g.label: g for g in deployment.guests}
        found = {label: not_ready(deployment, guests[label], answer) for label, answer in answers.items()}
        reasons.clear()
        reasons.update({label: reason for label, reason in found.items() if reason})
        return not reasons

    try:
        wait_until(all_do_their_part, timeout=timeout, what="the guests to do their part", interval=0.1)
    except NotReached:
        label, reason = next(iter(reasons.items()))
        server = next(g.server_id for g in deployment.guests if g.label == label)
        raise DeployError(
            f"Site {site.name}: after {timeout:g} s {'; '.join(reasons.values())}. {console_tail(site, server)}"
        ) from None
    _say(progress, f"{site.name}: the VNF is up")


def _all_active(site: Site, deployment: Deployment) -> bool:
    wanted = set(deployment.server_ids)
    with site.asking("look at the servers") as cloud:
        if wanted <= owned.server_ids(cloud, deployment.run_id, "ACTIVE"):
            return True
        broken = wanted & owned.server_ids(cloud, deployment.run_id, "ERROR")
        if not broken:
            return False
        server = cloud.compute.get_server(min(broken))
    label = next(g.label for g in deployment.guests if g.server_id == server.id)
    fault = (server.fault or {}).get("message") or "Nova gives no reason"
    raise DeployError(f"Site {site.name}: server {label} went to ERROR: {fault}. {console_tail(site, server.id)}")


def console_tail(site: Site, server_id: str, lines: int = 15) -> str:
    """The end of a server's console as a sentence; says so when it cannot be had."""
    try:
        with site.asking("read the console") as cloud:
            output = cloud.compute.get_server_console_output(server_id, length=lines)
    except SiteError as error:
        return f"Its console cannot be read: {error}"
    text = str((output or {}).get("output", "")).strip()
    return f"Its console ends with:\n{text}" if text else "Its console is empty."


def _say(progress: Progress | None, text: str) -> None:
    if progress is not None:
        progress(text)
