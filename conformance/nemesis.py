"""The nemesis of one scenario: it injects faults and takes them back, and the record shows what each of them did."""

from __future__ import annotations

from collections.abc import Callable

from conformance.errors import HarnessError
from conformance.faults.base import Fault
from conformance.faults.journal import Journal
from conformance.model import Observation
from conformance.store import EventLog

DISABLED = Observation(False, "Fault injection is disabled for this run.")


class Nemesis:
    """Journal, inject, verify; heal, verify. ``enabled=False`` injects nothing, and the record says so."""

    def __init__(self, events: EventLog, journal: Journal, say: Callable[[str], None], *, enabled: bool) -> None:
        self._events = events
        self._journal = journal
        self._say = say
        self._enabled = enabled
        self._injected: list[tuple[Fault, int]] = []

    def inject(self, fault: Fault) -> None:
        """Make a fault happen and measure whether it bit; that it did not is recorded, not raised."""
        if not self._enabled:
            self._note(fault, "skipped", DISABLED)
            return
        self._say(f"  injecting {fault.name} on {fault.target}")
        entry = self._journal.record(fault.undo())
        self._injected.append((fault, entry))
        self._note(fault, "injecting")
        fault.inject()
        self._note(fault, "injected")
        seen = fault.verify()
        self._note(fault, "verified", seen)
        if not seen.ok:
            self._say(f"  the fault did not bite: {seen.detail}")

    def heal(self) -> None:
        """Take every fault back, last first, and show that it is gone. HarnessError names one that is not."""
        while self._injected:
            fault, entry = self._injected.pop()
            self._say(f"  healing {fault.name} on {fault.target}")
            self._note(fault, "healing")
            fault.heal()
            self._note(fault, "healed")
            seen = fault.verify_healed()
            self._note(fault, "heal-verified", seen)
            if not seen.ok:
                raise HarnessError(f"{fault.name} on {fault.target} was not healed: {seen.detail}")
            self._journal.done(entry)

    def _note(self, fault: Fault, state: str, seen: Observation | None = None) -> None:
        rest = {} if seen is None else {"ok": seen.ok, "detail": seen.detail, "observed": dict(seen.observed)}
        self._events.note("fault", fault.name, state, target=fault.target, **rest)
