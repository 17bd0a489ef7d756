"""What a run owns at a site, service by service. Everything that lists for inventory or sweeping asks here.

The clouds are asked to filter, and what they answer is filtered again: a cloud that ignores a filter it does
not know would otherwise have everything deleted that it holds.
"""

from __future__ import annotations

from typing import Any

from openstack.connection import Connection

from conformance.sites.marks import TAG_KEY, run_prefix, run_tag

NETWORK_KINDS = ("floating_ip", "port", "router", "subnet", "network", "security_group")

_LISTS = {
    "floating_ip": "ips",
    "port": "ports",
    "router": "routers",
    "subnet": "subnets",
    "network": "networks",
    "security_group": "security_groups",
}


def tagged(cloud: Connection, kind: str, run_id: str) -> list[Any]:
    """The run's Neutron resources of one kind (see NETWORK_KINDS), by tag."""
    tag = run_tag(run_id)
    return [r for r in getattr(cloud.network, _LISTS[kind])(tags=tag) if tag in (r.tags or ())]


def described(cloud: Connection, kind: str, run_id: str) -> list[Any]:
    """The same by description: finds also what a killed run had created and not tagged yet."""
    mark = run_tag(run_id)
    return [r for r in getattr(cloud.network, _LISTS[kind])(description=mark) if r.description == mark]


def servers(cloud: Connection, run_id: str) -> list[Any]:
    """The run's servers, with all details."""
    tag = run_tag(run_id)
    return [s for s in cloud.compute.servers(tags=tag) if (s.metadata or {}).get(TAG_KEY) == run_id]


def server_ids(cloud: Connection, run_id: str, status: str | None = None) -> set[str]:
    """Ids of the run's servers, of those in one status if it is given: much cheaper for the cloud to answer often."""
    narrowed: dict[str, Any] = {} if status is None else {"status": status}
    return {s.id for s in cloud.compute.servers(details=False, tags=run_tag(run_id), **narrowed)}


def volumes(cloud: Connection, run_id: str) -> list[Any]:
    """The run's volumes. Not filtered by the cloud: Cinder's filter on metadata is the operator's to switch
    off."""
    return [v for v in cloud.block_storage.volumes() if (v.metadata or {}).get(TAG_KEY) == run_id]


def images(cloud: Connection, run_id: str) -> list[Any]:
    """The run's images."""
    tag = run_tag(run_id)
    return [i for i in cloud.image.images(tag=tag) if tag in (i.tags or ())]


def flavors(cloud: Connection, run_id: str) -> list[Any]:
    """The run's flavors, known by name: extra specs can only be set after a flavor was created."""
    prefix = run_prefix(run_id)
    return [f for f in cloud.compute.flavors() if str(f.name).startswith(prefix)]


def server_groups(cloud: Connection, run_id: str) -> list[Any]:
    """The run's server groups, known by name: Nova gives them neither tags nor metadata."""
    prefix = run_prefix(run_id)
    return [g for g in cloud.compute.server_groups() if str(g.name).startswith(prefix)]


def ports_of(cloud: Connection, device_id: str) -> list[Any]:
    """The ports of a server or a router. Neutron makes a router's own; they carry no tag of ours."""
    return [p for p in cloud.network.ports(device_id=device_id) if p.device_id == device_id]


ROUTER_INTERFACE_OWNERS = frozenset(
    {
        "network:router_interface",
        "network:router_interface_distributed",
        "network:ha_router_replicated_interface",
    }
)
