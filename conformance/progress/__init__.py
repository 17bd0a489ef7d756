"""What goes on while a run goes on: one stream of typed events, and the writers that tell it to somebody."""

from conformance.progress.events import (
    CheckJudged,
    FaultChanged,
    Noted,
    PhaseChanged,
    ProgressEvent,
    RunEnded,
    RunPlanned,
    RunStarted,
    Said,
    Sample,
    ScenarioBegun,
    ScenarioEnded,
)
from conformance.progress.follow import Follower
from conformance.progress.stream import Progress, Writer

__all__ = [
    "CheckJudged",
    "FaultChanged",
    "Follower",
    "Noted",
    "PhaseChanged",
    "Progress",
    "ProgressEvent",
    "RunEnded",
    "RunPlanned",
    "RunStarted",
    "Said",
    "Sample",
    "ScenarioBegun",
    "ScenarioEnded",
    "Writer",
]
