"""Invoke and completion lines becoming operations.

This is the inner loop of loading a record: a million operations are two million lines. So the fields of a line are
checked by the decoder, and what is left is done with as few steps as possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, make_dataclass
from typing import Annotated, Any, Literal, get_args

import msgspec

from conformance.model import Operation, Outcome
from conformance.workloads.lines import UNREADABLE
from conformance.workloads.page import Page

Function = Literal["write", "open-session", "use-session", "scan", "get", "put", "cas"]
FUNCTIONS = frozenset(get_args(Function))
OUTCOMES = {outcome.value: outcome for outcome in Outcome}
VALUED = frozenset({"write", "put", "cas"})
"""Functions whose value is what was asked, not what was answered."""
Natural = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]

_decode_swap = msgspec.json.Decoder(tuple[str | None, str]).decode
# Operation is frozen, and making a frozen dataclass takes three times as long as making one that is not. A draft has
# the same slots, so a finished one becomes an Operation by being called one.
_Draft: Any = make_dataclass("_Draft", [(field.name, field.type, field) for field in fields(Operation)], slots=True)


class Line(msgspec.Struct, gc=False):
    """A line of history.jsonl, of either kind."""

    i: Natural
    p: Natural
    type: Literal["invoke", "ok", "fail", "info"]
    t: Natural
    f: Function | None = None
    key: str | None = None
    value: str | None = None
    site: str | None = None
    error: str | None = None
    final: bool = False
    complete: bool = False
    items: msgspec.Raw = msgspec.Raw()


class Damage(Exception):
    """A line that cannot be what a client wrote; the text says why."""


class Joining:
    """Takes the lines of a history in their order and makes operations of them."""

    def __init__(self) -> None:
        self._found: list[Line | Operation] = []  # in the order invoked; an invoke line, until it is completed
        self._open: dict[int, int] = {}  # process → where its operation under way is in _found
        self._time = 0
        self._next = 0  # the lowest id above all those seen
        self._gaps: list[tuple[int, int]] = []  # ids below it that have not been seen: from, to
        self._places: dict[int, int] = {}  # id → place in _found, of the first _indexed of them: rarely needed
        self._indexed = 0
        self._sites: dict[str | None, str | None] = {}

    def take(self, lines: Iterable[Line | None], first: int) -> Iterator[tuple[int, str]]:
        """More lines, the ``first`` is the number of the first of them; yields the numbers of those that do not follow
        from the ones before, and why. None stands for a line that could not be decoded."""
        found, under_way, sites = self._found, self._open, self._sites
        time, expected, site = self._time, self._next, None
        for number, line in enumerate(lines, first):
            if line is None:
                continue
            t, process = line.t, line.p
            try:
                if t < time:
                    raise Damage(f"its time is {time - t} ns before that of an earlier line")
                place = under_way.get(process)
                if line.type == "invoke":
                    if line.f != "write" or line.key is None or line.value is None or line.site is None:
                        _check(line)
                    if place is not None:
                        raise Damage(
                            f"process {process} begins operation {line.i} while {_id(found[place])} is under way"
                        )
                    if line.i == expected:
                        expected += 1
                    else:
                        expected = self._number(line.i, expected)
                    if line.site != site:
                        site = sites.setdefault(line.site, line.site)
                    line.site = site
                    under_way[process] = len(found)
                    found.append(line)
                else:
                    asked = None if place is None else found[place]
                    if place is None or type(asked) is not Line or asked.i != line.i:
                        raise self._stray(line)
                    found[place] = _operation(asked, line, t)
                    del under_way[process]
                time = t
            except Damage as damage:
                yield number, str(damage)
        self._time, self._next = time, expected

    def operations(self) -> tuple[Operation, ...]:
        """All operations, in the order they were invoked. Nothing may be taken afterwards."""
        for place in self._open.values():
            asked = self._found[place]
            assert isinstance(asked, Line)
            self._found[place] = _operation(asked, Line(asked.i, asked.p, "info", 0, error="never completed"), None)
        return tuple(self._found)  # type: ignore[arg-type]  # there is no line left among them

    def missing(self) -> Iterator[str]:
        """Sentences about numbers that no operation has though a later one has been invoked."""
        for low, high in self._gaps:
            yield f"operation {low} is missing" if low == high else f"operations {low} to {high} are missing"

    def _number(self, i: int, expected: int) -> int:
        """Note an id that is not the one expected next; what is expected then."""
        if i > expected:
            self._gaps.append((expected, i - 1))
            return i + 1
        for n, (low, high) in enumerate(self._gaps):
            if low <= i <= high:
                self._gaps[n : n + 1] = [(a, b) for a, b in ((low, i - 1), (i + 1, high)) if a <= b]
                return expected
        raise Damage(f"operation {i} has been invoked before")

    def _stray(self, line: Line) -> Damage:
        """Why a completion does not belong to the operation that its process has under way."""
        for place in range(self._indexed, len(self._found)):
            self._places[_id(self._found[place])] = place
        self._indexed = len(self._found)
        place_found = self._places.get(line.i)
        if place_found is None:
            return Damage(f"operation {line.i} is completed but was never invoked")
        found = self._found[place_found]
        if isinstance(found, Operation):
            return Damage(f"operation {line.i} has been completed before")
        return Damage(f"operation {line.i} of process {found.p} is completed by process {line.p}")


def _check(line: Line) -> None:
    """Damage unless the line says enough to be the beginning of an operation."""
    if line.f is None or line.site is None:
        raise Damage("an operation needs f and site")
    if line.f in VALUED and (line.key is None or line.value is None):
        raise Damage(f"a {line.f} needs a key and a value")
    if line.f == "get" and line.key is None:
        raise Damage("a get needs a key")
    if line.f == "cas" and line.value is not None:
        swap_of(line.value)


def _operation(asked: Line, told: Line, completed: int | None) -> Operation:
    """One operation from its two lines."""
    f, value, kind = asked.f, told.value, told.type
    if value is None:
        value = asked.value
    elif f in VALUED and value != asked.value:
        raise Damage(f"operation {asked.i} was asked with one value and answered with another")
    draft = _Draft(
        asked.i,
        asked.p,
        f,
        asked.t,
        OUTCOMES[kind],
        completed,
        asked.key,
        value,
        asked.site,
        told.error,
        _page(told) if f == "scan" and kind == "ok" else (),
        asked.final,
        told.complete,
    )
    draft.__class__ = Operation
    operation: Operation = draft
    return operation


def _page(told: Line) -> Page:
    """What a scan found."""
    try:
        return Page(told.items)
    except UNREADABLE as error:
        raise Damage(f"a scan that succeeded needs items, pairs of key and value ({error})") from None


def _id(found: Line | Operation) -> int:
    return found.i if isinstance(found, Line) else found.id


def swap_of(value: str) -> tuple[str | None, str]:
    """What a ``cas`` was asked: the value expected (None: no value) and the new one; Damage when it is no such pair."""
    try:
        return _decode_swap(value)
    except UNREADABLE as error:
        raise Damage(f"the value of a cas must be the JSON text of [old, new] ({error})") from None
