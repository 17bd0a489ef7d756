"""What is looked at beside the service: other planes, the surviving site's cloud, the VNF where it has been taken."""

from __future__ import annotations

from urllib.parse import urlsplit

from conformance.checkers.planes import BESIDE
from conformance.play.clients import Clients
from conformance.play.stage import Stage
from conformance.play.subject import Subject
from conformance.sites import LabPower, Site, vim_check
from conformance.workloads import Plane

MEDIA_PORT = 8081


def planes_of(stage: Stage, subject: Subject, beside: Subject | None) -> dict[str, Plane]:
    """What is probed beside the service: what the profile asks for, and the VNF beside this one."""
    found: dict[str, Plane] = {}
    if "media" in stage.load.planes and not subject.blueprint.stateless:
        hosts = {site: [urlsplit(url).hostname for url in urls] for site, urls in subject.urls.items()}
        found["media"] = Plane("udp", {site: [f"{h}:{MEDIA_PORT}" for h in there] for site, there in hosts.items()})
    if "api" in stage.load.planes:
        second = stage.second
        found["api"] = Plane("http", {second.name: [str(second.cloud.config.get_auth_args()["auth_url"])]})
    if beside is not None:
        found[BESIDE] = Plane("http", {site: [f"{url}/status" for url in urls] for site, urls in beside.urls.items()})
    return found


def observe_survivor(stage: Stage, subject: Subject, clients: Clients) -> None:
    """How the second site does while the first is lost (in a rehearsal: while it would be)."""
    with stage.phase("observe", f"observing {stage.second.name} while {stage.first.name} is still lost"):
        vim = stage.submit(vim_check, stage.second, stage.tag(), (stage.first,))
        watch_after(stage, subject, clients, "second-after", stage.second)
        stage.observe("vim-alive", stage.second.name, vim.result())


def watch_after(stage: Stage, subject: Subject, clients: Clients, name: str, site: Site) -> None:
    """Let a VNF be used for a while at a site that it has been taken to, try meanwhile what its guests reach, and look
    then at what it is there."""
    there = any(d.site == site.name for d in subject.deployments)
    reached = stage.submit(subject.save_reachability, name, site) if there else None
    clients.watch(stage.load.after_failover_s)
    if isinstance(site.spec.power, LabPower) and site.spec.data_plane is None:
        # Only here is it known that there is nothing to see. On other clouds the check stays open without it.
        stage.observe("data-plane", site.name, None, "the lab's guests share the loopback device")
    if reached is not None:
        subject.save_inventory(name, site)
        reached.result()
