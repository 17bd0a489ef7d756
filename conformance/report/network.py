"""The VNF's network at both sites laid over each other: what is there before, after, and in what they differ.

Rows are networks and security groups, columns are routers, VMs and ports of nothing else, joints are where a column
is attached to a row. Whether two networks are the same is for the checker to say: its findings are marked here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from conformance.model import Evidence, Inventory

BOTH, FIRST, SECOND, CHANGED = "both", "first", "second", "changed"
"""States: at both sites, only at the first, only at the second, at both and different as the check found."""


@dataclass(frozen=True)
class Row:
    """A network (``kind`` network or external) or a security group."""

    kind: str
    label: str
    note: str
    state: str


@dataclass(frozen=True)
class Column:
    """A router, a VM, or a port that belongs to neither (``kind`` router, vm, port)."""

    kind: str
    label: str
    note: str
    state: str


@dataclass(frozen=True)
class Joint:
    """Column ``column`` is attached to row ``row`` (indices) by a port, a gateway, a floating IP or a group."""

    column: int
    row: int
    kind: str
    state: str
    detail: str


@dataclass(frozen=True)
class Graph:
    """Both sites' networks as one; ``renamed`` when names differ although the check found the two the same."""

    first_site: str
    second_site: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    joints: tuple[Joint, ...]
    renamed: bool = False

    @property
    def differs(self) -> bool:
        """Whether anything is marked."""
        states = [*(r.state for r in self.rows), *(c.state for c in self.columns), *(j.state for j in self.joints)]
        return any(state != BOTH for state in states)


Key = tuple[str, str]
K = TypeVar("K")


@dataclass
class _Side:
    """One inventory by labels: rows and columns with their notes, joints with what they are made of."""

    rows: dict[Key, str] = field(default_factory=dict)
    columns: dict[Key, str] = field(default_factory=dict)
    joints: dict[tuple[Key, Key, str], list[str]] = field(default_factory=dict)
    ports: dict[str, tuple[Key, Key]] = field(default_factory=dict)


def merged(first: Inventory, second: Inventory, found: Iterable[Evidence]) -> Graph:
    """The graph of both. ``found`` are the checks' differences: their ``ref`` names a kind and a label."""
    marks = {evidence.ref if " " in evidence.ref else f"{evidence.kind} {evidence.ref}" for evidence in found}
    left, right = _side(first), _side(second)
    renamed = not marks and _only_names_differ(left, right)
    if renamed:
        # Same structure under other names: only the first site's can be drawn without guessing which is which.
        right = left
    changed = _marked(marks, left, right)
    rows = sorted(left.rows.keys() | right.rows.keys(), key=_order)
    columns = sorted(left.columns.keys() | right.columns.keys(), key=_order)
    joints = sorted(left.joints.keys() | right.joints.keys(), key=lambda j: (_order(j[0]), _order(j[1]), j[2]))
    return Graph(
        first_site=first.site,
        second_site=second.site,
        rows=tuple(
            Row(*key, _note(left.rows, right.rows, key), _state(key, left.rows, right.rows, changed)) for key in rows
        ),
        columns=tuple(
            Column(*key, _note(left.columns, right.columns, key), _state(key, left.columns, right.columns, changed))
            for key in columns
        ),
        joints=tuple(
            Joint(
                column=columns.index(joint[0]),
                row=rows.index(joint[1]),
                kind=joint[2],
                state=_state(joint, left.joints, right.joints, changed),
                detail=_detail(joint, left, right),
            )
            for joint in joints
        ),
        renamed=renamed,
    )


