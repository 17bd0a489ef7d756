"""MS-GR-06: networks that differ in name only are the same; any other difference is named by object and field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest
from builders import (
    A,
    B,
    add_events,
    at,
    clean,
    drop_events,
    drop_object,
    edit_events,
    edit_inventory,
    edit_object,
    fault,
    info,
    inventory,
)

from conformance.checkers import equivalence
from conformance.checkers.registry import judge
from conformance.model import Event, Inventory, ScenarioRecord, Status, Verdict
from conformance.model.inventory import (
    FloatingIp,
    Network,
    Port,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)

Change = Callable[[ScenarioRecord], ScenarioRecord]
Edit = Callable[[Inventory], Inventory]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("network", record)


def before(*edits: Edit) -> Change:
    return _edited("first-before", edits)


def after(*edits: Edit) -> Change:
    return _edited("second-after", edits)


def on_both(*edits: Edit) -> Change:
    return lambda r: after(*edits)(before(*edits)(r))


def _edited(name: str, edits: tuple[Edit, ...]) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for edit in edits:
            record = edit_inventory(record, name, edit)
        return record

    return change


def second(**fields: object) -> Change:
    """Another inventory of the second site."""
    return lambda r: replace(
        r,
        inventories={**r.inventories, "second-after": inventory(B, taken=3, **fields)},  # type: ignore[arg-type]
    )


def reordered(inventory: Inventory) -> Inventory:
    kinds = ("networks", "subnets", "routers", "security_groups", "ports", "floating_ips", "servers")
    turned = replace(inventory, **{kind: tuple(reversed(getattr(inventory, kind))) for kind in kinds})
    groups = tuple(replace(g, rules=tuple(reversed(g.rules))) for g in turned.security_groups)
    return replace(turned, security_groups=groups)


def relabelled(swap: dict[str, str]) -> Edit:
    """Give objects each other's names."""

    def change(inventory: Inventory) -> Inventory:
        kinds = ("networks", "subnets", "security_groups", "ports")
        return replace(
            inventory,
            **{
                kind: tuple(replace(t, label=swap.get(t.label, t.label)) for t in getattr(inventory, kind))
                for kind in kinds
            },
        )

    return change


def port(label: str, **fields: object) -> Edit:
    return edit_object("ports", label, **fields)


def group(label: str, change: Callable[[tuple[SecurityGroupRule, ...]], tuple[SecurityGroupRule, ...]]) -> Edit:
    return edit_object("security_groups", label, rules=change)


def first_rule(label: str, **fields: object) -> Edit:
    return group(label, lambda rules: (replace(rules[0], **fields), *rules[1:]))  # type: ignore[arg-type]


def platform_ports(inventory: Inventory) -> Inventory:
    """Ports that the platform makes by itself."""
    like = inventory.ports[0]
    owners = ("network:dhcp", "network:router_gateway", "network:floatingip")
    own = tuple(replace(like, id=o, label="", device_owner=o, device_id="agent", fixed_ips=()) for o in owners)
    return replace(inventory, ports=(*inventory.ports, *own))


def free_port(status: str) -> Edit:
    """A port that belongs to no device: an address held free."""

    def change(inventory: Inventory) -> Inventory:
        like = inventory.ports[0]
        held = replace(
            like,
            id="held",
            label="held",
            device_owner="",
            device_id="",
            status=status,
            fixed_ips=(),
            allowed_address_pairs=(),
        )
        return replace(inventory, ports=(*inventory.ports, held))

    return change


def ring(sizes: tuple[int, ...]) -> Edit:
    """Networks joined by routers into rings of these sizes: locally, every ring looks like every other."""

    def change(inventory: Inventory) -> Inventory:
        networks: list[Network] = []
        routers: list[Router] = []
        ports: list[Port] = []
        for number, size in enumerate(sizes):
            name = [f"ring-{number}-{i}" for i in range(size)]
            for i in range(size):
                networks.append(Network(f"n {name[i]}", f"n {name[i]}", 1500, True, True))
                routers.append(Router(f"r {name[i]}", f"r {name[i]}", True))
                for j in (i, (i + 1) % size):
                    ports.append(
                        Port(
                            id=f"p {name[i]} {j}",
                            label="",
                            network_id=f"n {name[j]}",
                            fixed_ips=(),
                            security_group_ids=(),
                            admin_up=True,
                            port_security=False,
                            device_owner="network:router_interface",
                            device_id=f"r {name[i]}",
                            status="ACTIVE",
                        )
                    )
        return replace(
            inventory,
            networks=(*inventory.networks, *networks),
            routers=(*inventory.routers, *routers),
            ports=(*inventory.ports, *ports),
        )

    return change


