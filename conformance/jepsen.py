"""A history as Jepsen writes it: one EDN map for each invocation and each completion, for Knossos, Elle and the like.

Jepsen's rules differ from ours in one point: there, a process whose operation had an unknown outcome is never heard of
again. Here it goes on. So it goes on under a new number in the export: its old one plus the number of processes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import Any

from conformance.errors import UsageError
from conformance.model import Event, Operation, Outcome, ScenarioRecord

REGISTERS = {"get": "read", "put": "write", "cas": "cas"}
RECORDS = {"write": "add", "scan": "read"}
PARTS = ("all", "registers", "records")
_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Keyword(str):
    """An EDN keyword, without its colon."""

    __slots__ = ()


def history_edn(record: ScenarioRecord, part: str = "all") -> Iterator[str]:
    """The lines of history.edn, each with its newline, in time order.

    ``registers``: get, put and cas as ``:read``, ``:write`` and ``:cas`` of ``[key value]``, as jepsen.independent has
    them (a register that was never written is nil, a cas is ``[key [old new]]``). ``records``: writes as ``:add`` of
    the key, pages of the final read as ``:read`` of a vector of keys. ``all``: every operation under its own name.
    Faults are operations of ``:nemesis``. UsageError when there is nothing of that part.
    """
    names = {"registers": REGISTERS, "records": RECORDS}.get(part)
    ops = [op for op in record.history if names is None or op.f in names]
    if not ops:
        raise UsageError(f"Scenario {record.info.id} holds no operations on {'anything' if part == 'all' else part}.")
    begin = min(op.invoked for op in ops)
    lines = merge(*_processes(ops, names, part), _nemesis(record.events), key=lambda line: line[0])
    for index, (t, line) in enumerate(lines):
        timed = {"index": index, "time": t - begin, **line}
        yield edn({Keyword(name): value for name, value in timed.items()}) + "\n"


def _processes(
    ops: Sequence[Operation], names: Mapping[str, str] | None, part: str
) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """The lines of each process, in its order, with their times."""
    by_process: dict[int, list[Operation]] = {}
    for op in sorted(ops, key=lambda op: op.invoked):
        by_process.setdefault(op.process, []).append(op)
    apart = max(by_process) + 1
    for process, each in by_process.items():
        lines: list[tuple[int, dict[str, Any]]] = []
        for op in each:
            common = {"process": process, "f": Keyword(names[op.f] if names else op.f)}
            asked, told = _values(op, part)
            lines.append((op.invoked, {"type": Keyword("invoke"), **common, "value": asked, "site": op.site}))
            if op.completed is not None:
                done = {"type": Keyword(op.outcome.value), **common, "value": told, "site": op.site}
                lines.append((op.completed, done | ({"error": op.error} if op.error is not None else {})))
            if op.outcome is Outcome.INFO:
                process += apart
        yield lines


def _values(op: Operation, part: str) -> tuple[Any, Any]:
    """What an operation's value is when it is invoked and when it is completed."""
    if op.f == "scan":
        found = [key if part == "records" else [key, value] for key, value in op.items]
        return None, found if op.outcome is Outcome.OK else None
    if op.f == "write" and part == "records":
        return op.key, op.key
    if op.f == "cas":
        swap = json.loads(op.value or "null")
        return [op.key, swap], [op.key, swap]
    asked = None if op.f in ("get", "open-session") else op.value
    return [op.key, asked], [op.key, op.value]


def _nemesis(events: Iterable[Event]) -> list[tuple[int, dict[str, Any]]]:
    """The faults, as Jepsen shows them. Those long before or after the clients are kept: their time may be negative."""
    return [
        (event.t, {
            "type": Keyword("info"), "process": Keyword("nemesis"), "f": Keyword(event.name),
            "value": [Keyword(event.state), event.target],
        })
        for event in sorted(events, key=lambda event: event.t)
        if event.kind == "fault"
    ]  # fmt: skip


def edn(value: object) -> str:
    """Plain values as EDN text: None, booleans, integers, strings, keywords, sequences and mappings of them."""
    if value is None:
        return "nil"
    if isinstance(value, Keyword):
        return f":{value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return f'"{_SPECIAL.sub(_escaped, value)}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{edn(key)} {edn(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + " ".join(edn(each) for each in value) + "]"
    raise TypeError(f"{value!r} has no form in EDN here")


def _escaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}"
