"""Schemes that protect, or return, as the reference does, after which somebody makes a mistake at the site concerned,
through its API. Runs find them as any package's schemes: by entry points, which the tests make."""

from __future__ import annotations

from typing import Any

from openstack.connection import Connection

from conformance.lab.dataplane import sync
from conformance.schemes import Failback, Protection
from conformance.schemes.reference import ReferenceScheme
from conformance.sites import Site, run_prefix, run_tag
from conformance.sites.packets import one_lab
from conformance.vnf import Deployment, Endpoint

DATABASE, SSH = 5432, 22
OPERATORS = "100.64.0.0/10"


class _Mistaken(ReferenceScheme):
    def protect(self, vnf: Deployment, first: Site, second: Site, link: Endpoint | None) -> Protection:
        protection = super().protect(vnf, first, second, link)
        with second.asking("make a mistake") as cloud:
            self.mistake(cloud, vnf.run_id)
        return protection

    def mistake(self, cloud: Connection, run: str) -> None:
        raise NotImplementedError


class OneRuleTooMany(_Mistaken):
    """Anybody may speak to the standby's database."""

    name = "one-rule-too-many"

    def mistake(self, cloud: Connection, run: str) -> None:
        cloud.network.create_security_group_rule(
            security_group_id=_group(cloud, run, "db").id,
            direction="ingress",
            protocol="tcp",
            port_range_min=DATABASE,
            port_range_max=DATABASE,
        )


class OnePortTooMany(_Mistaken):
    """No group and no port of the VNF differs from what it should be. But somebody keeps a port of his own in the
    front-ends' group, which may speak for the operators' addresses: now what lets front-ends in lets operators in."""

    name = "one-port-too-many"

    def mistake(self, cloud: Connection, run: str) -> None:
        network = cloud.network.find_network(f"{run_prefix(run)}service", ignore_missing=False)
        cloud.network.create_port(
            name="jump-host",
            description=run_tag(run),  # so that it is swept with the rest
            network_id=network.id,
            security_groups=[_group(cloud, run, "frontend").id],
            allowed_address_pairs=[{"ip_address": OPERATORS}],
        )


class OneRuleNotBack(ReferenceScheme):
    """When the service has come back to the first site, the operators' port is not open there any more."""

    name = "one-rule-not-back"

    def failback(self, source: Site, to: Site, link: Endpoint) -> Failback:
        returned = super().failback(source, to, link)
        home = returned.deployment
        assert home is not None, returned.detail
        with to.asking("make a mistake") as cloud:
            group = _group(cloud, home.run_id, "oam")
            rules = cloud.network.security_group_rules(security_group_id=group.id, direction="ingress")
            [ssh] = [rule for rule in rules if rule.port_range_min == SSH]
            cloud.network.delete_security_group_rule(ssh.id)
        # The plane follows the API within 0.2 s, which is later than the next packet of who looks at once.
        lab = one_lab(source, to)
        assert lab is not None, "packets of these sites cannot be got at"
        sync(lab, to.name)
        return returned


def _group(cloud: Connection, run: str, label: str) -> Any:
    return cloud.network.find_security_group(run_prefix(run) + label, ignore_missing=False)
