"""The nemesis of one scenario: it injects faults and takes them back, and the record shows what each of them did."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

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

    def inject(self, fault: Fault, carries: Observation | None = None) -> bool:
        """Make a fault happen and measure whether it bit; that it did not is recorded, not raised.

        ``carries`` says whether what the fault disturbs was in use: a fault that nobody could feel did not bite. False
        in a rehearsal, in which nothing is injected.
        """
        if not self._enabled:
            self._note(fault, "skipped", DISABLED)
            return False
        self._say(f"  injecting {fault.name} on {fault.target}")
        entry = self._journal.record(fault.undo())
        self._injected.append((fault, entry))
        self._note(fault, "injecting")
        fault.inject()
        self._note(fault, "injected")
        seen = _both(fault.verify(), carries)
        self._note(fault, "verified", seen)
        if not seen.ok:
            self._say(f"  the fault did not bite: {seen.detail}")
        return True

    def leave_out(self, name: str, target: str, why: str) -> None:
        """Record that a fault cannot be injected at these sites; what was to be shown under it stays open."""
        self._say(f"  leaving out {name}: {why}")
        self._events.note("fault", name, "skipped", target=target, ok=False, detail=why)

    def heal(self, which: Callable[[Fault], bool] = lambda _: True) -> None:
        """Take every fault back, or those that ``which`` says, last first, and show that they are gone.

        A fault stays on the list until it is shown to be healed, so that this can be called again after an
        interruption; one that cannot be healed keeps no other from being healed. HarnessError names what went wrong.
        """
        trouble: list[str] = []
        for fault, entry in [one for one in reversed(self._injected) if which(one[0])]:
            try:
                self._heal_one(fault, trouble)
            except HarnessError as error:
                trouble.append(f"{fault.name} on {fault.target} was not healed: {error}")
                continue
            self._injected.remove((fault, entry))
            self._journal.done(entry)
        if trouble:
            raise HarnessError(" ".join(trouble))

    def _heal_one(self, fault: Fault, trouble: list[str]) -> None:
        """Heal before anything else: a full disk, which stops the record, must not leave a site lost."""
        with suppress(OSError):
            self._say(f"  healing {fault.name} on {fault.target}")
        self._note_if_possible(fault, "healing", None, trouble)
        fault.heal()
        self._note_if_possible(fault, "healed", None, trouble)
        seen = fault.verify_healed()
        self._note_if_possible(fault, "heal-verified", seen, trouble)
        if not seen.ok:
            raise HarnessError(seen.detail)

    def _note_if_possible(self, fault: Fault, state: str, seen: Observation | None, trouble: list[str]) -> None:
        try:
            self._note(fault, state, seen)
        except OSError as error:
            trouble.append(f"That {fault.name} is {state} could not be recorded: {error.strerror}.")

    def _note(self, fault: Fault, state: str, seen: Observation | None = None) -> None:
        rest = {} if seen is None else {"ok": seen.ok, "detail": seen.detail, "observed": dict(seen.observed)}
        self._events.note("fault", fault.name, state, target=fault.target, **rest)


def _both(bit: Observation, carries: Observation | None) -> Observation:
    if carries is None:
        return bit
    detail = f"{bit.detail} {carries.detail}"
    return Observation(bit.ok and carries.ok, detail, {**bit.observed, **carries.observed})
