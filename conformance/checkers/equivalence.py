"""Whether two topologies are the same up to renaming, and if not, what differs, object by object.

Equality is proven by a witness: a pairing of all nodes under which every field is equal, references included.
Colour refinement narrows the candidates (its inequality proves difference); where it leaves a choice, the
search individualises one node after the other and goes back when a choice leads nowhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from conformance.checkers.topology import Bag, Ref, Shown, Topology, Value, references

Colours = dict[str, int]
Pairing = dict[str, str]

# Refining a node once is a step; the search gives up after so many. Networks with addresses need a few per
# node.
BUDGET = 3_000_000


class TooSymmetrical(Exception):
    """The search ran out of its budget without finding a witness or proving that there is none."""


def canonical(value: Value, colours: Mapping[str, int]) -> Hashable:
    """A value with every reference replaced by the colour of what it refers to: equal for equal values."""
    if isinstance(value, Shown):
        return canonical(value.value, colours)
    if isinstance(value, Ref):
        return ("ref", colours[value.key])
    if isinstance(value, Bag):
        return ("bag", frozenset(Counter(canonical(item, colours) for item in value.values).items()))
    if isinstance(value, tuple):
        return tuple(canonical(item, colours) for item in value)
    # True == 1 in Python: the type keeps an administrative state from equalling a number.
    return (type(value).__name__, value)


def colours_of_pairs(left: Topology, right: Topology, pairs: Pairing) -> tuple[Colours, Colours]:
    """A colour per pair, the same on both sides; whatever is unpaired has one of its own."""
    left_colours = {key: i for i, key in enumerate(left.nodes)}
    right_colours = {key: len(left_colours) + i for i, key in enumerate(right.nodes)}
    right_colours |= {there: left_colours[here] for here, there in pairs.items()}
    return left_colours, right_colours


def is_witness(left: Topology, right: Topology, pairs: Pairing) -> bool:
    """Whether a pairing shows that the two are the same."""
    if len(pairs) != len(left.nodes) or set(pairs.values()) != set(right.nodes):
        return False
    left_colours, right_colours = colours_of_pairs(left, right, pairs)
    for here, there in pairs.items():
        a, b = left.nodes[here], right.nodes[there]
        if a.kind != b.kind or a.fields.keys() != b.fields.keys():
            return False
        if any(canonical(a.fields[f], left_colours) != canonical(b.fields[f], right_colours) for f in a.fields):
            return False
    return True


class Refinement:
    """Colours for the nodes of both topologies in lock-step: nodes of different colour can never be
    paired."""

    def __init__(self, left: Topology, right: Topology) -> None:
        self._sides = (left, right)
        self._palette: dict[Hashable, int] = {}
        self._referrers = tuple(_referrers(side) for side in self._sides)
        self.steps = 0

    def start(self) -> tuple[Colours, Colours]:
        """Everything of one kind is of one colour."""
        left, right = ({k: self._paint(("kind", n.kind)) for k, n in side.nodes.items()} for side in self._sides)
        return left, right

    def mark(self) -> int:
        """A colour that nothing has yet."""
        return self._paint(("mark", len(self._palette)))

    def refine(self, colours: tuple[Colours, Colours]) -> list[tuple[Colours, Colours]]:
        """All rounds up to the first in which nothing splits any more, or in which the two sides come to
        differ."""
        rounds = [colours]
        while True:
            left, right = rounds[-1]
            if Counter(left.values()) != Counter(right.values()):
                return rounds
            rounds.append((self._round(0, left), self._round(1, right)))
            if len(set(rounds[-1][0].values())) == len(set(left.values())) and _same(rounds[-1]):
                return rounds

    def _round(self, side: int, colours: Colours) -> Colours:
        self.steps += len(colours)
        if self.steps > BUDGET:
            raise TooSymmetrical
        fresh: Colours = {}
        for key, node in self._sides[side].nodes.items():
            inside = tuple((name, canonical(value, colours)) for name, value in node.fields.items())
            around = Counter((name, colours[other]) for name, other in self._referrers[side][key])
            fresh[key] = self._paint((colours[key], inside, frozenset(around.items())))
        return fresh

    def _paint(self, what: Hashable) -> int:
        return self._palette.setdefault(what, len(self._palette))


def _same(colours: tuple[Colours, Colours]) -> bool:
    return Counter(colours[0].values()) == Counter(colours[1].values())


def _referrers(side: Topology) -> dict[str, list[tuple[str, str]]]:
    """Who refers to each node, and in which field."""
    found: dict[str, list[tuple[str, str]]] = {key: [] for key in side.nodes}
    for key, node in side.nodes.items():
        for name, value in node.fields.items():
            for target in references(value):
                found[target].append((name, key))
    return found


def _classes(topology: Topology, colours: Colours) -> dict[int, list[str]]:
    """The nodes of each colour, by label: where names agree the first guess is the right one."""
    classes: defaultdict[int, list[str]] = defaultdict(list)
    for key in sorted(colours, key=lambda k: (topology.nodes[k].label, k)):
        classes[colours[key]].append(key)
    return classes


@dataclass(frozen=True)
class Comparison:
    """``witness`` proves equality; without one, ``rounds`` of colours tell how far the two are alike."""

    witness: Pairing | None
    rounds: list[tuple[Colours, Colours]]


def compare(left: Topology, right: Topology) -> Comparison:
    """Look for a witness. Raises TooSymmetrical when the budget does not suffice."""
    refinement = Refinement(left, right)
    rounds = refinement.refine(refinement.start())
    return Comparison(_search(refinement, left, right, rounds[-1]), rounds)


def _search(
    refinement: Refinement, left: Topology, right: Topology, refined: tuple[Colours, Colours]
) -> Pairing | None:
    """Depth first over the choices that refinement leaves, with a stack of its own: depth is bounded by
    the nodes."""
    if not _same(refined):
        return None
    stack = [refined]
    while stack:
        colours = refinement.refine(stack.pop())[-1]
        if not _same(colours):
            continue
        here, there = _classes(left, colours[0]), _classes(right, colours[1])
        guess = {a: b for colour, keys in here.items() for a, b in zip(keys, there[colour], strict=True)}
        if is_witness(left, right, guess):
            return guess
        choices = [colour for colour, keys in here.items() if len(keys) > 1]
        if choices:
            colour = min(choices, key=lambda c: len(here[c]))
            chosen, mark = here[colour][0], refinement.mark()
            stack += [({**colours[0], chosen: mark}, {**colours[1], other: mark}) for other in reversed(there[colour])]
    return None
