"""What every fault is: inject · verify · heal · verify, with its undo known before it acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from conformance.errors import HarnessError
from conformance.model.observation import Observation

__all__ = ["Fault", "NotPossibleHere", "Observation", "Undo"]


@dataclass(frozen=True)
class Undo:
    """How to take a fault back from another process, should this one be killed.

    ``action`` names one of the undo actions that conformance.faults.journal knows; ``arguments`` are plain JSON.
    """

    action: str
    arguments: Mapping[str, Any]


class NotPossibleHere(HarnessError):
    """The sites have nothing with which this fault could be injected. What needs it stays open."""


class Fault(Protocol):
    """No method asserts, none sleeps; each may raise HarnessError when it could not do its work."""

    name: str
    """Stable name, for example ``link-delay``: stands in events, plans and reports."""

    target: str
    """The site or link it acts on."""

    def undo(self) -> Undo:
        """How to take it back; journaled before ``inject`` is called."""

    def inject(self) -> None:
        """Make it happen."""

    def verify(self) -> Observation:
        """Measure whether it bit."""

    def heal(self) -> None:
        """Take it back. Must work after a partial inject, and twice."""

    def verify_healed(self) -> Observation:
        """Measure whether it is gone."""
