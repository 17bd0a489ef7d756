"""The run folder: written as things happen, so that a killed run can still be judged from it.

Layout (docs/run-folder.md): run.json and one folder per scenario are written before anything is done; history, probes
and events grow while it runs; verdicts and reports come last and can be made again at any time.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance.errors import UsageError
from conformance.model import Event, Inventory, Reachability, ScenarioInfo, ScenarioRecord, VolumeImage
from conformance.model.results import RunInfo
from conformance.records import OUTCOME_FILE, REACHABILITY_FOLDER, SCENARIO_FILE, load_scenario, read_json
from conformance.redaction import redact, redacted


@dataclass(frozen=True)
class Outcome:
    """How a scenario ended: written when its faults are healed, and again when what it created is removed, which
    ``closed`` says. ``failed_step`` is which of its steps (from 0) could not be carried out, None when none or when it
    is not known. ``trouble`` is what went wrong while everything was taken back, whatever had ended it before."""

    error: str | None
    duration_s: float
    failed_step: int | None = None
    closed: bool = False
    trouble: str | None = None


@dataclass(frozen=True)
class PlannedScenario:
    """A scenario that was selected, before any of them was begun."""

    name: str
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What a run set out to do (plan.json). ``of`` is how many scenarios its profile has altogether."""

    scenarios: tuple[PlannedScenario, ...]
    of: int


@dataclass(frozen=True)
class End:
    """How a run ended (end.json); a run without it was cut short. ``trouble`` holds sentences."""

    interrupted: bool
    trouble: tuple[str, ...]


RUN_FILE = "run.json"
PLAN_FILE = "plan.json"
END_FILE = "end.json"


def write_json(path: Path, value: Any) -> None:
    """Write ``value``, without secrets, as JSON so that a reader sees either the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(json.dumps(redacted(value), indent=1, sort_keys=False) + "\n", encoding="utf-8")
    partial.replace(path)


class EventLog:
    """Appends events to events.jsonl, one write per line, so that a SIGKILL loses at most the line being written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def append(self, event: Event) -> None:
        """Write one event; safe from several threads (one write call on an O_APPEND descriptor)."""
        os.write(self._fd, (json.dumps(redacted(asdict(event)), default=lambda o: redact(str(o))) + "\n").encode())

    def note(self, kind: str, name: str, state: str = "", **rest: Any) -> Event:
        """Make an event of now, write it and return it."""
        event = Event(t=time.monotonic_ns(), kind=kind, name=name, state=state, **rest)
        self.append(event)
        return event

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def write_inventory(folder: Path, name: str, inventory: Inventory) -> None:
    """Keep an inventory under inventory/NAME.json of a scenario's folder."""
    write_json(folder / "inventory" / f"{name}.json", asdict(inventory))


def write_reachability(folder: Path, name: str, reachability: Reachability) -> None:
    """Keep what was observed to reach what under reachability/NAME.json of a scenario's folder."""
    write_json(folder / REACHABILITY_FOLDER / f"{name}.json", asdict(reachability))


def write_volume_image(folder: Path, name: str, image: VolumeImage) -> None:
    """Keep a volume's image under volumes/NAME.json of a scenario's folder; NAME is STAGE or STAGE.VOLUME."""
    write_json(folder / "volumes" / f"{name}.json", asdict(image))


class RunFolder:
    """A run's folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, info: RunInfo) -> RunFolder:
        """Make the folder and write run.json. UsageError when it cannot be written."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            write_json(path / RUN_FILE, asdict(info))
        except OSError as error:
            raise UsageError(
                f"Cannot write the run folder {path}: {error.strerror}. Choose another with --out."
            ) from None
        return cls(path)

    def info(self) -> RunInfo:
        """What was asked of the run."""
        return read_json(self.path / RUN_FILE, RunInfo)

    def scenario_folder(self, scenario_id: str) -> Path:
        """Where one scenario's records are."""
        return self.path / "scenarios" / scenario_id

    def scenario_ids(self) -> tuple[str, ...]:
        """Ids of all scenarios that were begun, in order."""
        return tuple(p.parent.name for p in sorted((self.path / "scenarios").glob(f"*/{SCENARIO_FILE}")))

    def begin_scenario(self, info: ScenarioInfo) -> Path:
        """Make a scenario's folder and write what it is going to do."""
        folder = self.scenario_folder(info.id)
        write_json(folder / SCENARIO_FILE, asdict(info))
        return folder

    def end_scenario(self, scenario_id: str, outcome: Outcome) -> None:
        """Say that a scenario came to its end, healed, and how."""
        write_json(self.scenario_folder(scenario_id) / OUTCOME_FILE, asdict(outcome))

    def outcome(self, scenario_id: str) -> Outcome | None:
        """What end_scenario wrote, or None when the scenario never ended."""
        path = self.scenario_folder(scenario_id) / OUTCOME_FILE
        return read_json(path, Outcome) if path.exists() else None

    def write_plan(self, plan: Plan) -> None:
        """Say which scenarios are going to be carried out."""
        write_json(self.path / PLAN_FILE, asdict(plan))

    def plan(self) -> Plan | None:
        """What was going to be carried out; None when the run did not get that far."""
        path = self.path / PLAN_FILE
        return read_json(path, Plan) if path.exists() else None

    def write_end(self, end: End) -> None:
        """Say that the run came to its end, everything taken back, and what went wrong at it."""
        write_json(self.path / END_FILE, asdict(end))

    def end(self) -> End | None:
        """How the run ended; None when it was cut short."""
        path = self.path / END_FILE
        return read_json(path, End) if path.exists() else None

    def load(self, scenario_id: str) -> ScenarioRecord:
        """The stored record of one scenario."""
        return load_scenario(self.scenario_folder(scenario_id))
