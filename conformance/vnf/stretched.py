"""Deploying a VNF that is one cluster over several sites: its members know each other before any of them boots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.sites import Site
from conformance.vnf.blueprint import Blueprint
from conformance.vnf.build import Build
from conformance.vnf.deploy import boot, lay_out, pools
from conformance.vnf.deployment import Deployment, Endpoint
from conformance.vnf.images import replicate_images
from conformance.vnf.machines import Peers, peers_of
from conformance.vnf.ready import Progress


def begin_stretched(
    sites: Sequence[Site], blueprint: Blueprint, run_id: str, *, progress: Progress | None = None
) -> Deployment:
    """Ask for the whole VNF at the first two sites and for its witness at the third; servers are building when this
    returns. The deployment at the first has the others ``elsewhere``. Errors as those of ``begin``."""
    first, second, third = sites
    share = blueprint.part({role: blueprint.roles[role].members for role in blueprint.witness})
    others = (Build(second, blueprint, run_id), Build(third, share, run_id))
    with pools() as (steps, workers):
        layouts = [lay_out(Build(first, blueprint, run_id), steps, workers, progress)]
        for build in others:
            replicate_images(layouts[0].parts.images, first, build)
            layouts.append(lay_out(build, steps, workers, progress))
        peers = {layout.build.site.name: peers_of(layout.build, layout.parts) for layout in layouts}
        primary = _replicating(blueprint, peers[first.name])
        placed = [
            boot(
                layout,
                workers,
                standby_of=None if layout is layouts[0] else primary,
                elsewhere={site: there for site, there in peers.items() if site != layout.build.site.name},
                progress=progress,
            )
            for layout in layouts
        ]
    return replace(placed[0], elsewhere=tuple(placed[1:]))


def _replicating(blueprint: Blueprint, peers: Peers) -> Endpoint | None:
    """Where the first site's member is found that founds the cluster."""
    point = blueprint.replication
    return None if point is None else Endpoint(peers[point.role][0][point.network], point.port)