def _side(inventory: Inventory) -> _Side:
    side = _Side()
    row: dict[str, Key] = {}
    column: dict[str, Key] = {}
    for network in inventory.networks:
        row[network.id] = ("external" if network.external else "network", network.label)
        nets = [s.cidr for s in inventory.subnets if s.network_id == network.id]
        side.rows[row[network.id]] = ", ".join(sorted(nets))
    for group in inventory.security_groups:
        row[group.id] = ("security group", group.label)
        side.rows[row[group.id]] = f"{len(group.rules)} rule{'' if len(group.rules) == 1 else 's'}"
    for router in inventory.routers:
        column[router.id] = ("router", router.label)
        side.columns[column[router.id]] = "router"
        if router.external_network_id in row:
            _join(side, column[router.id], row[router.external_network_id], "gateway", router.label)
    for server in inventory.servers:
        column[server.id] = ("vm", server.label)
        side.columns[column[server.id]] = server.role
    for port in inventory.ports:
        at = column.get(port.device_id) or column.setdefault(port.id, ("port", port.label))
        side.columns.setdefault(at, "port")
        column[port.id] = at
        if port.network_id in row:
            side.ports[port.label] = (at, row[port.network_id])
            addresses = ", ".join(address for _, address in port.fixed_ips)
            _join(side, at, row[port.network_id], "port", f"{port.label} {addresses}".strip())
        for group_id in port.security_group_ids:
            if group_id in row:
                _join(side, at, row[group_id], "group", port.label)
    for floating in inventory.floating_ips:
        if floating.port_id in column and floating.network_id in row:
            _join(
                side,
                column[floating.port_id],
                row[floating.network_id],
                "floating",
                f"{floating.label} {floating.address}",
            )
    return side


def _only_names_differ(left: _Side, right: _Side) -> bool:
    """Whether there is as much of every kind at both sites, attached in as many places, under other names."""
    pairs = ((left.rows, right.rows), (left.columns, right.columns))
    if all(here.keys() == there.keys() for here, there in pairs):
        return False
    kinds = [(Counter(kind for kind, _ in here), Counter(kind for kind, _ in there)) for here, there in pairs]
    joints = (Counter(kind for _, _, kind in side.joints) for side in (left, right))
    return all(here == there for here, there in (*kinds, tuple(joints)))


def _join(side: _Side, column: Key, row: Key, kind: str, detail: str) -> None:
    side.joints.setdefault((column, row, kind), []).append(detail)


def _marked(marks: set[str], left: _Side, right: _Side) -> set[object]:
    """The keys of rows, columns and joints that the checks' findings name."""
    found: set[object] = set()
    for side in (left, right):
        found |= {key for key in side.rows if f"{key[0]} {key[1]}" in marks or f"network {key[1]}" in marks}
        found |= {key for key in side.columns if {f"{word} {key[1]}" for word in ("router", "server", "VM")} & marks}
        for label, (column, row) in side.ports.items():
            if f"port {label}" in marks:
                found.add((column, row, "port"))
        for joint, details in side.joints.items():
            if joint[2] == "floating" and any(f"floating IP {d.split()[0]}" in marks for d in details):
                found.add(joint)
        subnets = {m.removeprefix("subnet ") for m in marks if m.startswith("subnet ")}
        found |= {key for key in side.rows if key[0] == "network" and any(s.startswith(key[1]) for s in subnets)}
    return found


def _state(key: K, left: Mapping[K, object], right: Mapping[K, object], changed: set[object]) -> str:
    if key not in right:
        return FIRST
    if key not in left:
        return SECOND
    return CHANGED if key in changed else BOTH


def _note(left: Mapping[Key, str], right: Mapping[Key, str], key: Key) -> str:
    notes = [notes[key] for notes in (left, right) if notes.get(key)]
    return " → ".join(dict.fromkeys(notes))


def _detail(joint: tuple[Key, Key, str], left: _Side, right: _Side) -> str:
    (_, column), (_, row), kind = joint
    words = {"group": "in security group", "gateway": "gateway to", "floating": "floating IP on", "port": "port on"}
    parts = [", ".join(sorted(side.joints[joint])) for side in (left, right) if joint in side.joints]
    return f"{column} {words[kind]} {row}: {' → '.join(dict.fromkeys(parts))}"


_KINDS = ("external", "network", "security group", "router", "vm", "port")


def _order(key: Key) -> tuple[int, list[tuple[int, str]]]:
    """Kind by kind, names in the order of a person who counts: 9 before 10."""
    pieces = [(int(p), "") if p.isdecimal() else (0, p) for p in re.split(r"(\d+)", key[1])]
    return _KINDS.index(key[0]), pieces
