"""Loading what the clients recorded: lines joined to operations and probes, and every doubt about them.

A record that is not whole says so: each line that cannot be what a client wrote becomes a sentence in
``problems``. The one exception is a last line without its newline. That is where SIGKILL cut the writer: it
counts as not written and is mentioned in ``notes``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.model import Operation, Outcome, Probe
from conformance.workloads.plan import WorkloadError

FUNCTIONS = frozenset({"write", "open-session", "use-session", "scan"})
OUTCOMES = {outcome.value: outcome for outcome in Outcome}
LATEST_COMPLETION_NS = 5_000_000_000
"""A missing probe is excused as under way at the end unless probes due this much later were answered."""


@dataclass(frozen=True)
class HistoryReading:
    """Operations in the order they were invoked; one without a completion is info, its completed None."""

    operations: tuple[Operation, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ProbeReading:
    """Probes in the order they were due."""

    probes: tuple[Probe, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


class Damage(Exception):
    """A line that cannot be what a client wrote; the text says why."""


def read_history(path: Path) -> HistoryReading:
    """Load history.jsonl; WorkloadError when it cannot be opened."""
    problems: list[str] = []
    notes: list[str] = []
    joining = _Joining()
    for number, line in _lines(path, problems, notes):
        try:
            joining.take(line)
        except Damage as damage:
            problems.append(f"{path.name} line {number}: {damage}.")
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"{path.name} line {number}: not a line of a history ({type(error).__name__}: {error}).")
    return HistoryReading(joining.operations(), tuple(problems), tuple(notes))


def read_probes(path: Path) -> ProbeReading:
    """Load probes.jsonl; WorkloadError when it cannot be opened."""
    problems: list[str] = []
    notes: list[str] = []
    found: dict[int, Probe] = {}
    for number, line in _lines(path, problems, notes):
        try:
            probe = Probe(
                n=_integer(line, "n"), due=_integer(line, "due"), sent=_integer(line, "sent"),
                done=_integer(line, "done"), ok=_boolean(line, "ok"), site=line["site"], error=line["error"],
            )  # fmt: skip
            if probe.n in found:
                raise Damage(f"probe {probe.n} has been recorded before")
            if not probe.due <= probe.sent <= probe.done:
                raise Damage(f"probe {probe.n} was answered before it was sent, or sent before it was due")
            found[probe.n] = probe
        except Damage as damage:
            problems.append(f"{path.name} line {number}: {damage}.")
        except (KeyError, TypeError) as error:
            problems.append(f"{path.name} line {number}: not a line of probes ({type(error).__name__}: {error}).")
    probes = tuple(found[n] for n in sorted(found))
    problems += _missing(probes, path.name)
    return ProbeReading(probes, tuple(problems), tuple(notes))


def _missing(probes: tuple[Probe, ...], name: str) -> Iterator[str]:
    """Sentences about ticks that have no line though the clients went on long after them."""
    expected = 0
    for probe in probes:
        if probe.n > expected and probe.due < probes[-1].due - LATEST_COMPLETION_NS:
            yield f"{name}: probes {expected} to {probe.n - 1} are missing."
        expected = probe.n + 1


class _Joining:
    """Invoke and completion lines becoming operations."""

    def __init__(self) -> None:
        self._found: dict[int, dict[str, Any] | Operation] = {}  # an invoke line, until it is completed
        self._open: dict[int, int] = {}  # process → its operation under way
        self._time = 0

    def take(self, line: dict[str, Any]) -> None:
        """One more line; Damage when it does not follow from those before."""
        i, process, kind, t = line["i"], line["p"], line["type"], line["t"]
        if type(i) is not int or type(process) is not int or type(t) is not int:
            raise Damage("i, p and t must be integers")
        if t < self._time:
            raise Damage(f"its time is {self._time - t} ns before that of an earlier line")
        if kind == "invoke":
            self._invoke(i, process, line)
        elif kind in OUTCOMES:
            self._complete(i, process, line)
        else:
            raise Damage(f"type is {kind!r}, expected invoke, {', '.join(OUTCOMES)}")
        self._time = t

    def operations(self) -> tuple[Operation, ...]:
        """All operations, in the order they were invoked."""
        return tuple(
            found if isinstance(found, Operation) else _operation(found, None) for found in self._found.values()
        )

    def _invoke(self, i: int, process: int, line: dict[str, Any]) -> None:
        f = line["f"]
        if i in self._found:
            raise Damage(f"operation {i} has been invoked before")
        if f not in FUNCTIONS:
            raise Damage(f"f is {f!r}, expected one of {', '.join(sorted(FUNCTIONS))}")
        if process in self._open:
            raise Damage(f"process {process} begins operation {i} while {self._open[process]} is under way")
        if type(line["site"]) is not str:
            raise Damage("site must be a name")
        if f == "write" and not (type(line["key"]) is type(line["value"]) is str):
            raise Damage("a write needs a key and a value")
        self._found[i] = line
        self._open[process] = i

    def _complete(self, i: int, process: int, line: dict[str, Any]) -> None:
        asked = self._found.get(i)
        if asked is None:
            raise Damage(f"operation {i} is completed but was never invoked")
        if isinstance(asked, Operation):
            raise Damage(f"operation {i} has been completed before")
        if asked["p"] != process:
            raise Damage(f"operation {i} of process {asked['p']} is completed by process {process}")
        if asked["f"] == "scan" and line["type"] == "ok":
            line["items"] = tuple((str(key), str(value)) for key, value in line["items"])
        self._found[i] = _operation(asked, line)
        del self._open[process]


def _operation(asked: dict[str, Any], told: dict[str, Any] | None) -> Operation:
    """One operation from its two lines."""
    if told is None:
        told = {"type": "info", "t": None, "error": "never completed"}
    return Operation(
        id=asked["i"],
        process=asked["p"],
        f=asked["f"],
        invoked=asked["t"],
        outcome=OUTCOMES[told["type"]],
        completed=told["t"],
        key=asked.get("key"),
        value=told.get("value", asked.get("value")),
        site=asked["site"],
        error=told.get("error"),
        items=told.get("items", ()),
        final=asked.get("final", False),
        complete=told.get("complete", False),
    )


def _lines(path: Path, problems: list[str], notes: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a file, with their line numbers."""
    decode = json.JSONDecoder().raw_decode
    try:
        file = path.open(encoding="utf-8", errors="surrogateescape", newline="\n")
    except OSError as error:
        raise WorkloadError(f"Cannot read {path}: {error.strerror}.") from None
    with file:
        for number, text in enumerate(file, 1):
            if text[-1] != "\n":
                notes.append(f"{path.name} line {number}: cut off while it was written; taken as not written.")
                return
            try:
                if not text.isascii():
                    text.encode()  # bytes that are no UTF-8 have become surrogates, which do not encode
                line, end = decode(text)
            except ValueError as error:
                problems.append(f"{path.name} line {number}: not JSON ({error}).")
                continue
            if type(line) is not dict or end != len(text) - 1:
                problems.append(f"{path.name} line {number}: not one JSON object.")
                continue
            yield number, line


def _integer(line: dict[str, Any], name: str) -> int:
    value = line[name]
    if type(value) is not int:
        raise Damage(f"{name} must be an integer, not {value!r}")
    return value


def _boolean(line: dict[str, Any], name: str) -> bool:
    value = line[name]
    if type(value) is not bool:
        raise Damage(f"{name} must be true or false, not {value!r}")
    return value