GOOD: dict[str, Change] = {
    "the site carves its subnets elsewhere": lambda r: r,
    "the site carves its subnets in the same place": second(),
    "everything is listed in another order": after(reordered),
    "everything bears another name": second(third_octet=9, prefix="dr-"),
    "the two networks bear each other's names": after(
        relabelled({"oam": "service", "service": "oam", "oam-subnet": "service-subnet", "service-subnet": "oam-subnet"})
    ),
    "the platform has made ports of its own": after(platform_ports),
    "a port is held free on both sides": on_both(free_port("DOWN")),
    "anybody is written as a prefix or not at all": after(first_rule("frontend", remote_prefix=None)),
    "a protocol is a number or a name": after(first_rule("management", protocol="6")),
    "the availability zone differs": after(
        lambda i: replace(
            i,
            ports=tuple(
                replace(p, device_owner="compute:az-2") if p.device_owner == "compute:nova" else p for p in i.ports
            ),
        )
    ),
    "the router is distributed there": after(
        lambda i: replace(
            i,
            ports=tuple(
                replace(p, device_owner="network:router_interface_distributed") if "router" in p.device_owner else p
                for p in i.ports
            ),
        )
    ),
    "the external network has other properties": after(edit_object("networks", "public", mtu=9000, label="ext")),
    "the MAC of a shared address is spelt in capitals": lambda r: after(
        port("frontend-0-service", allowed_address_pairs=lambda p: ((p[0][0], "00:00:5E:00:01:0A"),))
    )(before(port("frontend-0-service", allowed_address_pairs=lambda p: ((p[0][0], "00:00:5e:00:01:0a"),)))(r)),
    "rings of networks are named otherwise": lambda r: after(ring((3, 4)))(before(ring((4, 3)))(r)),
    "an address beyond all pools is the same everywhere": on_both(
        first_rule("management", remote_prefix="10.9.0.0/16")
    ),
    "reachability was observed and is right": lambda r: edit_events(
        r, lambda e: e.name == "data-plane", ok=True, detail="12 pairs"
    ),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_the_networks_are_the_same_when(change: Change) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert "are connected the same way at site-b." in verdict.reason
    assert verdict.figures["differences"] == 0


NET_B = "127.12.41"
FAILING: dict[str, tuple[Change, str]] = {
    "a network is missing": (
        after(lambda i: drop_object("networks", "service")(drop_object("subnets", "service-subnet")(i))),
        "network service of site-a is missing at site-b",
    ),
    "there is another network": (
        after(lambda i: replace(i, networks=(*i.networks, Network("x", "extra", 1500, True, True)))),
        "network extra is only at site-b",
    ),
    "the MTU differs": (
        after(edit_object("networks", "oam", mtu=1500)),
        "network oam: MTU is 1450 at site-a and 1500 at site-b",
    ),
    "a network is down": (
        after(edit_object("networks", "oam", admin_up=False)),
        "network oam: admin state is on at site-a and off at site-b",
    ),
    "port security is off by default": (
        after(edit_object("networks", "oam", port_security=False)),
        "network oam: port security is on at site-a and off at site-b",
    ),
    "QoS is gone": (
        after(edit_object("networks", "service", qos_policy=None)),
        "network service: QoS policy is gold at site-a and none at site-b",
    ),
    "a port's QoS differs": (
        after(port("database-0-service", qos_policy="bronze")),
        "port database-0-service: QoS policy is gold at site-a and bronze at site-b",
    ),
    "a subnet is larger": (
        after(edit_object("subnets", "oam-subnet", cidr="127.12.40.0/23")),
        "subnet oam-subnet: CIDR is 127.11.1.0/24 at site-a and 127.12.40.0/23 at site-b",
    ),
    "a subnet is outside of the pool": (
        after(edit_object("subnets", "oam-subnet", cidr="127.12.200.0/24")),
        "subnet oam-subnet: CIDR is 127.11.1.0/24 at site-a and 127.12.200.0/24 at site-b",
    ),
    "a subnet kept the first site's addresses": (
        after(edit_object("subnets", "oam-subnet", cidr="127.11.1.0/24")),
        "subnet oam-subnet: CIDR is 127.11.1.0/24 at site-a and 127.11.1.0/24 at site-b",
    ),
    "DHCP is off": (
        after(edit_object("subnets", "service-subnet", enable_dhcp=False)),
        "subnet service-subnet: DHCP is on at site-a and off at site-b",
    ),
    "there is no gateway": (
        after(edit_object("subnets", "oam-subnet", gateway_ip=None)),
        "subnet oam-subnet: gateway is 127.11.1.1 at site-a and none at site-b",
    ),
    "the gateway is another address": (
        after(edit_object("subnets", "oam-subnet", gateway_ip=f"{NET_B}.254")),
        "subnet oam-subnet: gateway is 127.11.1.1 at site-a and 127.12.41.254 at site-b",
    ),
    "a name server is missing": (
        after(edit_object("subnets", "oam-subnet", dns_nameservers=("9.9.9.9",))),
        "subnet oam-subnet: name servers is 127.11.1.2, 9.9.9.9 at site-a and 9.9.9.9 at site-b",
    ),
    "a host route is missing": (
        after(edit_object("subnets", "service-subnet", host_routes=())),
        "subnet service-subnet: host route 127.11.1.0/24 via 127.11.2.1 of site-a is missing at site-b",
    ),
    "an allocation pool is shorter": (
        after(edit_object("subnets", "oam-subnet", pools=((f"{NET_B}.2", f"{NET_B}.99"),))),
        "allocation pool is 127.11.1.2 to 127.11.1.254 at site-a and 127.12.41.2 to 127.12.41.99 at site-b",
    ),
    "the router is missing": (
        after(drop_object("routers", "router")),
        "router router of site-a is missing at site-b",
    ),
    "the router has no gateway": (
        after(edit_object("routers", "router", external_network_id=None)),
        "router router: external gateway is public at site-a and none at site-b",
    ),
    "the router does not translate addresses": (
        after(edit_object("routers", "router", snat=False)),
        "router router: SNAT is on at site-a and off at site-b",
    ),
    "a route is missing": (
        after(edit_object("routers", "router", routes=())),
        "router router: route 127.11.2.128/25 via 127.11.1.7 of site-a is missing at site-b",
    ),
    "a route leads elsewhere": (
        after(edit_object("routers", "router", routes=(("127.12.42.128/25", f"{NET_B}.8"),))),
        "route is 127.11.2.128/25 via 127.11.1.7 at site-a and 127.12.42.128/25 via 127.12.41.8 at site-b",
    ),
    "a port is missing": (
        after(drop_object("ports", "frontend-1-oam")),
        "port frontend-1-oam of site-a is missing at site-b",
    ),
    "a router has one leg less": (
        after(drop_object("ports", "router-service")),
        "port router-service of site-a is missing at site-b",
    ),
    "a port has another address": (
        after(port("frontend-1-oam", fixed_ips=lambda ips: ((ips[0][0], f"{NET_B}.77"),))),
        "port frontend-1-oam: address is 127.11.1.12 at site-a and 127.12.41.77 at site-b",
    ),
    "two ports have each other's addresses": (
        after(
            port("frontend-0-oam", fixed_ips=lambda ips: ((ips[0][0], f"{NET_B}.12"),)),
            port("frontend-1-service", fixed_ips=lambda ips: ((ips[0][0], "127.12.42.13"),)),
        ),
        "port frontend-0-oam: address is 127.11.1.11 at site-a and 127.12.41.12 at site-b",
    ),
    "a port is on the other network": (
        after(
            port("frontend-1-oam", network_id="site-b:service", fixed_ips=(("site-b:service-subnet", "127.12.42.99"),))
        ),
        "port frontend-1-oam: network is oam at site-a and service at site-b",
    ),
    "a port belongs to another server": (
        after(port("frontend-1-oam", device_id="site-b:database-0")),
        "port frontend-1-oam: device is frontend-1 at site-a and database-0 at site-b",
    ),
    "a port lacks a security group": (
        after(port("frontend-1-service", security_group_ids=("site-b:any",))),
        "port frontend-1-service: security group frontend of site-a is missing at site-b",
    ),
    "a port has no port security": (
        after(port("frontend-1-service", port_security=False)),
        "port frontend-1-service: port security is on at site-a and off at site-b",
    ),
    "a port is down": (
        after(port("frontend-1-service", admin_up=False)),
        "port frontend-1-service: admin state is on at site-a and off at site-b",
    ),
    "a port was never bound": (
        after(port("frontend-1-service", status="DOWN")),
        "port frontend-1-service: status is ACTIVE at site-a and DOWN at site-b",
    ),
    "an allowed address pair is missing": (
        after(port("frontend-0-service", allowed_address_pairs=())),
        "port frontend-0-service: allowed address pair 127.11.2.100 of site-a is missing at site-b",
    ),
    "an allowed address pair is of the first site": (
        after(port("frontend-0-service", allowed_address_pairs=(("127.11.2.100", None),))),
        "allowed address pair is 127.11.2.100 at site-a and 127.11.2.100 at site-b",
    ),
    "a rule is missing": (
        after(group("management", lambda rules: rules[1:])),
        "security group management: rule ingress IPv4 tcp 8009 from 127.11.1.0/24 of site-a is missing at site-b",
    ),
    "there is one more rule": (
        after(group("management", lambda rules: (*rules, SecurityGroupRule("ingress", "IPv4", "tcp", 22, 22)))),
        "security group management: rule ingress IPv4 tcp 22 from anybody is only at site-b",
    ),
    "a rule opens more ports": (
        after(first_rule("frontend", port_max=8090)),
        "rule is ingress IPv4 tcp 8080 from anybody at site-a and ingress IPv4 tcp 8080-8090 from anybody at site-b",
    ),
    "a rule trusts another group": (
        after(first_rule("database", remote_group_id="site-b:any")),
        "5432 from group frontend at site-a and ingress IPv4 tcp 5432 from group any at site-b",
    ),
    "a rule still names the first site's subnet": (
        after(first_rule("management", remote_prefix="127.11.1.0/24")),
        "rule is ingress IPv4 tcp 8009 from 127.11.1.0/24 at site-a and ingress IPv4 tcp 8009 from 127.11.1.0/24",
    ),
    "a group is stateless": (
        after(edit_object("security_groups", "database", stateful=False)),
        "security group database: stateful is on at site-a and off at site-b",
    ),
    "the floating IP is missing": (
        after(drop_object("floating_ips", "vip")),
        "floating IP vip of site-a is missing at site-b",
    ),
    "the floating IP leads elsewhere": (
        after(edit_object("floating_ips", "vip", port_id="site-b:frontend-1-service")),
        "floating IP vip: port is frontend-0-service at site-a and frontend-1-service at site-b",
    ),
    "two rings have become one": (
        lambda r: after(ring((6,)))(before(ring((3, 3)))(r)),
        "difference",
    ),
    "one object is renamed and another changed": (
        lambda r: edit_inventory(second(prefix="dr-")(r), "second-after", edit_object("networks", "dr-oam", mtu=9000)),
        "network oam (dr-oam at site-b): MTU is 1450 at site-a and 9000 at site-b",
    ),
    "what can be reached is not what should be": (
        lambda r: edit_events(
            r, lambda e: e.name == "data-plane", ok=False, detail="frontend-0 reaches 22 of database-0."
        ),
        "The records are equal, but what can be reached is not: frontend-0 reaches 22 of database-0",
    ),
    "the MTU differs though a fault did not bite": (
        lambda r: edit_events(
            after(edit_object("networks", "oam", mtu=1500))(r), fault("link-delay", "verified"), ok=False
        ),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert any(reason in e.text for e in verdict.evidence) or reason in verdict.reason, verdict.evidence


SINGLE = [
    "the MTU differs",
    "the gateway is another address",
    "a host route is missing",
    "a route leads elsewhere",
    "a port has another address",
    "a port lacks a security group",
    "a rule trusts another group",
    "the floating IP leads elsewhere",
    "one object is renamed and another changed",
]


@pytest.mark.parametrize("name", SINGLE)
def test_one_change_is_one_difference(name: str) -> None:
    change, _ = FAILING[name]
    verdict = judged(change(clean()))
    assert verdict.figures["differences"] == 1, verdict.evidence


def without(name: str) -> Change:
    return lambda r: replace(r, inventories={k: v for k, v in r.inventories.items() if k != name})


OPEN: dict[str, tuple[Change, str]] = {
    "the first inventory is missing": (without("first-before"), "(first-before) is not on record"),
    "the second inventory is missing": (without("second-after"), "(second-after) is not on record"),
    "the second inventory is of the first site": (after(lambda i: replace(i, site=A)), "is of site-a, not of site-b"),
    "the first inventory came after the loss": (before(lambda i: replace(i, taken_at=at(1))), "not before it"),
    "the second inventory came before the loss": (after(lambda i: replace(i, taken_at=at(-1))), "not after it"),
    "there was nothing to compare": (
        on_both(lambda i: Inventory(i.site, i.taken_at)),
        "holds no network and port of the VNF",
    ),
    "there were no ports": (on_both(lambda i: replace(i, ports=())), "holds no network and port"),
    "a group is not in the inventory": (
        on_both(
            port("frontend-0-oam", security_group_ids=lambda ids: (*ids, "default")),
        ),
        "the security group of port frontend-0-oam at site-a is security group default, which is not in the inventory",
    ),
    "a device is not in the inventory": (
        on_both(port("frontend-0-oam", device_id="gone")),
        "is device gone, which is not in the inventory",
    ),
    "nobody says whether packets pass": (
        lambda r: drop_events(r, lambda e: e.name == "data-plane"),
        "Nothing on record says whether packets pass",
    ),
    "the data plane of another site was observed": (
        lambda r: edit_events(r, lambda e: e.name == "data-plane", target=A),
        "Nothing on record says whether packets pass",
    ),
    "the loss is not on record": (lambda r: drop_events(r, fault("site-loss")), "never injected"),
    "nothing happened": (
        lambda r: drop_events(replace(r, info=info(faults_planned=())), lambda e: e.kind in ("fault", "scheme")),
        "Nothing on record makes one inventory the one before",
    ),
    "a fault did not bite": (
        lambda r: edit_events(r, fault("site-loss", "verified"), ok=False),
        "did not show its effect",
    ),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_without_an_observable_data_plane_the_pass_says_that_only_records_were_compared() -> None:
    verdict = judged(clean())
    assert verdict.status is Status.PASS
    assert verdict.figures["reachability"] == "not observable"
    assert "Only the API's records were compared: whether packets pass is not observable here" in verdict.reason
    assert "This lab has no data plane" in verdict.reason


def test_a_failed_look_at_the_data_plane_is_not_outweighed_by_a_later_one() -> None:
    record = add_events(
        clean(),
        Event(at(3.2), "observation", "data-plane", "", B, False, "frontend-1 does not reach database-0."),
        Event(at(3.3), "observation", "data-plane", "", B, True),
    )
    assert judged(record).status is Status.FAIL


def test_renaming_is_said() -> None:
    verdict = judged(second(prefix="dr-")(clean()))
    assert "bear another name there" in verdict.reason


def test_without_declared_pools_addresses_have_to_be_the_same() -> None:
    plain = replace(clean(), info=info(tenant_pools={}))
    assert judged(plain).status is Status.FAIL
    same = inventory(A, taken=-4)
    record = replace(plain, inventories={"first-before": same, "second-after": replace(same, site=B, taken_at=at(3))})
    assert judged(record).status is Status.PASS


def test_a_malformed_address_is_an_error_and_no_verdict() -> None:
    verdict = judged(after(edit_object("subnets", "oam-subnet", cidr="127.12.40.0/99"))(clean()))
    assert verdict.status is Status.ERROR
    assert "127.12.40.0/99" in verdict.reason


def test_rules_may_refer_to_their_own_group_and_to_each_other() -> None:
    def circle(order: tuple[int, ...], site: str) -> Edit:
        names = [f"{site}-g{i}" for i in range(3)]
        groups = tuple(
            SecurityGroup(
                names[i],
                names[i],
                (SecurityGroupRule("ingress", "IPv4", None, None, None, None, names[(i + 1) % 3]),),
            )
            for i in order
        )
        return lambda inventory: replace(inventory, security_groups=(*inventory.security_groups, *groups))

    for order in permutations(range(3)):
        record = after(circle(order, "b"))(before(circle((0, 1, 2), "a"))(clean()))
        assert judged(record).status is Status.PASS
    own = SecurityGroup("own", "own", (SecurityGroupRule("ingress", "IPv4", None, None, None, None, "own"),))
    broken = circle((0, 1), "b")
    record = after(broken, lambda i: replace(i, security_groups=(*i.security_groups, own)))(
        before(circle((0, 1, 2), "a"))(clean())
    )
    assert judged(record).status is Status.FAIL


def test_an_ipv6_subnet_beside_the_pools_is_compared_as_it_is() -> None:
    def six(prefix: str) -> Edit:
        def change(inventory: Inventory) -> Inventory:
            oam = inventory.networks[0].id
            subnet = Subnet(f"{oam} six", "six", oam, f"{prefix}::/64", 6, f"{prefix}::1", False)
            return replace(inventory, subnets=(*inventory.subnets, subnet))

        return change

    assert judged(on_both(six("fd00:1"))(clean())).status is Status.PASS
    assert judged(after(six("fd00:2"))(before(six("fd00:1"))(clean()))).status is Status.FAIL


def test_a_second_external_network_is_another_one() -> None:
    def other(inventory: Inventory) -> Inventory:
        ext = Network("ext-2", "ext-2", 1500, True, True, external=True)
        moved = FloatingIp("vip-2", "vip-2", "127.9.9.9", "ext-2", None)
        return replace(inventory, networks=(*inventory.networks, ext), floating_ips=(*inventory.floating_ips, moved))

    def same(inventory: Inventory) -> Inventory:
        public = next(n.id for n in inventory.networks if n.external)
        moved = FloatingIp("vip-2", "vip-2", "127.9.9.9", public, None)
        return replace(inventory, floating_ips=(*inventory.floating_ips, moved))

    assert judged(on_both(other)(clean())).status is Status.PASS
    assert judged(after(same)(before(other)(clean()))).status is Status.FAIL


def test_an_external_network_of_another_name_is_no_further_difference() -> None:
    edits = (edit_object("networks", "public", label="provider"), edit_object("networks", "oam", mtu=9000))
    verdict = judged(after(*edits)(clean()))
    assert [e.text for e in verdict.evidence] == ["network oam: MTU is 1450 at site-a and 9000 at site-b"]


def test_where_structure_tells_nothing_apart_the_order_of_names_does() -> None:
    def alike(prefix: str, moved: int | None) -> Edit:
        def change(inventory: Inventory) -> Inventory:
            groups = tuple(
                SecurityGroup(
                    f"{prefix}{i}",
                    f"{prefix}{i}",
                    (SecurityGroupRule("ingress", "IPv4", "tcp", 81 if i == moved else 80, 80),),
                )
                for i in range(12)
            )
            return replace(inventory, security_groups=(*inventory.security_groups, *groups))

        return change

    verdict = judged(after(alike("b-", 10))(before(alike("a-", None))(clean())))
    assert len(verdict.evidence) == 1
    assert verdict.evidence[0].text.startswith("security group a-10 (b-10 at site-b): rule is ingress IPv4 tcp 80 ")


def test_networks_too_symmetrical_to_compare_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equivalence, "BUDGET", 500)
    verdict = judged(after(ring((6,)))(before(ring((3, 3)))(clean())))
    assert verdict.status is Status.INCONCLUSIVE
    assert "so symmetrical that" in verdict.reason
