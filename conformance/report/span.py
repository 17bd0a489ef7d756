"""Something that lasted, on the axis of a timeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.model import Event

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Span:
    """Seconds since the scenario's first record. ``end`` is None when it never ended."""

    label: str
    begin: float
    end: float | None
    detail: str = ""
    ok: bool | None = None


def spans(events: Iterable[Event], kind: str, origin: int) -> tuple[Span, ...]:
    """The events of a kind joined from begin to end by name; states between the two are instants of their own."""
    found: list[Span] = []
    begun: dict[str, int] = {}
    for event in events:
        if event.kind != kind:
            continue
        at = (event.t - origin) / SECOND
        if event.state == "begin":
            begun[event.name] = len(found)
            found.append(Span(event.name, at, None, event.detail))
        elif event.state == "end" and event.name in begun:
            place = begun.pop(event.name)
            found[place] = Span(event.name, found[place].begin, at, event.detail or found[place].detail, event.ok)
        elif event.name in begun and event.state:
            found.append(Span(event.state, at, at, event.detail, event.ok))
    return tuple(found)
