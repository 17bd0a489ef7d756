"""MS-DC-02: members in different clouds reach exactly whom they would reach if all were in one cloud.

The inventories ``members-<site>`` are put together into that one cloud: networks and security groups of one name are
one, and a rule for one site's subnet is a rule for the network. What it says should pass, and should not, is compared
with what was observed (reachability ``members`` or ``members-<site>``), above all between clouds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations

from conformance.checkers.expected_reach import Rules
from conformance.checkers.members import latest
from conformance.checkers.reachability import Key, named, outcomes
from conformance.checkers.words import count, joined
from conformance.model import Evidence, Inventory, ScenarioRecord, Status, Verdict
from conformance.model.inventory import Network, Port, SecurityGroup, SecurityGroupRule
from conformance.model.verdict import FigureValue

PREFIX = "members"


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-DC-02. Figures: ``pairs_reached``, ``pairs_not_reached`` and ``pairs_not_observable`` between clouds,
    ``pairs_within`` clouds, ``differences``. O(attempts · rules)."""
    clouds = {site: inventory for site, inventory in latest(record).items() if inventory.servers}
    if len(clouds) < 2:
        return Verdict(Status.INCONCLUSIVE, f"Members in {count(len(clouds), 'cloud')} are on record; two are needed.")
    reaches = [r for name, seen in record.reachability.items() if name.startswith(PREFIX) for r in seen.reaches]
    if not reaches:
        return Verdict(Status.INCONCLUSIVE, "Nobody observed which members reach each other.")
    home = {s.label: site for site, inventory in clouds.items() for s in inventory.servers}
    one = Rules(as_one(clouds, record.info.tenant_pools))
    seen = outcomes(reaches)
    between = {k: reached for k, reached in seen.items() if {*k[:2]} <= {*home} and home[k[0]] != home[k[1]]}
    differences = [*_groups(clouds, record.info.tenant_pools), *_reaches(seen, one)]
    figures: dict[str, FigureValue] = {
        "pairs_reached": sum(reached is True for reached in between.values()),
        "pairs_not_reached": sum(reached is False for reached in between.values()),
        "pairs_not_observable": sum(reached is None for reached in between.values()),
        "pairs_within": len(seen) - len(between),
        "differences": len(differences),
    }
    if differences:
        evidence = tuple(Evidence("reachability", "pair", text) for text in differences[:300])
        return Verdict(Status.FAIL, f"It is not as in one cloud: {joined(differences)}.", figures, evidence)
    doubts = list(_doubts(between, home, one))
    if doubts:
        return Verdict(Status.INCONCLUSIVE, " ".join(doubts), figures)
    reason = (
        f"Between clouds, members reach each other as in one: {figures['pairs_reached']} attempts passed and "
        f"{figures['pairs_not_reached']} did not, each as the rules say."
    )
    return Verdict(Status.PASS, reason, figures)


def as_one(clouds: Mapping[str, Inventory], pools: Mapping[str, str]) -> Inventory:
    """The members of all clouds as the inventory of one: objects of one label are one object, its id the label."""
    prefixes = _prefixes(clouds, pools)
    networks: dict[str, Network] = {}
    groups: dict[str, SecurityGroup] = {}
    ports: list[Port] = []
    for inventory in clouds.values():
        labels = {n.id: n.label for n in inventory.networks} | {g.id: g.label for g in inventory.security_groups}
        networks.update({n.label: replace(n, id=n.label) for n in inventory.networks})
        for group in inventory.security_groups:
            rules = _rules(group, labels, prefixes)
            known = groups[group.label].rules if group.label in groups else ()
            both = tuple(dict.fromkeys([*known, *rules]))
            groups[group.label] = SecurityGroup(group.label, group.label, both, group.stateful)
        ports += [_port(p, labels) for p in inventory.ports]
    return Inventory(
        site=" + ".join(clouds),
        taken_at=max(i.taken_at for i in clouds.values()),
        networks=tuple(networks.values()),
        routers=tuple(r for i in clouds.values() for r in i.routers),
        security_groups=tuple(groups.values()),
        ports=tuple(ports),
        servers=tuple(s for i in clouds.values() for s in i.servers),
        floating_ips=tuple(f for i in clouds.values() for f in i.floating_ips),
    )


def _port(port: Port, labels: Mapping[str, str]) -> Port:
    groups = tuple(labels.get(i, i) for i in port.security_group_ids)
    return replace(port, network_id=labels.get(port.network_id, port.network_id), security_group_ids=groups)


def _prefixes(clouds: Mapping[str, Inventory], pools: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """For each prefix of one site the prefixes that mean the same at all sites: a network's subnets, the pools."""
    of_network: dict[str, list[str]] = {}
    for inventory in clouds.values():
        labels = {n.id: n.label for n in inventory.networks}
        for subnet in inventory.subnets:
            of_network.setdefault(labels.get(subnet.network_id, subnet.network_id), []).append(subnet.cidr)
    same = {cidr: tuple(dict.fromkeys(cidrs)) for cidrs in of_network.values() for cidr in cidrs}
    return {pool: tuple(pools.values()) for pool in pools.values()} | same


def _rules(
    group: SecurityGroup, labels: Mapping[str, str], prefixes: Mapping[str, tuple[str, ...]]
) -> list[SecurityGroupRule]:
    found = []
    for rule in group.rules:
        remote = rule.remote_group_id and labels.get(rule.remote_group_id, rule.remote_group_id)
        for prefix in prefixes.get(rule.remote_prefix or "", (rule.remote_prefix,)):
            found.append(replace(rule, remote_group_id=remote, remote_prefix=prefix))
    return found


def _groups(clouds: Mapping[str, Inventory], pools: Mapping[str, str]) -> Iterator[str]:
    """Security groups of one name that do not let the same pass in both clouds."""
    prefixes = _prefixes(clouds, pools)
    known: dict[str, tuple[str, set[SecurityGroupRule]]] = {}
    for site, inventory in clouds.items():
        labels = {g.id: g.label for g in inventory.security_groups}
        for group in inventory.security_groups:
            rules = set(_rules(group, labels, prefixes))
            where, others = known.setdefault(group.label, (site, rules))
            if rules != others:
                yield f"security group {group.label} has other rules at {site} than at {where}"


def _reaches(seen: Mapping[Key, bool | None], one: Rules) -> Iterator[str]:
    for key, reached in seen.items():
        expected, why = one.expect(*key)
        if reached is not None and expected is not None and reached != expected:
            yield f"{named(key)} {'passes' if reached else 'does not pass'} although in one cloud {why}"


def _doubts(between: Mapping[Key, bool | None], home: Mapping[str, str], one: Rules) -> Iterator[str]:
    untried = [named(key) for key, reached in between.items() if reached is None]
    if untried:
        yield f"{count(len(untried), 'attempt')} between clouds could not be made: {joined(untried)}."
    open_ = [named(key) for key in between if one.expect(*key)[0] is None]
    if open_:
        yield f"The records do not decide whether {joined(open_)} should pass."
    tried = {key[:2] for key in between}
    missing = [f"{a} to {b}" for a, b in permutations(sorted(home), 2) if home[a] != home[b] and (a, b) not in tried]
    if missing:
        yield f"Nobody tried {joined(missing)}."
    for reached, what in ((True, "may"), (False, "must not")):
        if reached not in between.values():
            yield f"Between clouds, no pair was seen that {what} be reached and was{'' if reached else ' not'}."
