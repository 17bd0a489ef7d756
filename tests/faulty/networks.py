"""Random networks, drawn once as a plan and built at either site: other ids, other names, other order, other
addresses."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from builders import POOLS, at

from conformance.model import Inventory
from conformance.model.inventory import (
    Flavor,
    FloatingIp,
    Network,
    Port,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Server,
    Subnet,
)


@dataclass(frozen=True)
class Plan:
    """What is built, in numbers. A subnet belongs to the network ``number % networks``; a port is a dict of its
    choices; a rule is (direction, port, kind of remote, its number)."""

    networks: tuple[dict[str, Any], ...]
    subnets: int
    groups: tuple[tuple[tuple[str, int, str, int], ...], ...]
    routers: tuple[dict[str, Any], ...]
    servers: tuple[str, ...]
    ports: tuple[dict[str, Any], ...]
    floating_ips: tuple[int, ...] = field(default=())


def draw(seed: int, size: int = 6) -> Plan:
    """A random plan; small numbers to choose from, so that many things look alike."""
    rng = random.Random(seed)
    networks = rng.randint(1, max(2, size // 2))
    subnets = networks + rng.randint(0, 2)
    groups = rng.randint(1, 4)
    servers = tuple(rng.choice(["database", "frontend"]) for _ in range(rng.randint(1, size)))

    def rule() -> tuple[str, int, str, int]:
        kind = rng.choice(["anybody", "group", "subnet", "host", "peer"])
        limit = {"group": groups, "subnet": subnets, "host": subnets}.get(kind, 1)
        return rng.choice(["ingress", "egress"]), rng.choice([22, 80, 5432]), kind, rng.randrange(limit)

    def port() -> dict[str, Any]:
        network = rng.randrange(networks)
        own = [s for s in range(subnets) if s % networks == network]
        return {
            "network": network,
            "subnets": tuple(rng.sample(own, rng.randint(0, 1))),
            "offset": rng.randint(10, 12),
            "groups": tuple(sorted(rng.sample(range(groups), rng.randint(0, min(2, groups))))),
            "server": rng.randrange(len(servers)),
            "port_security": rng.random() < 0.8,
            "pair": rng.choice([None, None, 100]),
        }

    ports = tuple(port() for _ in range(rng.randint(1, 2 * size)))
    return Plan(
        networks=tuple({"mtu": rng.choice([1400, 1500])} for _ in range(networks)),
        subnets=subnets,
        groups=tuple(tuple(sorted({rule() for _ in range(rng.randint(0, 4))})) for _ in range(groups)),
        routers=tuple(
            {"external": rng.random() < 0.5, "route": rng.choice([None, rng.randrange(subnets)])}
            for _ in range(rng.randint(0, 2))
        ),
        servers=servers,
        ports=ports,
        floating_ips=tuple(rng.randrange(len(ports)) for _ in range(rng.randint(0, 2))),
    )


def build(plan: Plan, site: str, seed: int, *, named: bool) -> Inventory:
    """The plan at a site. Ids, order and where in the pool each subnet lies depend on ``seed``; with ``named`` the
    names tell what is what, otherwise they mean nothing."""
    rng = random.Random(seed)
    slots = rng.sample(range(100), plan.subnets)
    net = POOLS[site].rsplit(".", 2)[0]
    peer = POOLS["site-b" if site == "site-a" else "site-a"].rsplit(".", 2)[0]

    def address(subnet: int, offset: int) -> str:
        return f"{net}.{slots[subnet]}.{offset}"

    def id_(kind: str, number: int) -> str:
        return f"{site} {kind} {number} {seed}"

    def label(kind: str, number: int) -> str:
        return f"{kind}-{number}" if named else f"{rng.randrange(10**9)}"

    def remote(kind: str, number: int) -> dict[str, Any]:
        return {
            "anybody": {},
            "group": {"remote_group_id": id_("group", number)},
            "subnet": {"remote_prefix": f"{net}.{slots[min(number, plan.subnets - 1)]}.0/24"},
            "host": {"remote_prefix": f"{net}.{slots[min(number, plan.subnets - 1)]}.9/32"},
            "peer": {"remote_prefix": f"{peer}.0.0/17"},
        }[kind]

    networks = [
        Network(id_("network", n), label("network", n), props["mtu"], True, True)
        for n, props in enumerate(plan.networks)
    ]
    subnets = [
        Subnet(
            id_("subnet", n),
            label("subnet", n),
            id_("network", n % len(plan.networks)),
            f"{net}.{slots[n]}.0/24",
            4,
            address(n, 1),
            False,
        )
        for n in range(plan.subnets)
    ]
    groups = [
        SecurityGroup(
            id_("group", n),
            label("group", n),
            tuple(
                SecurityGroupRule(d, "IPv4", "tcp", p, p, **remote(k, m))
                for d, p, k, m in rng.sample(rules, len(rules))
            ),
        )
        for n, rules in enumerate(plan.groups)
    ]
    routers = [
        Router(
            id_("router", n),
            label("router", n),
            True,
            f"{site} ext" if props["external"] else None,
            None,
            () if props["route"] is None else (("10.0.0.0/8", address(props["route"], 5)),),
        )
        for n, props in enumerate(plan.routers)
    ]
    servers = [
        Server(id_("server", n), label("server", n), role, "ACTIVE", Flavor(1, 1, 1), None, (), (), None, None)
        for n, role in enumerate(plan.servers)
    ]
    ports = [
        Port(
            id=id_("port", n),
            label=label("port", n),
            network_id=id_("network", p["network"]),
            fixed_ips=tuple((id_("subnet", s), address(s, p["offset"])) for s in p["subnets"]),
            security_group_ids=tuple(id_("group", g) for g in p["groups"]),
            admin_up=True,
            port_security=p["port_security"],
            device_owner="compute",
            device_id=id_("server", p["server"]),
            allowed_address_pairs=tuple((address(s, p["pair"]), None) for s in p["subnets"] if p["pair"]),
            status="ACTIVE",
        )
        for n, p in enumerate(plan.ports)
    ]
    floating = [
        FloatingIp(id_("vip", n), label("vip", n), f"{net}.250.{n}", f"{site} ext", id_("port", port))
        for n, port in enumerate(plan.floating_ips)
    ]
    ext = Network(f"{site} ext", "public", 1500, True, True, external=True)
    for things in (networks, subnets, groups, routers, servers, ports, floating):
        rng.shuffle(things)  # type: ignore[arg-type]
    return Inventory(
        site=site,
        taken_at=at(-1 if site == "site-a" else 3),
        networks=(ext, *networks),
        subnets=tuple(subnets),
        routers=tuple(routers),
        security_groups=tuple(groups),
        ports=tuple(ports),
        floating_ips=tuple(floating),
        servers=tuple(servers),
    )


def mutate(plan: Plan, seed: int) -> Plan:
    """The plan with one thing changed that no renaming can undo, for it occurs nowhere else or changes a number."""
    rng = random.Random(seed)
    port = rng.randrange(len(plan.ports))
    p = plan.ports[port]

    def with_port(**fields: Any) -> Plan:
        return replace(plan, ports=(*plan.ports[:port], {**p, **fields}, *plan.ports[port + 1 :]))

    network, group = rng.randrange(len(plan.networks)), rng.randrange(len(plan.groups))
    choices = [
        with_port(port_security=not p["port_security"]),
        with_port(groups=p["groups"][1:] if p["groups"] else (group,)),
        replace(plan, ports=(*plan.ports, {**p, "offset": 200})),
        replace(
            plan,
            networks=tuple({"mtu": 9000} if n == network else props for n, props in enumerate(plan.networks)),
        ),
        replace(
            plan,
            groups=tuple((*g, ("ingress", 4321, "anybody", 0)) if n == group else g for n, g in enumerate(plan.groups)),
        ),
        replace(plan, floating_ips=(*plan.floating_ips, port)),
    ]
    if p["subnets"]:
        choices.append(with_port(offset=99))
        choices.append(with_port(pair=101))
    if plan.routers:
        choices.append(
            replace(plan, routers=({**plan.routers[0], "external": not plan.routers[0]["external"]}, *plan.routers[1:]))
        )
    return rng.choice(choices)
