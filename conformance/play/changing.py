"""Changing the VNF at the first site after it was protected, as its operator may at any time."""

from __future__ import annotations

import time
from ipaddress import ip_network
from typing import Any

from conformance.model import Observation
from conformance.play.stage import Stage
from conformance.play.subject import Subject
from conformance.sites import Site, owned
from conformance.sites.marks import label_of
from conformance.vnf.blueprint import ServicePoint
from conformance.waiting import NotReached, wait_until

RULE_ADDED = "a rule is added for the VNF's service at the first site"
ADDRESS_ALLOWED = "the VNF's database at the first site is allowed another address"
FOLLOWED = "the protection is given time to follow"
# A port that nothing of the shipped VNFs uses, and an address that no guest has: so many before its subnet's last one.
NEW_PORT = 9443
_FROM_THE_END = 6


class Changes:
    """Changes one VNF through the first site's API; what it is afterwards is what must be found again elsewhere."""

    def __init__(self, stage: Stage, subject: Subject) -> None:
        self._stage = stage
        self._subject = subject
        self._changed = 0

    def add_rule(self) -> None:
        """Let clients reach the service at one more port, from anywhere."""
        site, point = self._stage.first, self._subject.blueprint.service
        with site.asking("add a security group rule") as cloud:
            group = self._port(site, point).security_group_ids[0]
            cloud.network.create_security_group_rule(
                security_group_id=group,
                direction="ingress",
                ethertype="IPv4",
                protocol="tcp",
                port_range_min=NEW_PORT,
                port_range_max=NEW_PORT,
            )
        self._done(f"TCP port {NEW_PORT} is opened for {point.role}.")

    def allow_address(self) -> None:
        """Let the guest that holds the state use one more address of its network."""
        site, point = self._stage.first, self._subject.blueprint.management
        with site.asking("allow an address") as cloud:
            port = self._port(site, point)
            subnet = ip_network(self._subject.at(site).subnets[point.network])
            more = {"ip_address": str(subnet.broadcast_address - _FROM_THE_END)}
            cloud.network.update_port(port.id, allowed_address_pairs=[*(port.allowed_address_pairs or ()), more])
        self._done(f"{more['ip_address']} is allowed at {point.role}.")

    def await_followed(self) -> None:
        """Until the scheme has looked since the last change and says that nothing differs, or for as long as
        replication may take to catch up: a scheme need not say anything."""
        limit_s = self._stage.info.thresholds.catch_up_s
        with self._stage.phase("follow", "giving the protection time to follow"):
            try:
                wait_until(self._followed, timeout=limit_s, what="the protection to follow", interval=0.2)
                seen = Observation(True, "The scheme says that the protection has followed.")
            except NotReached:
                drift = self._subject.scheme.status().drift
                said = "nothing" if drift is None else "; ".join(drift.differences) or "nothing since the change"
                seen = Observation(False, f"After {limit_s:g} s the scheme says of what differs: {said}.")
            self._stage.observe("protection-followed", self._stage.second.name, seen)

    def _followed(self) -> bool:
        drift = self._subject.scheme.status().drift
        return drift is not None and drift.looked > self._changed and not drift.differences

    def _port(self, site: Site, point: ServicePoint) -> Any:
        """The port of the first member of a role on the network of that point."""
        vnf = self._subject.at(site)
        wanted = f"{vnf.members(point.role)[0].label}-{point.network}"
        with site.asking(f"find the port {wanted}") as cloud:
            ports = owned.tagged(cloud, "port", vnf.run_id)
        return next(port for port in ports if label_of(port.name, vnf.run_id) == wanted)

    def _done(self, detail: str) -> None:
        self._changed = time.monotonic_ns()
        self._stage.observe("changed", self._stage.first.name, Observation(True, detail))
        self._subject.save_inventory("first-before", self._stage.first)
