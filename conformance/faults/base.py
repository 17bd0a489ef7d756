"""What every fault is: inject · verify · heal · verify, with its undo known before it acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from conformance.errors import HarnessError
from conformance.model.observation import Observation

__all__ = ["Baselined", "Fault", "KeptUp", "NotPossibleHere", "Observation", "Undo"]


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


@runtime_checkable
class KeptUp(Protocol):
    """A fault that lasts only as long as something of ours works at it: that can end before it is healed."""

    def gave_up(self) -> str:
        """Why it was not kept up until now, as a sentence; empty where it was."""


@runtime_checkable
class Baselined(Protocol):
    """A fault that is held against how things were before it.

    What is to strike as soon as an operation begins has that measured beforehand: it would come too late otherwise.
    """

    def measure_baseline(self) -> None:
        """Measure how it is, and disturb nothing; ``inject`` does so by itself where nothing was measured before."""
