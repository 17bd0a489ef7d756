"""Reading back, through the OpenStack API, what a run's VNF consists of at one site."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from openstack.connection import Connection
from openstack.exceptions import NotFoundException

from conformance.model import Inventory
from conformance.model import inventory as model
from conformance.sites import owned
from conformance.sites.marks import CHECK_LABEL, label_of
from conformance.sites.site import Site


def take_inventory(site: Site, run_id: str, serving: Mapping[str, bool] | None = None) -> Inventory:
    """The run's resources at the site, and the external networks its routers and floating IPs lean on.

    ``serving`` says, by server id, whether the guest itself answered when asked; the API cannot know. A
    floating IP has no name: its label is that of the port it leads to. A port's ``device_owner`` is
    ``compute`` or ``network:router_interface`` whatever the cloud's flavour of it (Nova appends the
    availability zone, distributed routers have owners of their own). A router's interface has no name: its
    label is ``<router>-<network>``. Resources of a VIM check in progress are left out. Raises SiteError.
    """
    with site.asking("take the inventory") as cloud:
        return _Reader(cloud, run_id).read(site.name, serving or {})


class _Reader:
    """One reading; keeps what several resources refer to."""

    def __init__(self, cloud: Connection, run_id: str) -> None:
        self.cloud = cloud
        self.run_id = run_id
        self._images: dict[str, model.Image] = {}
        self._qos: dict[str, str] = {}

    def read(self, site: str, serving: Mapping[str, bool]) -> Inventory:
        taken_at = time.monotonic_ns()
        networks = self._ours(owned.tagged(self.cloud, "network", self.run_id))
        routers = self._ours(owned.tagged(self.cloud, "router", self.run_id))
        floating_ips = owned.tagged(self.cloud, "floating_ip", self.run_id)
        servers = self._ours(owned.servers(self.cloud, self.run_id))
        router_labels = {r.id: self.label(r) for r in routers}
        network_labels = {n.id: self.label(n) for n in networks}
        ports = self._ports([*servers, *routers])
        port_values = tuple(self._port(p, router_labels, network_labels) for p in ports)
        leaned_on = [
            *(_gateway(r).get("network_id") for r in routers),
            *(f.floating_network_id for f in floating_ips),
        ]
        outside = sorted({str(i) for i in leaned_on if i} - network_labels.keys())
        # Nova names a server's group only when asked for that one server; a group names its members.
        groups = {m: g for g in owned.server_groups(self.cloud, self.run_id) for m in g.member_ids or ()}
        volumes = owned.volumes(self.cloud, self.run_id)
        return Inventory(
            site=site,
            taken_at=taken_at,
            networks=(
                *(self._network(n) for n in networks),
                *(self._network(self.cloud.network.get_network(i)) for i in outside),
            ),
            subnets=tuple(map(self._subnet, self._ours(owned.tagged(self.cloud, "subnet", self.run_id)))),
            routers=tuple(map(self._router, routers)),
            security_groups=tuple(
                map(self._security_group, self._ours(owned.tagged(self.cloud, "security_group", self.run_id)))
            ),
            ports=port_values,
            floating_ips=tuple(self._floating_ip(f, port_values) for f in floating_ips),
            servers=tuple(self._server(s, port_values, groups, serving.get(s.id)) for s in servers),
            volumes=tuple(map(self._volume, volumes)),
        )

    def label(self, resource: Any) -> str:
        return label_of(resource.name, self.run_id)

    def _ours(self, found: Iterable[Any]) -> list[Any]:
        return sorted((r for r in found if not self.label(r).startswith(CHECK_LABEL)), key=self.label)

    def _ports(self, devices: Iterable[Any]) -> list[Any]:
        """Tagged ports, and whatever else hangs on the run's servers and routers; not a router's outside."""
        found = {p.id: p for p in owned.tagged(self.cloud, "port", self.run_id)}
        for device in devices:
            found |= {p.id: p for p in owned.ports_of(self.cloud, device.id)}
        own = (p for p in found.values() if not p.device_owner.startswith("network:router_gateway"))
        return sorted(self._ours(own), key=lambda p: (self.label(p), p.id))

    def _qos_policy(self, policy_id: str | None) -> str | None:
        """A QoS policy's name: its id differs from cloud to cloud."""
        if policy_id is None:
            return None
        if policy_id not in self._qos:
            self._qos[policy_id] = str(self.cloud.network.get_qos_policy(policy_id).name)
        return self._qos[policy_id]

    def _network(self, n: Any) -> model.Network:
        return model.Network(
            id=n.id,
            label=self.label(n),
            mtu=n.mtu,
            port_security=n.is_port_security_enabled is not False,
            admin_up=bool(n.is_admin_state_up),
            external=bool(n.is_router_external),
            qos_policy=self._qos_policy(n.qos_policy_id),
        )

    def _subnet(self, s: Any) -> model.Subnet:
        return model.Subnet(
            id=s.id,
            label=self.label(s),
            network_id=s.network_id,
            cidr=s.cidr,
            ip_version=s.ip_version,
            gateway_ip=s.gateway_ip,
            enable_dhcp=bool(s.is_dhcp_enabled),
            dns_nameservers=tuple(s.dns_nameservers or ()),
            host_routes=_routes(s.host_routes),
            pools=tuple((p["start"], p["end"]) for p in s.allocation_pools or ()),
        )

    def _router(self, r: Any) -> model.Router:
        gateway = _gateway(r)
        return model.Router(
            id=r.id,
            label=self.label(r),
            admin_up=bool(r.is_admin_state_up),
            external_network_id=gateway.get("network_id"),
            snat=gateway.get("enable_snat"),
            routes=_routes(r.routes),
        )

    def _security_group(self, g: Any) -> model.SecurityGroup:
        rules = (
            model.SecurityGroupRule(
                direction=r["direction"],
                ethertype=r["ethertype"],
                protocol=r["protocol"],
                port_min=r["port_range_min"],
                port_max=r["port_range_max"],
                remote_prefix=r["remote_ip_prefix"],
                remote_group_id=r["remote_group_id"],
            )
            for r in g.security_group_rules or ()
        )
        return model.SecurityGroup(id=g.id, label=self.label(g), rules=tuple(rules), stateful=g.stateful is not False)

    def _port(self, p: Any, routers: Mapping[str, str], networks: Mapping[str, str]) -> model.Port:
        interface = p.device_owner in owned.ROUTER_INTERFACE_OWNERS and p.device_id in routers
        label = f"{routers[p.device_id]}-{networks.get(p.network_id, '')}" if interface else self.label(p)
        owner = "compute" if p.device_owner.startswith("compute:") else p.device_owner
        return model.Port(
            id=p.id,
            label=label,
            network_id=p.network_id,
            fixed_ips=tuple((ip["subnet_id"], ip["ip_address"]) for ip in p.fixed_ips or ()),
            security_group_ids=tuple(p.security_group_ids or ()),
            admin_up=bool(p.is_admin_state_up),
            port_security=p.is_port_security_enabled is not False,
            device_owner="network:router_interface" if interface else owner,
            device_id=p.device_id,
            allowed_address_pairs=_pairs(p),
            qos_policy=self._qos_policy(p.qos_policy_id),
            status=p.status,
        )

    def _floating_ip(self, f: Any, ports: Iterable[model.Port]) -> model.FloatingIp:
        return model.FloatingIp(
            id=f.id,
            label=next((p.label for p in ports if p.id == f.port_id), ""),
            address=f.floating_ip_address,
            network_id=f.floating_network_id,
            port_id=f.port_id,
        )

    def _server(
        self, s: Any, ports: Iterable[model.Port], groups: Mapping[str, Any], serving: bool | None
    ) -> model.Server:
        label = self.label(s)
        group = groups.get(s.id)
        return model.Server(
            id=s.id,
            label=label,
            role=(s.metadata or {}).get("role") or re.sub(r"-\d+$", "", label),
            status=s.status,
            flavor=model.Flavor(vcpus=s.flavor.vcpus, ram_mib=s.flavor.ram, disk_gib=s.flavor.disk),
            image=self._image((s.image or {}).get("id")),
            port_ids=tuple(p.id for p in ports if p.device_id == s.id),
            volume_ids=tuple(v["id"] for v in s.attached_volumes or ()),
            group_label=self.label(group) if group else None,
            group_policy=group.policy if group else None,
            metadata=dict(s.metadata or {}),
            host=s.compute_host or s.host_id or None,
            serving=serving,
        )

    def _image(self, image_id: str | None) -> model.Image | None:
        if image_id is None:
            return None
        if image_id not in self._images:
            try:
                i = self.cloud.image.get_image(image_id)
            except NotFoundException:
                # Glance lets an image go while servers run from it: then nobody can say any more what it was.
                self._images[image_id] = model.Image(id=image_id, label="", digest=None)
            else:
                digest = f"{i.hash_algo}:{i.hash_value}" if i.hash_value else None
                self._images[image_id] = model.Image(id=i.id, label=self.label(i), digest=digest)
        return self._images[image_id]

    def _volume(self, v: Any) -> model.Volume:
        attachment = (v.attachments or [{}])[0]
        return model.Volume(
            id=v.id,
            label=self.label(v),
            size_gib=v.size,
            status=v.status,
            device=attachment.get("device"),
            server_id=attachment.get("server_id"),
        )


def _gateway(router: Any) -> Mapping[str, Any]:
    return router.external_gateway_info or {}


def _routes(routes: Iterable[Mapping[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((r["destination"], r["nexthop"]) for r in routes or ())


def _pairs(port: Any) -> tuple[tuple[str, str | None], ...]:
    """Neutron fills in the port's own MAC where none was asked for: that is the same as none, and told as
    such."""
    return tuple(
        (p["ip_address"], p.get("mac_address") if p.get("mac_address") != port.mac_address else None)
        for p in port.allowed_address_pairs or ()
    )
