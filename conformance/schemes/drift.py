"""What has changed at the first site since it was protected, as seen by what it and the second site are now.

Two inventories are compared as a judge compares them. Of what differs, rules of security groups and allowed addresses
of ports can be taken over by a standby that runs; the rest can only be named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

from conformance.checkers.addressing import Addressing
from conformance.checkers.difference import differences
from conformance.checkers.equivalence import TooSymmetrical, compare
from conformance.checkers.topology import topology
from conformance.model import Inventory, ScenarioInfo, Thresholds
from conformance.model.inventory import Port, SecurityGroupRule
from conformance.sites import Site

Pairs = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Rule:
    """A rule of the security group with this label, in the addresses of the second site."""

    group: str
    rule: SecurityGroupRule


@dataclass(frozen=True)
class Remedy:
    """What makes the second site follow: rules that it lacks, rules that it has too many, and the allowed addresses
    of ports, by their labels."""

    missing: tuple[Rule, ...]
    surplus: tuple[Rule, ...]
    pairs: Mapping[str, Pairs]

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus or self.pairs)

    def describe(self) -> str:
        """In words."""
        rules = [*((r, "gets") for r in self.missing), *((r, "loses") for r in self.surplus)]
        told = [f"security group {r.group} {verb} {_in_words(r.rule)}" for r, verb in rules]
        return "; ".join([*told, *(f"port {label} gets other allowed addresses" for label in self.pairs)])


class Pair:
    """The VNF at the first site and its standby, as they were looked at. ``pools`` are the sites' tenant addresses."""

    def __init__(self, first: Inventory, second: Inventory, pools: Mapping[str, str]) -> None:
        self.first = first
        self.second = second
        self._pools = pools
        self._info = ScenarioInfo(
            "protection", "protection", "", (), (), (), first.site, second.site, Thresholds(), dict(pools)
        )

    def differences(self) -> tuple[str, ...]:
        """What differs, in words: of the network, and of the servers."""
        left, right = topology(self.first, self._info), topology(self.second, self._info)
        found = list(self._servers())
        try:
            compared = compare(left, right)
        except TooSymmetrical:
            return (*found, "the networks are too symmetrical to be compared")
        if compared.witness is None:
            found += [d.text for d in differences(left, right, compared.rounds)]
        return tuple(found)

    def remedy(self) -> Remedy:
        """What can be done about it while the standby runs."""
        wanted = Counter(self._rules(self.first, self._there))
        had = Counter(self._rules(self.second, lambda prefix: prefix))
        there = {port.label: port for port in self.second.ports}
        pairs = {
            port.label: self._pairs(port)
            for port in self.first.ports
            if port.label in there and set(self._pairs(port)) != set(there[port.label].allowed_address_pairs)
        }
        return Remedy(tuple((wanted - had).elements()), tuple((had - wanted).elements()), pairs)

    def _servers(self) -> Iterator[str]:
        here, there = ({s.label: s for s in side.servers} for side in (self.first, self.second))
        for label in sorted(here.keys() | there.keys()):
            if label not in there:
                yield f"server {label} is only at {self.first.site}; a standby gets no new members while it runs"
            elif label not in here:
                yield f"server {label} is only at {self.second.site}"
            elif here[label].flavor != there[label].flavor:
                yield f"server {label} has another flavor at {self.first.site}; a standby is not resized while it runs"

    def _rules(self, inventory: Inventory, translated: Any) -> Iterator[Rule]:
        """The rules of groups that both sites have, with the labels of groups instead of their ids."""
        labels = {group.id: group.label for group in inventory.security_groups}
        both = {g.label for g in self.first.security_groups} & {g.label for g in self.second.security_groups}
        for group in inventory.security_groups:
            if group.label in both:
                for rule in group.rules:
                    remote = labels.get(rule.remote_group_id or "", rule.remote_group_id)
                    prefix = rule.remote_prefix and translated(rule.remote_prefix)
                    yield Rule(group.label, replace(rule, remote_group_id=remote, remote_prefix=prefix))

    def _pairs(self, port: Port) -> Pairs:
        return tuple((self._there(address), mac) for address, mac in port.allowed_address_pairs)

    def _there(self, text: str) -> str:
        """An address or prefix of the first site, as it is at the second."""
        place = Addressing(self.first, self._info).place(text)
        if place.base == "subnet":
            label = next(s.label for s in self.first.subnets if s.id == place.subnet_ids[0])
            base = next((s.cidr for s in self.second.subnets if s.label == label), None)
        else:
            site = {"own pool": self.second.site, "peer pool": self.first.site}.get(place.base)
            base = None if site is None else self._pools.get(site)
        if base is None:
            return text
        network = ip_network(base, strict=False)
        address = network.network_address + place.offset
        return f"{address}/{place.length}" if "/" in text else str(address)


def follow(pair: Pair, remedy: Remedy, second: Site) -> None:
    """Have the second site follow. SiteError when its cloud does not take it."""
    groups = {group.label: group.id for group in pair.second.security_groups}
    ports = {port.label: port.id for port in pair.second.ports}
    with second.asking("follow what has changed at the first site") as cloud:
        for one in remedy.missing:
            cloud.network.create_security_group_rule(
                security_group_id=groups[one.group],
                direction=one.rule.direction,
                ethertype=one.rule.ethertype,
                protocol=one.rule.protocol,
                port_range_min=one.rule.port_min,
                port_range_max=one.rule.port_max,
                remote_ip_prefix=one.rule.remote_prefix,
                remote_group_id=groups.get(one.rule.remote_group_id or "", one.rule.remote_group_id),
            )
        for one in remedy.surplus:
            remote = groups.get(one.rule.remote_group_id or "", one.rule.remote_group_id)
            wanted = replace(one.rule, remote_group_id=remote)
            for rule in cloud.network.security_group_rules(security_group_id=groups[one.group]):
                if _as_value(rule) == wanted:
                    cloud.network.delete_security_group_rule(rule.id)
        for label, allowed in remedy.pairs.items():
            bodies = [{"ip_address": a} | ({} if mac is None else {"mac_address": mac}) for a, mac in allowed]
            cloud.network.update_port(ports[label], allowed_address_pairs=bodies)


def _as_value(rule: Any) -> SecurityGroupRule:
    return SecurityGroupRule(
        rule.direction,
        rule.ether_type,
        rule.protocol,
        rule.port_range_min,
        rule.port_range_max,
        rule.remote_ip_prefix,
        rule.remote_group_id,
    )


def _in_words(rule: SecurityGroupRule) -> str:
    last = "" if rule.port_max == rule.port_min else f"-{rule.port_max}"
    ports = "" if rule.port_min is None else f" {rule.port_min}{last}"
    whom = rule.remote_prefix or rule.remote_group_id or "anybody"
    return f"{rule.direction} {rule.protocol or 'anything'}{ports} of {whom}"
