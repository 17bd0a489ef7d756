"""The nemesis of one scenario: it injects faults and takes them back, and the record shows what each of them did."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import RLock

from conformance.errors import HarnessError
from conformance.faults.base import Baselined, Fault, KeptUp
from conformance.faults.journal import Journal
from conformance.model import Observation
from conformance.store import EventLog

DISABLED = Observation(False, "Fault injection is disabled for this run.")
TOO_LATE = Observation(False, "By the time that it was to be injected, everything was being taken back.")


@dataclass(eq=False)
class _Struck:
    """A fault and its entry of the journal. ``busy`` is held by whoever injects it or takes it back: a thread that
    was interrupted in the one can go on with the other."""

    fault: Fault
    entry: int
    busy: RLock = field(default_factory=RLock)


class Nemesis:
    """Journal, inject, verify; heal, verify. ``enabled=False`` injects nothing, and the record says so.

    Several threads may inject and heal at once: one fault is either being injected or being taken back, and none is
    injected any more once ``end`` was called. So none outlives its undo, in whatever order things happen.
    """

    def __init__(self, events: EventLog, journal: Journal, say: Callable[[str], None], *, enabled: bool) -> None:
        self._events = events
        self._journal = journal
        self._say = say
        self._enabled = enabled
        self._injected: list[_Struck] = []
        self._ended = False
        self._changing = RLock()

    def foresee(self, fault: Fault) -> None:
        """Measure what a fault that is to come will be held against; not in a rehearsal."""
        if self._enabled and isinstance(fault, Baselined):
            fault.measure_baseline()

    def inject(self, fault: Fault, carries: Observation | None = None) -> bool:
        """Make a fault happen and measure whether it bit; that it did not is recorded, not raised.

        ``carries`` says whether what the fault disturbs was in use: a fault that nobody could feel did not bite. False
        in a rehearsal, and after the end: then nothing is injected.
        """
        if not self._enabled:
            self._note(fault, "skipped", DISABLED)
            return False
        struck = self._begin(fault)
        if struck is None:
            self._note(fault, "skipped", TOO_LATE)
            return False
        try:
            self._say(f"  injecting {fault.name} on {fault.target}")
            self._note(fault, "injecting")
            fault.inject()
            self._note(fault, "injected")
        finally:
            struck.busy.release()
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
        for struck in [one for one in reversed(self._injected) if which(one.fault)]:
            with struck.busy:
                if struck not in self._injected:
                    continue  # another thread has taken it back meanwhile
                try:
                    self._heal_one(struck.fault, trouble)
                except HarnessError as error:
                    trouble.append(f"{struck.fault.name} on {struck.fault.target} was not healed: {error}")
                    continue
                self._injected.remove(struck)
                self._journal.done(struck.entry)
        if trouble:
            raise HarnessError(" ".join(trouble))

    def end(self) -> None:
        """Inject nothing any more, and take every fault back, also one that is being injected right now; can be called
        again, as heal can."""
        with self._changing:
            self._ended = True
        self.heal()

    def _begin(self, fault: Fault) -> _Struck | None:
        """Journal the undo of a fault that is going to be injected; None when it is too late for that. The fault is
        busy: nobody heals it before it is there."""
        with self._changing:
            if self._ended:
                return None
            struck = _Struck(fault, self._journal.record(fault.undo()))
            struck.busy.acquire()
            self._injected.append(struck)
            return struck

    def _heal_one(self, fault: Fault, trouble: list[str]) -> None:
        """Heal before anything else: a full disk, which stops the record, must not leave a site lost."""
        with suppress(OSError):
            self._say(f"  healing {fault.name} on {fault.target}")
        if isinstance(fault, KeptUp) and (why := fault.gave_up()):
            # It bit when that was verified, and did not until now: what was to be shown under it is not.
            self._note_if_possible(fault, "verified", Observation(False, why), trouble)
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
