"""The same VNF once more at the second site, as a standby that follows the first through the link."""

from __future__ import annotations

from conformance.schemes.base import Progress
from conformance.schemes.steps import StepLog
from conformance.sites import Site
from conformance.vnf import Deployment, Endpoint, await_ready, begin
from conformance.vnf.build import Build
from conformance.vnf.images import build_images, replicate_images


def begin_standby(
    log: StepLog, vnf: Deployment, first: Site, second: Site, link: Endpoint | None, progress: Progress | None
) -> Deployment:
    """Replicate the images through Glance and ask for the same networks, groups, routers and servers at ``second``, as
    a standby that dials ``link``."""
    with log.step("replicate-images") as seen:
        originals = build_images(Build(first, vnf.blueprint, vnf.run_id))
        copies = Build(second, vnf.blueprint, vnf.run_id)
        seen["bytes"] = replicate_images(originals, first, copies)
    with log.step("deploy-standby") as seen:
        standby = begin(second, vnf.blueprint, vnf.run_id, standby_of=link, progress=progress)
        seen["servers"] = list(standby.server_ids)
    return standby


def boot_standby(log: StepLog, second: Site, standby: Deployment, progress: Progress | None) -> None:
    """Wait until it is up. DeployError when it does not come up."""
    with log.step("boot-standby"):
        await_ready(second, standby, progress=progress)
