"""Reading what a scenario left on disk: files become frozen values, and every line that is amiss a sentence.

A record that is not whole is still loaded: its ``problems`` keep any verdict from being a pass.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from conformance.block_writes import BLOCK_WRITES_FILE, read_block_writes
from conformance.errors import UsageError
from conformance.model import (
    Event,
    Holding,
    Inventory,
    Operation,
    Probe,
    Reachability,
    ScenarioInfo,
    ScenarioRecord,
    VolumeImage,
)
from conformance.soundness import amiss
from conformance.workloads.reading import read_history, read_probes

T = TypeVar("T")

SCENARIO_FILE = "scenario.json"
OUTCOME_FILE = "outcome.json"
EVENTS_FILE = "events.jsonl"
HISTORY_FILE = "history.jsonl"
PROBES_FILE = "probes.jsonl"
PLANES_FOLDER = "probes"
HOLDERS_FILE = "holders.jsonl"
INVENTORY_FOLDER = "inventory"
REACHABILITY_FOLDER = "reachability"
VOLUMES_FOLDER = "volumes"

_ADAPTERS: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    """What reads a kind, made once: that takes longer than reading a file with it."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def read_json(path: Path, kind: type[T]) -> T:
    """Read a JSON file as the frozen dataclass ``kind``; UsageError names the file and the field that is wrong."""
    try:
        return _adapter(kind).validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"Expected the file {path}, which is not there. Is its folder a run folder?") from None
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise UsageError(f"{path} is damaged at {place}: {first['msg']}.") from None


def read_lines(path: Path, kind: type[T]) -> tuple[tuple[T, ...], tuple[str, ...]]:
    """The lines of a JSON Lines file as values of the dataclass ``kind``, and sentences about those that are none.

    A last line without its newline was cut by a kill: it is left out and is no problem. No file is no line. A line that
    is there twice is a problem; their order is not, for several writers may append. UsageError when the file cannot be
    read.
    """
    found: list[T] = []
    problems: list[str] = []
    first: dict[bytes, int] = {}
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return (), ()
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from None
    adapter = _adapter(kind)
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        if line in first:
            problems.append(f"{path.name} line {number}: it is the same as line {first[line]}.")
            continue
        first[line] = number
        try:
            value = adapter.validate_json(line, strict=True)
            _check_range(value)
            found.append(value)
        except ValidationError as error:
            problems.append(f"{path.name} line {number}: {_first_words(error)}.")
        except ValueError as error:
            problems.append(f"{path.name} line {number}: {error}.")
    return tuple(found), tuple(problems)


def _check_range(value: object) -> None:
    """ValueError when an instant is none: times are nanoseconds from 0 on, in 63 bits."""
    for field in fields(value):  # type: ignore[arg-type]  # every kind read is a dataclass
        number = getattr(value, field.name)
        if type(number) is int and not 0 <= number < 1 << 63:
            raise ValueError(f"{field.name} is out of range")


def _first_words(error: ValidationError) -> str:
    """The first of the errors, with the place in the value."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def read_events(path: Path) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """The events of a file and the sentences about lines that could not be read."""
    return read_lines(path, Event)


def read_each(folder: Path, kind: type[T], problems: list[str]) -> dict[str, T]:
    """Every JSON file of a folder by its name without the suffix; what cannot be read becomes a problem."""
    found: dict[str, T] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = read_json(path, kind)
        except UsageError as error:
            problems.append(str(error))
    return found


def load_scenario(folder: Path) -> ScenarioRecord:
    """Everything recorded of one scenario; unreadable lines become ``problems``."""
    info = read_json(folder / SCENARIO_FILE, ScenarioInfo)
    events, event_problems = read_events(folder / EVENTS_FILE)
    problems = list(event_problems)
    history: tuple[Operation, ...] = ()
    if (folder / HISTORY_FILE).exists():
        operations = read_history(folder / HISTORY_FILE)
        history = operations.operations
        problems += operations.problems
    holders, holder_problems = read_lines(folder / HOLDERS_FILE, Holding)
    problems += holder_problems
    block_writes, write_problems = read_block_writes(folder / BLOCK_WRITES_FILE)
    problems += write_problems
    inventories = read_each(folder / INVENTORY_FOLDER, Inventory, problems)
    for name, inventory in inventories.items():
        problems += [f"{folder / INVENTORY_FOLDER / name}.json: {sentence}." for sentence in amiss(inventory)]
    return ScenarioRecord(
        info=info,
        history=history,
        probes=_probes(folder / PROBES_FILE, problems),
        planes={p.stem: _probes(p, problems) for p in sorted((folder / PLANES_FOLDER).glob("*.jsonl"))},
        events=events,
        inventories=inventories,
        reachability=read_each(folder / REACHABILITY_FOLDER, Reachability, problems),
        holders=holders,
        volumes=read_each(folder / VOLUMES_FOLDER, VolumeImage, problems),
        block_writes=block_writes,
        problems=tuple(problems),
        finished=(folder / OUTCOME_FILE).exists(),
    )


def _probes(path: Path, problems: list[str]) -> tuple[Probe, ...]:
    if not path.exists():
        return ()
    ticks = read_probes(path)
    problems += ticks.problems
    return ticks.probes
