"""Loading what the clients recorded: lines joined to operations and probes, and every doubt about them.

A record that is not whole says so: each line that cannot be what a client wrote becomes a sentence in
``problems``. The one exception is a last line without its newline. That is where SIGKILL cut the writer: it
counts as not written and is mentioned in ``notes``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from conformance.model import Operation, Probe
from conformance.workloads.joining import Joining, Line, Natural
from conformance.workloads.lines import decoded_lines

LATEST_COMPLETION_NS = 5_000_000_000
"""A missing probe is excused as under way at the end unless probes due this much later were answered."""
LARGE = 100_000
"""Operations from which on the collector of garbage is told to leave what is in memory alone: they hold no cycles, and
walking through a million of them takes a third of a second each time."""


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


class _ProbeLine(msgspec.Struct, gc=False):
    """A line of probes.jsonl."""

    n: Natural
    due: Natural
    sent: Natural
    done: Natural
    ok: bool
    site: str | None
    error: str | None
    extra: bool = False


def read_history(path: Path) -> HistoryReading:
    """Load history.jsonl; WorkloadError when it cannot be opened."""
    problems: list[str] = []
    notes: list[str] = []
    joining = Joining()
    with _no_collections():
        decode = msgspec.json.Decoder(Line).decode
        for first, lines in decoded_lines(path, decode, "a line of a history", problems, notes):
            problems += [f"{path.name} line {number}: {reason}." for number, reason in joining.take(lines, first)]
        problems += [f"{path.name}: {sentence}." for sentence in joining.missing()]
        operations = joining.operations()
        if len(operations) >= LARGE:
            gc.freeze()
    return HistoryReading(operations, tuple(problems), tuple(notes))


def read_probes(path: Path) -> ProbeReading:
    """Load probes.jsonl; WorkloadError when it cannot be opened."""
    problems: list[str] = []
    notes: list[str] = []
    found: dict[int, Probe] = {}
    decode = msgspec.json.Decoder(_ProbeLine).decode
    for first, lines in decoded_lines(path, decode, "a line of probes", problems, notes):
        for number, line in enumerate(lines, first):
            if line is None:
                continue
            if line.n in found:
                problems.append(f"{path.name} line {number}: probe {line.n} has been recorded before.")
            elif not line.due <= line.sent <= line.done:
                problems.append(
                    f"{path.name} line {number}: probe {line.n} was answered before it was sent, or sent before it was "
                    "due."
                )
            else:
                found[line.n] = Probe(
                    line.n, line.due, line.sent, line.done, line.ok, line.site, line.error, line.extra
                )
    probes = tuple(found[n] for n in sorted(found))
    problems += _missing(probes, path.name)
    return ProbeReading(probes, tuple(problems), tuple(notes))


@contextmanager
def _no_collections() -> Iterator[None]:
    """No collection of garbage meanwhile: each would walk through every operation loaded so far, and find none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _missing(probes: tuple[Probe, ...], name: str) -> Iterator[str]:
    """Sentences about ticks that have no line though the clients went on long after them."""
    expected = 0
    for probe in probes:
        if probe.n > expected and probe.due < probes[-1].due - LATEST_COMPLETION_NS:
            yield f"{name}: probes {expected} to {probe.n - 1} are missing."
        expected = probe.n + 1
