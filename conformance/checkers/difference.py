"""What differs between two topologies that are not the same: named object by object, field by field.

No pairing makes the two equal, so the one is sought under which the fewest things differ: by name (names mean
the same at every site), by structure or by the order of names (for what was renamed), and at last by likeness.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from conformance.checkers.equivalence import Colours, Pairing, canonical, colours_of_pairs
from conformance.checkers.topology import Bag, Node, Ref, Shown, Topology, Value

# Likeness is compared pair by pair: above this many pairs of one kind what is left over is simply missing or
# new.
LIKENESS_LIMIT = 40_000
_ORDER = (
    "network",
    "subnet",
    "router",
    "security group",
    "server",
    "port",
    "floating IP",
    "external network",
)


@dataclass(frozen=True)
class Difference:
    """``kind`` and ``label`` name the object, ``text`` says in words what differs."""

    kind: str
    label: str
    text: str


def differences(left: Topology, right: Topology, rounds: list[tuple[Colours, Colours]]) -> list[Difference]:
    """The shortest list of differences found; ``rounds`` are those of
    conformance.checkers.equivalence.compare."""
    by_label = list(_pair_by_label(left, right))
    by_colour = list(_pair_by_colour(left, right, rounds))
    candidates = []
    for first, second, by_order in ((by_label, [], True), (by_label, by_colour, False), (by_colour, by_label, False)):
        pairs: Pairing = {}
        _extend(pairs, first)
        _extend(pairs, second)
        if by_order:
            _pair_by_order(left, right, pairs)
        _pair_by_likeness(left, right, pairs)
        candidates.append(list(_under(left, right, pairs)))
    return min(candidates, key=len)


def _extend(pairs: Pairing, more: Iterable[tuple[str, str]]) -> None:
    taken = set(pairs.values())
    for here, there in more:
        if here not in pairs and there not in taken:
            pairs[here] = there
            taken.add(there)


def _pair_by_label(left: Topology, right: Topology) -> Iterator[tuple[str, str]]:
    """Nodes of one kind whose name is unique on both sides."""
    there = _by_name(right)
    for name, keys in _by_name(left).items():
        if len(keys) == 1 and len(there.get(name, ())) == 1:
            yield keys[0], there[name][0]


def _by_name(side: Topology) -> Mapping[tuple[str, str], list[str]]:
    names: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for node in side.nodes.values():
        names[node.kind, node.label].append(node.key)
    return names


def _pair_by_colour(
    left: Topology, right: Topology, rounds: list[tuple[Colours, Colours]]
) -> Iterator[tuple[str, str]]:
    """Nodes that look alike to the greatest depth at which there is one such node on either side."""
    for here, there in reversed(rounds[1:]):
        singles = _singles(there)
        yield from ((key, singles[colour]) for colour, key in _singles(here).items() if colour in singles)


def _singles(colours: Colours) -> dict[int, str]:
    counts = Counter(colours.values())
    return {colour: key for key, colour in colours.items() if counts[colour] == 1}


def _pair_by_order(left: Topology, right: Topology, pairs: Pairing) -> None:
    """What is left of each kind, in the order of names, where both sides have as many: ``dr-port-9`` for ``port-9``."""
    taken = set(pairs.values())
    here = [n for n in _ordered(left) if n.key not in pairs]
    there = [n for n in _ordered(right) if n.key not in taken]
    for kind in dict.fromkeys(n.kind for n in here):
        mine, theirs = [n for n in here if n.kind == kind], [n for n in there if n.kind == kind]
        if len(mine) == len(theirs):
            _extend(pairs, ((a.key, b.key) for a, b in zip(mine, theirs, strict=True)))


def _pair_by_likeness(left: Topology, right: Topology, pairs: Pairing) -> None:
    """What is left: the most alike first, as long as at least half of the fields are equal."""
    taken = set(pairs.values())
    here = [n for n in _ordered(left) if n.key not in pairs]
    there = [n for n in _ordered(right) if n.key not in taken]
    colours = colours_of_pairs(left, right, pairs)
    for kind in dict.fromkeys(n.kind for n in here):
        mine, theirs = [n for n in here if n.kind == kind], [n for n in there if n.kind == kind]
        if len(mine) * len(theirs) > LIKENESS_LIMIT:
            continue
        mine_fields = {n.key: _fields(n, colours[0]) for n in mine}
        their_fields = {n.key: _fields(n, colours[1]) for n in theirs}
        likeness = [
            (sum(mine_fields[a.key][f] == their_fields[b.key].get(f) for f in a.fields), a, b)
            for a in mine
            for b in theirs
        ]
        likeness.sort(key=lambda entry: -entry[0])
        _extend(pairs, ((a.key, b.key) for equal, a, b in likeness if 2 * equal >= len(a.fields)))


def _fields(node: Node, colours: Colours) -> dict[str, Hashable]:
    return {name: canonical(value, colours) for name, value in node.fields.items()}


def _ordered(side: Topology) -> list[Node]:
    """All nodes, in the order in which a person would look at them."""
    known = [n for n in side.nodes.values() if n.kind in _ORDER]
    return sorted(known, key=lambda n: (_ORDER.index(n.kind), _natural(n.label), n.key))


def _natural(label: str) -> list[tuple[int, str]]:
    """A sort key by which 9 comes before 10."""
    return [(int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", label)]


def _under(left: Topology, right: Topology, pairs: Pairing) -> Iterator[Difference]:
    """What differs under a pairing."""
    colours = colours_of_pairs(left, right, pairs)
    taken = set(pairs.values())
    for node in _ordered(left):
        if node.key not in pairs:
            text = f"{node.kind} {node.label} of {left.where} is missing at {right.where}"
            yield Difference(node.kind, node.label, text)
            continue
        other = right.nodes[pairs[node.key]]
        name = f"{node.kind} {node.label}" + (f" ({other.label} at {right.where})" if other.label != node.label else "")
        for field in dict.fromkeys([*node.fields, *other.fields]):
            a, b = node.fields.get(field), other.fields.get(field)
            if canonical(a, colours[0]) != canonical(b, colours[1]):
                for text in _field_texts((left, right), field, (a, b), colours):
                    yield Difference(node.kind, node.label, f"{name}: {text}")
    for node in _ordered(right):
        if node.key not in taken:
            yield Difference(node.kind, node.label, f"{node.kind} {node.label} is only at {right.where}")


def _field_texts(
    sides: tuple[Topology, Topology],
    field: str,
    values: tuple[Value, Value],
    colours: tuple[Colours, Colours],
) -> Iterator[str]:
    """A field that differs, in words; of a Bag only what is not on both sides."""
    (left, right), (a, b) = sides, values
    if not (isinstance(a, Bag) and isinstance(b, Bag)):
        yield f"{field} is {describe(a, left)} at {left.where} and {describe(b, right)} at {right.where}"
        return
    only_left, only_right = _beyond(a, colours[0], b, colours[1]), _beyond(b, colours[1], a, colours[0])
    if len(only_left) == len(only_right) == 1:
        was, now = describe(only_left[0], left), describe(only_right[0], right)
        yield f"{field} is {was} at {left.where} and {now} at {right.where}"
        return
    for item in only_left:
        yield f"{field} {describe(item, left)} of {left.where} is missing at {right.where}"
    for item in only_right:
        yield f"{field} {describe(item, right)} is only at {right.where}"


def _beyond(bag: Bag, colours: Colours, other: Bag, other_colours: Colours) -> list[Value]:
    """The items of ``bag`` that ``other`` does not hold as often."""
    left = Counter(canonical(item, other_colours) for item in other.values)
    found = []
    for item in bag.values:
        key = canonical(item, colours)
        if left[key]:
            left[key] -= 1
        else:
            found.append(item)
    return found


def describe(value: Value, side: Topology) -> str:
    """A value as a person would write it."""
    if isinstance(value, Shown):
        return value.text
    if isinstance(value, Ref):
        return side.nodes[value.key].label
    if isinstance(value, Bag):
        return describe(value.values, side)
    if isinstance(value, tuple):
        return ", ".join(describe(item, side) for item in value) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)
