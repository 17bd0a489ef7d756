"""Frozen values that every other part speaks in. No I/O, no imports from the rest of the package."""

from conformance.model.events import Event
from conformance.model.history import Operation, Outcome, Probe
from conformance.model.inventory import Inventory
from conformance.model.observation import Observation
from conformance.model.record import ScenarioInfo, ScenarioRecord
from conformance.model.requirement import Requirement, Strength
from conformance.model.thresholds import Thresholds
from conformance.model.verdict import Evidence, Status, Verdict, worst

__all__ = [
    "Event",
    "Evidence",
    "Inventory",
    "Observation",
    "Operation",
    "Outcome",
    "Probe",
    "Requirement",
    "ScenarioInfo",
    "ScenarioRecord",
    "Status",
    "Strength",
    "Thresholds",
    "Verdict",
    "worst",
]
