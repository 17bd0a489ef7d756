"""The network of both sites as one graph: what is marked, what is said of it, and that the same is drawn the same."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from report_run import BOOT, inventory

from conformance.model import Evidence, Inventory, Reach, Reachability
from conformance.model.inventory import Network, Port
from conformance.report.network import BOTH, CHANGED, FIRST, SECOND, Graph, merged
from conformance.report.network_svg import describe, draw
from conformance.report.reach import compare_reach

BEFORE, AFTER = inventory("site-a", 11, BOOT), inventory("site-b", 12, BOOT)


def states(graph: Graph) -> dict[str, str]:
    """What is marked, by name."""
    named = {f"{item.kind} {item.label}": item.state for item in (*graph.rows, *graph.columns)}
    named |= {f"{graph.columns[j.column].label} {j.kind} {graph.rows[j.row].label}": j.state for j in graph.joints}
    return {name: state for name, state in named.items() if state != BOTH}


def without_last_server(side: Inventory) -> Inventory:
    gone = side.servers[-1]
    return replace(side, servers=side.servers[:-1], ports=tuple(p for p in side.ports if p.device_id != gone.id))


def test_the_same_network_at_both_sites_has_no_mark() -> None:
    graph = merged(BEFORE, AFTER, ())
    assert states(graph) == {} and not graph.differs and not graph.renamed
    assert [f"{r.kind} {r.label}" for r in graph.rows] == [
        "external public", "network oam", "network service", "security group database",
    ]  # fmt: skip
    assert [c.label for c in graph.columns] == ["edge", "database-0", "frontend-0", "frontend-1"]
    assert "no check found a difference" in describe(graph)
    assert "3 VMs and 1 router on 3 networks, attached at 6 places" in describe(graph)


def test_what_is_only_at_one_site_is_marked_and_said() -> None:
    after = replace(without_last_server(AFTER), networks=(*AFTER.networks, Network("x", "extra", 1400, True, True)))
    graph = merged(BEFORE, after, ())
    marked = states(graph)
    assert marked["vm frontend-1"] == marked["frontend-1 port oam"] == FIRST
    assert marked["network extra"] == SECOND
    said = describe(graph)
    assert "Only at site-a: vm frontend-1; " in said and "Only at site-b: network extra." in said


@pytest.mark.parametrize(
    ("ref", "marked"),
    [
        ("port database-0-oam", "database-0 port oam"),
        ("network oam", "network oam"),
        ("subnet oam", "network oam"),
        ("security group database", "security group database"),
        ("router edge", "router edge"),
        ("floating IP vip", "frontend-0 floating public"),
    ],
)
def test_what_a_check_found_different_is_marked(ref: str, marked: str) -> None:
    graph = merged(BEFORE, AFTER, [Evidence("network difference", ref, "It differs.")])
    assert states(graph) == {marked: CHANGED}
    assert "Different: " in describe(graph)


def test_a_difference_in_a_vm_is_marked_on_the_vm() -> None:
    graph = merged(BEFORE, AFTER, [Evidence("server", "frontend-0", "Its flavor differs.")])
    assert states(graph) == {"vm frontend-0": CHANGED}


def renamed(side: Inventory) -> Inventory:
    servers = tuple(replace(s, label=f"dr-{s.label}") for s in side.servers)
    return replace(side, servers=servers, networks=tuple(replace(n, label=f"dr-{n.label}") for n in side.networks))


def test_other_names_alone_are_no_difference_while_no_check_found_one() -> None:
    graph = merged(BEFORE, renamed(AFTER), ())
    assert graph.renamed and states(graph) == {}
    assert "Names at site-b are others" in describe(graph)


def test_other_names_are_marked_when_something_is_missing_as_well_or_a_check_found_a_difference() -> None:
    assert not merged(BEFORE, renamed(without_last_server(AFTER)), ()).renamed
    found = [Evidence("network difference", "router edge", "It differs.")]
    assert not merged(BEFORE, renamed(AFTER), found).renamed


def test_a_port_of_nothing_else_is_a_column_of_its_own() -> None:
    vip = Port("vip", "vip-port", "site-a-oam", (("x", "127.11.0.99"),), (), True, True, "", "")
    graph = merged(replace(BEFORE, ports=(*BEFORE.ports, vip)), AFTER, ())
    assert states(graph) == {"port vip-port": FIRST, "vip-port port oam": FIRST}


def large(nodes: int) -> tuple[Inventory, Inventory]:
    sides = []
    for side in (BEFORE, AFTER):
        servers = [replace(side.servers[1], id=f"n{i}", label=f"worker-{i}", port_ids=()) for i in range(nodes)]
        ports = [replace(side.ports[0], id=f"p{i}", label=f"worker-{i}-oam", device_id=f"n{i}") for i in range(nodes)]
        sides.append(replace(side, servers=tuple(servers), ports=tuple(ports), floating_ips=()))
    return sides[0], sides[1]


@pytest.mark.parametrize("nodes", [0, 1, 3, 60])
def test_nothing_lies_over_anything_else_or_outside_however_many_there_are(nodes: int) -> None:
    svg = str(draw(merged(*large(nodes), ()), "g"))
    width = float(re.search(r'viewBox="0 0 ([\d.]+) ', svg)[1])  # type: ignore[index]
    boxes = [(float(x), float(w)) for x, w in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', svg)]
    assert len(boxes) == nodes + 1  # and the router
    assert all(a + w <= b for (a, w), (b, _) in zip(boxes, boxes[1:], strict=False))
    assert all(x >= 0 and x + w <= width for x, w in boxes)


def test_names_are_counted_as_a_person_counts() -> None:
    labels = [c.label for c in merged(*large(12), ()).columns]
    assert labels.index("worker-9") < labels.index("worker-10")


def test_the_drawing_does_not_depend_on_the_order_of_the_inventory() -> None:
    shuffled = random.Random(4)
    first = replace(
        BEFORE,
        **{  # type: ignore[arg-type]
            name: tuple(shuffled.sample(getattr(BEFORE, name), len(getattr(BEFORE, name))))
            for name in ("networks", "subnets", "ports", "servers", "security_groups")
        },
    )
    assert draw(merged(first, AFTER, ()), "g") == draw(merged(BEFORE, AFTER, ()), "g")


def test_names_cannot_become_markup() -> None:
    evil = replace(BEFORE, networks=(replace(BEFORE.networks[0], label="<script>"), *BEFORE.networks[1:]))
    assert "<script>" not in draw(merged(evil, AFTER, ()), "g")


def observed(site: str, *answers: bool | None) -> Reachability:
    reaches = (Reach("a", f"b-{n}", "oam", "tcp", 80 + n, answer) for n, answer in enumerate(answers))
    return Reachability(site, 0, 1, tuple(reaches))


def test_reachability_that_differs_is_named_and_everything_is_counted() -> None:
    found = compare_reach(observed("site-a", True, False, True, None), observed("site-b", True, False, False))
    assert found is not None
    assert found.summary == (
        "site-a: 4 attempts, 2 reached, 1 not reached, 1 could not be tried. "
        "site-b: 3 attempts, 1 reached, 2 not reached. 2 attempts came out differently."
    )
    assert [(r.attempt, r.first, r.second) for r in found.rows] == [
        ("a → b-2 on oam tcp/82", "✓ reached", "✗ not reached"),
        ("a → b-3 on oam tcp/83", "? not tried", "– no attempt"),
    ]


def test_reachability_that_nobody_observed_is_not_shown_and_one_site_alone_is_said_to_be_so() -> None:
    assert compare_reach(None, None) is None
    found = compare_reach(observed("site-a", True), None)
    assert found is not None and found.rows == ()
    assert found.summary == "site-a: 1 attempt, 1 reached. At the other site it was not observed."
