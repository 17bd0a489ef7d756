"""Frozen values that every other part speaks in. No I/O, no imports from the rest of the package."""

from conformance.model.events import Event
from conformance.model.history import Operation, Outcome, Probe
from conformance.model.holding import Holding
from conformance.model.inventory import Inventory
from conformance.model.observation import Observation
from conformance.model.reachability import Reach, Reachability
from conformance.model.record import ScenarioInfo, ScenarioRecord
from conformance.model.requirement import Requirement, Strength
from conformance.model.thresholds import Thresholds
from conformance.model.verdict import Evidence, Status, Verdict, worst
from conformance.model.volume import BlockWrite, VolumeImage
from conformance.model.waiver import Waiver

__all__ = [
    "BlockWrite",
    "Event",
    "Evidence",
    "Holding",
    "Inventory",
    "Observation",
    "Operation",
    "Outcome",
    "Probe",
    "Reach",
    "Reachability",
    "Requirement",
    "ScenarioInfo",
    "ScenarioRecord",
    "Status",
    "Strength",
    "Thresholds",
    "Verdict",
    "VolumeImage",
    "Waiver",
    "worst",
]
