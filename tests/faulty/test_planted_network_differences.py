"""Random networks: the same plan built twice is found the same, one changed thing is found, and networkx agrees."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import networkx
from builders import clean
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Plan, build, draw, mutate

from conformance.checkers.equivalence import compare, is_witness
from conformance.checkers.registry import judge
from conformance.checkers.topology import Bag, Node, Ref, Topology
from conformance.model import Status, Verdict

seeds = st.integers(0, 2**32)


def judged(first: Plan, second: Plan, seed: int, *, named: bool) -> Verdict:
    inventories = {
        "first-before": build(first, "site-a", seed, named=True),
        "second-after": build(second, "site-b", seed + 1, named=named),
    }
    return judge("network", replace(clean(), inventories=inventories))


@settings(max_examples=200)
@given(seeds, seeds, st.booleans())
def test_the_same_plan_is_the_same_network(plan: int, seed: int, named: bool) -> None:
    verdict = judged(draw(plan), draw(plan), seed, named=named)
    assert verdict.status is Status.PASS, verdict.evidence


@settings(max_examples=300)
@given(seeds, seeds, seeds, st.booleans())
def test_one_planted_difference_is_found(plan: int, seed: int, change: int, named: bool) -> None:
    verdict = judged(draw(plan), mutate(draw(plan), change), seed, named=named)
    assert verdict.status is Status.FAIL
    assert verdict.evidence


@settings(max_examples=100)
@given(seeds, seeds, seeds)
def test_where_names_are_kept_one_planted_difference_is_named_in_few_words(plan: int, seed: int, change: int) -> None:
    verdict = judged(draw(plan), mutate(draw(plan), change), seed, named=True)
    assert len(verdict.evidence) <= 2, [e.text for e in verdict.evidence]


def random_topology(seed: int) -> Topology:
    """Few kinds, few colours, many references: much looks alike and is not."""
    rng = random.Random(seed)
    keys = [f"n{i}" for i in range(rng.randint(2, 7))]
    topology = Topology("somewhere")
    for key in keys:
        topology.nodes[key] = Node(
            key,
            rng.choice(["box", "box", "wire"]),
            key,
            {
                "colour": rng.choice(["red", "red", "blue"]),
                "owner": rng.choice([None, Ref(rng.choice(keys))]),
                "link": Bag(tuple(Ref(rng.choice(keys)) for _ in range(rng.randint(0, 2)))),
            },
        )
    return topology


def shuffled(topology: Topology, seed: int, *, rewired: bool) -> Topology:
    """The same under other names in another order; or with one reference turned elsewhere."""
    rng = random.Random(seed)
    names = dict(zip(topology.nodes, rng.sample([f"x{i}" for i in range(20)], len(topology.nodes)), strict=True))
    keys = list(names.values())

    def renamed(value: object) -> object:
        if isinstance(value, Ref):
            return Ref(names[value.key])
        if isinstance(value, Bag):
            return Bag(tuple(renamed(v) for v in value.values))  # type: ignore[misc]
        return value

    nodes = [
        Node(names[k], n.kind, names[k], {f: renamed(v) for f, v in n.fields.items()})  # type: ignore[misc]
        for k, n in topology.nodes.items()
    ]
    rng.shuffle(nodes)
    if rewired:
        victim = rng.randrange(len(nodes))
        nodes[victim] = replace(nodes[victim], fields={**nodes[victim].fields, "owner": Ref(rng.choice(keys))})
    return Topology("elsewhere", {n.key: n for n in nodes})


def as_graph(topology: Topology) -> networkx.DiGraph:
    """The topology for networkx: scalars on the nodes, references counted on the edges."""
    graph = networkx.DiGraph()
    for key, node in topology.nodes.items():
        graph.add_node(key, what=(node.kind, node.fields["colour"]))
    for key, node in topology.nodes.items():
        targets = [("owner", node.fields["owner"])] if node.fields["owner"] else []
        link = node.fields["link"]
        assert isinstance(link, Bag)
        targets += [("link", ref) for ref in link.values]
        for name, ref in targets:
            assert isinstance(ref, Ref)
            edge = graph.get_edge_data(key, ref.key, {"what": Counter()})
            graph.add_edge(key, ref.key, what=edge["what"] + Counter([name]))
    return graph


@settings(max_examples=500)
@given(seeds, seeds, st.booleans())
def test_networkx_comes_to_the_same_conclusion(seed: int, shuffle: int, rewired: bool) -> None:
    left = random_topology(seed)
    right = shuffled(left, shuffle, rewired=rewired)
    expected = networkx.is_isomorphic(
        as_graph(left),
        as_graph(right),
        node_match=lambda a, b: a["what"] == b["what"],
        edge_match=lambda a, b: a["what"] == b["what"],
    )
    witness = compare(left, right).witness
    assert (witness is not None) == expected
    if witness is not None:
        assert is_witness(left, right, witness)
    if not rewired:
        assert expected
