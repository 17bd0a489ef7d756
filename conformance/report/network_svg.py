"""Draws a network graph as inline SVG: networks and groups lie as lines, VMs and routers hang on them.

The place of everything follows from the order of names alone, so the same inventory is always the same drawing. What
differs has a mark and a stroke of its own beside its colour.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from conformance.report.drawing import line, rect, short, text_at
from conformance.report.network import BOTH, CHANGED, FIRST, SECOND, Column, Graph, Joint, Row
from conformance.report.wording import counted

WIDTH = 1120.0
LEFT = 212.0
ROOM = WIDTH - LEFT - 20
WIDEST, BOXED, NARROWEST = 150.0, 84.0, 15.0
ROW, GROUP_ROW = 38.0, 30.0
MARKS = {BOTH: "", FIRST: "− ", SECOND: "+ ", CHANGED: "≠ "}
_LEGEND = (("port", "port"), ("gateway", "gateway"), ("floating", "floating IP"), ("group", "in a security group"))


def draw(graph: Graph, ident: str) -> Markup:
    """The graph as an ``<svg>``, named by ``ident`` and described by the element ``ident``-caption."""
    pitch = min(WIDEST, max(NARROWEST, ROOM / max(1, len(graph.columns))))
    boxed = pitch >= BOXED
    width = max(WIDTH, LEFT + pitch * len(graph.columns) + 20)
    head = 46.0 if boxed else 22.0 + min(150.0, 6.2 * max((len(c.label) for c in graph.columns), default=0) + 12)
    heights = _heights(graph, head)
    right = LEFT + pitch * max(1, len(graph.columns))
    parts = [part for row, y in zip(graph.rows, heights, strict=True) for part in _row(row, y, right)]
    for n, column in enumerate(graph.columns):
        x = LEFT + pitch * (n + 0.5)
        lowest = max((heights[j.row] for j in graph.joints if j.column == n), default=head)
        parts.append(line(x, head - 4, x, lowest, "wire"))
        parts += _column(column, x, head, pitch, boxed)
    for joint in graph.joints:
        parts += _joint(joint, LEFT + pitch * (joint.column + 0.5), heights[joint.row])
    bottom = (heights[-1] if heights else head) + 30
    parts += _legend(graph, bottom)
    name = escape(ident)
    return Markup(
        f'<svg class="network-graph" viewBox="0 0 {short(width)} {short(bottom + 14)}" role="img"'
        f' aria-labelledby="{name}-caption">{"".join(parts)}</svg>'
    )


def describe(graph: Graph) -> str:
    """The graph in words: also what a screen reader says of it."""
    machines = [c for c in graph.columns if c.kind == "vm"]
    routers = [c for c in graph.columns if c.kind == "router"]
    networks = [r for r in graph.rows if r.kind != "security group"]
    ports = sum(j.kind == "port" for j in graph.joints)
    parts = [
        f"{graph.first_site} and {graph.second_site} laid over each other: {counted(len(machines), 'VM')} and "
        f"{counted(len(routers), 'router')} on {counted(len(networks), 'network')}, "
        f"attached at {counted(ports, 'place')}."
    ]
    if graph.renamed:
        parts.append(
            f"Names at {graph.second_site} are others, as many of each kind, and no check found a difference, so "
            f"{graph.first_site} is drawn; both stand in the table below."
        )
    elif not graph.differs:
        parts.append("Everything drawn is there at both sites and no check found a difference in it.")
    items: tuple[Row | Column, ...] = (*graph.rows, *graph.columns)
    only = ((FIRST, f"Only at {graph.first_site}"), (SECOND, f"Only at {graph.second_site}"), (CHANGED, "Different"))
    for state, words in only:
        named = [f"{i.kind} {i.label}" for i in items if i.state == state]
        named += [j.detail for j in graph.joints if j.state == state]
        if named:
            more = f" and {len(named) - 12} more" if len(named) > 12 else ""
            parts.append(f"{words}: {'; '.join(named[:12])}{more}.")
    return " ".join(parts)


def _heights(graph: Graph, head: float) -> list[float]:
    found: list[float] = []
    found_group, y = False, head + 8
    for row in graph.rows:
        # The first group keeps its distance from the note under the last network.
        y += GROUP_ROW if found_group else ROW
        found_group = row.kind == "security group"
        found.append(y)
    return found


def _row(row: Row, y: float, right: float) -> list[str]:
    css = f"{row.kind.replace(' ', '-')}-line s-{row.state}"
    label = _cut(f"{MARKS[row.state]}{row.label}", 30)
    parts = [line(LEFT - 8, y, right, y, css), text_at(0, y, label, "t-title")]
    note = row.note if row.kind != "external" else f"external {row.note}".strip()
    if row.kind == "security group":
        note = f"security group, {row.note}"
    return [*parts, text_at(0, y + 13, _cut(note, 38), "t-note")]


def _column(column: Column, x: float, head: float, pitch: float, boxed: bool) -> list[str]:
    label, css = f"{MARKS[column.state]}{column.label}", f"node {column.kind} s-{column.state}"
    title = f"{column.kind} {column.label} ({column.note})"
    if boxed:
        fits = int((pitch - 14) / 6.4)
        return [
            rect(x - pitch / 2 + 4, 2, pitch - 8, head - 6, css, title),
            text_at(x, 20, _cut(label, fits), "t-title", "middle"),
            text_at(x, 34, _cut(column.note, fits), "t-note", "middle"),
        ]
    at = head - 12
    return [
        rect(x - 5, at, 10, 8, css, title),
        f'<text transform="translate({short(x + 3)} {short(at - 4)}) rotate(-90)" class="t-small">'
        f"{escape(_cut(label, 24))}</text>",
    ]


def _joint(joint: Joint, x: float, y: float) -> list[str]:
    title = f"<title>{escape(joint.detail)}</title>"
    css = f"joint {joint.kind} s-{joint.state}"
    shift = 10 if joint.kind == "floating" else 0
    part = f'<path d="{_shape(joint.kind, x, y - shift)}" class="{css}">{title}</path>'
    if joint.state == BOTH:
        return [part]
    return [part, text_at(x + 7, y - 5 - shift, MARKS[joint.state].strip(), "t-mark")]


def _shape(kind: str, x: float, y: float) -> str:
    """Ports are discs, gateways squares, floating IPs diamonds, memberships small squares on the tip."""
    if kind == "port":
        return f"M{short(x - 4.5)} {short(y)}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0"
    if kind == "gateway":
        return f"M{short(x - 4.5)} {short(y - 4.5)}h9v9h-9z"
    size = 5.5 if kind == "floating" else 3.5
    return f"M{short(x)} {short(y - size)}l{size:g} {size:g}l-{size:g} {size:g}l-{size:g}-{size:g}z"


def _legend(graph: Graph, y: float) -> list[str]:
    parts, x = [], LEFT
    for kind, words in _LEGEND:
        if any(j.kind == kind for j in graph.joints):
            parts.append(f'<path d="{_shape(kind, x + 5, y)}" class="joint {kind} s-both"/>')
            parts.append(text_at(x + 15, y + 4, words, "t-note"))
            x += 40 + 6.4 * len(words)
    states = {r.state for r in graph.rows} | {c.state for c in graph.columns} | {j.state for j in graph.joints}
    marks = (
        (FIRST, f"− only at {graph.first_site}"),
        (SECOND, f"+ only at {graph.second_site}"),
        (CHANGED, "≠ different, says the check"),
    )
    for state, words in marks:
        if state in states:
            parts.append(rect(x, y - 5, 14, 9, f"node s-{state}"))
            parts.append(text_at(x + 20, y + 4, words, "t-note"))
            x += 44 + 6.4 * len(words)
    return parts


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(1, most - 1)]}…"
