"""Events from the run folder as it grows: what is told live is what is stored, and nothing else.

The folder is read, not the objects that fill it, so that whoever carries out a scenario, in whatever process, needs to
know nothing of who is watching.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from conformance.model import Event, ScenarioInfo
from conformance.progress.events import (
    FaultChanged,
    Noted,
    PhaseChanged,
    ProgressEvent,
    Said,
    ScenarioBegun,
    ScenarioEnded,
)
from conformance.progress.relay import Relayed
from conformance.progress.sampling import Sampler
from conformance.progress.tail import Tail
from conformance.records import EVENTS_FILE, OUTCOME_FILE, SCENARIO_FILE, read_json

LOOK_S = 0.25
SAMPLE_S = 1.0


class Follower:
    """Follows a run folder from a thread of its own until it is stopped. ``relayed`` is what else there is to tell, of
    processes that carry out scenarios side by side."""

    def __init__(self, folder: Path, emit: Callable[[ProgressEvent], None], relayed: Relayed | None = None) -> None:
        self._scenarios = folder / "scenarios"
        self._emit = emit
        self._relayed = relayed
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)
        self._going_on: dict[str, _Scenario] = {}
        self._known: set[str] = set()

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look once more, tell what is left, and end."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        try:
            while not self._over.wait(LOOK_S):
                self._look()
            self._look()
            for scenario in tuple(self._going_on.values()):
                self._end(scenario, scenario.outcome())
        except Exception as error:  # nobody may lose a run because somebody watches it
            self._emit(Said(f"WARNING: The run can no longer be followed ({type(error).__name__}: {error})."))

    def _look(self) -> None:
        if self._relayed is not None:
            self._relayed.tell(self._emit)
        for path in sorted(self._scenarios.glob(f"*/{SCENARIO_FILE}")):
            if path.parent.name not in self._known:
                self._known.add(path.parent.name)
                info = read_json(path, ScenarioInfo)
                number = int(info.id.partition("-")[0])
                self._emit(ScenarioBegun(info.id, number, info.name, info.feature, info.requirements))
                self._going_on[info.id] = _Scenario(path.parent, info.id)
                self._tell(self._going_on[info.id])
        for scenario in tuple(self._going_on.values()):
            self._tell(scenario)

    def _tell(self, scenario: _Scenario) -> None:
        """What is new of a scenario. Its end is only told when nothing can come after it."""
        outcome = scenario.outcome()
        for event in scenario.news():
            self._emit(event)
        if outcome.get("closed"):
            self._end(scenario, outcome)

    def _end(self, scenario: _Scenario, outcome: Mapping[str, Any]) -> None:
        self._emit(ScenarioEnded(scenario.id, outcome.get("error"), outcome.get("duration_s")))
        del self._going_on[scenario.id]


class _Scenario:
    """The files of a scenario that is going on."""

    def __init__(self, folder: Path, scenario: str) -> None:
        self.folder = folder
        self.id = scenario
        self._events = Tail(folder / EVENTS_FILE)
        self._sampler = Sampler(folder, scenario)
        self._sampled = time.monotonic()

    def outcome(self) -> dict[str, Any]:
        """How it ended; nothing while it has not."""
        path = self.folder / OUTCOME_FILE
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def news(self) -> list[ProgressEvent]:
        """What has come since the last call."""
        found = [_told(self.id, Event(**line)) for line in self._events.lines()]
        now = time.monotonic()
        if now - self._sampled >= SAMPLE_S:
            sample = self._sampler.sample(now - self._sampled)
            self._sampled = now
            found += [sample] if sample else []
        return found


def _told(scenario: str, event: Event) -> ProgressEvent:
    """An event of the record as one of the stream."""
    if event.kind == "phase":
        return PhaseChanged(scenario, event.t, event.name, event.state, event.ok, event.detail)
    if event.kind == "fault":
        return FaultChanged(scenario, event.t, event.name, event.target, event.state, event.ok, event.detail)
    return Noted(
        scenario, event.t, event.kind, event.name, event.state, event.target, event.ok, event.detail, event.observed
    )
