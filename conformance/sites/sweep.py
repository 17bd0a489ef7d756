"""Taking away everything that a run left at a site, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from keystoneauth1.exceptions import ClientException
from openstack.connection import Connection
from openstack.exceptions import SDKException

from conformance.sites import owned
from conformance.sites.marks import label_of
from conformance.sites.site import Site, SiteError, describe
from conformance.waiting import NotReached, wait_until

_WORKERS = 4
_SERVERS_GO_S = 30.0

# What can go at the same time, in the order in which dependencies allow it. A router whose floating IP is still there
# refuses at first, and goes when everything is looked at again.
_STAGES = (
    ("server", "floating_ip", "router", "server_group", "image", "flavor"),
    ("port", "volume"),
    ("network", "subnet", "security_group"),
)


@dataclass(frozen=True)
class _Leftover:
    kind: str
    id: str
    label: str
    resource: Any

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.label or self.id}"


def sweep(site: Site, run_id: str, timeout: float = 120.0) -> tuple[str, ...]:
    """Delete the run's servers, ports, routers, networks, groups, volumes, images and flavors at the site.

    Only what carries the run's tag is touched (see conformance.sites.marks). Deletes and looks again until
    nothing is left, so that what appears late or refuses at first goes too. Returns what was deleted, such as
    ``server database-0``. SiteError after ``timeout`` seconds lists what would not go, and why.
    """
    deleted: dict[str, None] = {}
    left: list[_Leftover] = []
    refusals: dict[str, str] = {}

    def look_and_delete(cloud: Connection, pool: ThreadPoolExecutor) -> bool:
        nonlocal left, refusals
        left = _leftovers(cloud, run_id, pool)
        refusals = _delete(cloud, run_id, left, pool)
        deleted.update(dict.fromkeys(map(str, left)))
        return not left

    with site.asking("sweep what the run left there") as cloud, ThreadPoolExecutor(_WORKERS) as pool:
        try:
            wait_until(lambda: look_and_delete(cloud, pool), timeout=timeout, what="nothing to be left", interval=0.2)
        except NotReached:
            listing = "; ".join(f"{item}{_because(refusals.get(str(item)))}" for item in left)
            raise SiteError(
                f"Site {site.name}: run {run_id} should have left nothing, but after {timeout:g} s of "
                "deleting there is "
                f"still: {listing}. Sweep again, or delete it by hand."
            ) from None
    return tuple(deleted)


def _because(refusal: str | None) -> str:
    return f" ({refusal})" if refusal else ""


def _leftovers(cloud: Connection, run_id: str, pool: ThreadPoolExecutor) -> list[_Leftover]:
    def network_kind(kind: str) -> Callable[[], Iterable[Any]]:
        return lambda: [*owned.tagged(cloud, kind, run_id), *owned.described(cloud, kind, run_id)]

    listings: dict[str, Callable[[], Iterable[Any]]] = {
        "server": lambda: owned.servers(cloud, run_id),
        "volume": lambda: owned.volumes(cloud, run_id),
        "image": lambda: owned.images(cloud, run_id),
        "flavor": lambda: owned.flavors(cloud, run_id),
        "server_group": lambda: owned.server_groups(cloud, run_id),
    } | {kind: network_kind(kind) for kind in owned.NETWORK_KINDS}
    running = {kind: pool.submit(listing) for kind, listing in listings.items()}
    return [
        _Leftover(kind, r.id, label_of(r.name, run_id), r)
        for kind, future in running.items()
        for r in {found.id: found for found in future.result()}.values()
    ]


def _delete(cloud: Connection, run_id: str, left: list[_Leftover], pool: ThreadPoolExecutor) -> dict[str, str]:
    """Delete once through all stages; what refused, and its answer."""

    def attempt(item: _Leftover) -> tuple[str, str] | None:
        try:
            _DELETERS[item.kind](cloud, item.resource)
        except (SDKException, ClientException) as error:
            return str(item), describe(error)
        return None

    networks = {i.id for i in left if i.kind == "network"}
    refusals: dict[str, str] = {}
    for stage in _STAGES:
        # A network takes its subnets along.
        items = [i for i in left if i.kind in stage and not (i.kind == "subnet" and i.resource.network_id in networks)]
        refusals |= dict(answer for answer in pool.map(attempt, items) if answer)
        if servers := {i.id for i in items if i.kind == "server"}:
            _await_gone(cloud, run_id, servers)
    return refusals


def _await_gone(cloud: Connection, run_id: str, servers: set[str]) -> None:
    """Ports and volumes can go only when Nova has let go of them."""
    try:
        wait_until(
            lambda: not servers & owned.server_ids(cloud, run_id),
            timeout=_SERVERS_GO_S,
            what="the run's servers to go",
            interval=0.1,
        )
    except NotReached:
        return  # the next look lists them by name, and tries again


def _delete_router(cloud: Connection, router: Any) -> None:
    if router.routes:
        cloud.network.update_router(router, routes=[])
    for port in owned.ports_of(cloud, router.id):
        if port.device_owner in owned.ROUTER_INTERFACE_OWNERS:
            cloud.network.remove_interface_from_router(router, port=port.id)
    cloud.network.delete_router(router)


_DELETERS: dict[str, Callable[[Connection, Any], object]] = {
    "server": lambda cloud, r: cloud.compute.delete_server(r),
    "server_group": lambda cloud, r: cloud.compute.delete_server_group(r),
    "flavor": lambda cloud, r: cloud.compute.delete_flavor(r),
    "volume": lambda cloud, r: cloud.block_storage.delete_volume(r),
    "image": lambda cloud, r: cloud.image.delete_image(r),
    "floating_ip": lambda cloud, r: cloud.network.delete_ip(r),
    "port": lambda cloud, r: cloud.network.delete_port(r),
    "router": _delete_router,
    "subnet": lambda cloud, r: cloud.network.delete_subnet(r),
    "network": lambda cloud, r: cloud.network.delete_network(r),
    "security_group": lambda cloud, r: cloud.network.delete_security_group(r),
}
