"""Disturbing the link between the sites: at once, or as soon as the scheme begins something."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from operator import is_
from typing import Protocol

from conformance.errors import HarnessError
from conformance.faults.base import Fault, NotPossibleHere
from conformance.link_phrases import LINK_FAULTS, LinkDisturbance, Ways, find_link_fault, link_fault
from conformance.model import Observation, Status
from conformance.play.meanwhile import Meanwhile
from conformance.play.stage import Stage
from conformance.schedule import SCHEDULE_FILE, Schedule, write_schedule
from conformance.vocabulary import during, relapse


class Disturbed(Ways, Protocol):
    """Whose link it is."""

    def link_in_use(self) -> Observation:
        """Whether something passes the link: a fault that nobody could feel did not bite."""


def leave_out_what_needs_packets(stage: Stage) -> None:
    """End a scenario that disturbs packets before anything is built for it, where nothing can be done to packets.

    HarnessError with the word of the verdict that follows: nothing was shown, and nothing went wrong.
    """
    planned = [name for name in stage.info.faults_planned if name.startswith("wan-")]
    if not planned or not stage.faults_enabled:
        return
    try:
        stage.wan  # noqa: B018  (asking is all there is to it)
    except NotPossibleHere as error:
        for name in planned:
            stage.nemesis.leave_out(name, stage.second.name, str(error))
        raise HarnessError(f"{Status.INCONCLUSIVE}: {error}") from None


class Disturber:
    """Injects what sentences about the link say, through the scenario's nemesis."""

    def __init__(self, stage: Stage, disturbed: Disturbed) -> None:
        self._stage = stage
        self._disturbed = disturbed
        self._meanwhile = Meanwhile(stage)
        self._last: Fault | None = None

    def disturb(self, sentence: str) -> float | None:
        """Inject the fault; how long the sentence lets it last, in seconds, None where it does not say."""
        found = link_fault(sentence)
        self._inject(found)
        return found.lasts_s

    def disturb_during(self, sentence: str) -> None:
        """Have it injected as soon as the scheme begins an operation, while that goes on."""
        found = during(sentence)
        if found is None:
            raise HarnessError(f"{sentence!r} does not say during what the link is to be disturbed, or how.")
        operation, disturbance = found
        wanted = link_fault(disturbance)
        self._meanwhile.expect(operation, lambda: self._make(wanted), self._strike)

    def foresee(self, operation: str) -> None:
        """An operation is near: measure the link for what is to disturb it then."""
        self._meanwhile.foresee(operation)

    def disturb_again(self, sentence: str, catching_up: Callable[[], Observation]) -> None:
        """Take back the last fault of the link, and inject another before replication has caught up: what that meets
        once it has did not bite."""
        disturbance = relapse(sentence)
        if disturbance is None or self._last is None:
            raise HarnessError(f"{sentence!r}: nothing had disturbed the link that it could come back from.")
        self._stage.nemesis.heal(partial(is_, self._last))
        self._inject(link_fault(disturbance), catching_up())

    def carry_out(
        self, schedule: Schedule, watch: Callable[[float], None], strike: Callable[[str], Fault | None]
    ) -> None:
        """Do what a nemesis has planned: each disturbance is injected, verified, watched for its time and healed before
        the next is due. ``strike`` injects what is not of the link.

        Measuring takes time of its own, so that a disturbance may begin later than planned; it lasts for its time at
        least. When it really was, the record says. The schedule is in the scenario's folder.
        """
        stage = self._stage
        write_schedule(stage.folder / SCHEDULE_FILE, schedule)
        stage.observe("schedule", self._disturbed.the_link.name, _announced(schedule))
        began = time.monotonic()
        for planned in schedule:
            watch(max(0.0, began + planned.at_s - time.monotonic()))
            stage.say(f"  nemesis: {planned.sentence}, for {planned.lasts_s:g} s")
            until = time.monotonic() + planned.lasts_s
            found = find_link_fault(planned.sentence)
            fault = strike(planned.sentence) if found is None else self._inject(found)
            watch(max(0.0, until - time.monotonic()))
            stage.nemesis.heal(partial(is_, fault))

    def await_injected(self) -> None:
        """Faults that were to come during an operation are there; what went wrong in them is the scenario's error."""
        self._meanwhile.await_done()

    def heal(self) -> None:
        """Take every fault of the link back."""
        self.await_injected()
        self._stage.nemesis.heal(lambda fault: fault.name in LINK_FAULTS)

    def _inject(self, found: LinkDisturbance, met: Observation | None = None) -> Fault | None:
        fault = self._make(found)
        self._strike(fault, met)
        return fault

    def _make(self, found: LinkDisturbance) -> Fault | None:
        try:
            return found.make(self._disturbed)
        except NotPossibleHere as error:
            self._stage.nemesis.leave_out(found.fault, self._stage.second.name, str(error))
            return None

    def _strike(self, fault: Fault | None, met: Observation | None = None) -> None:
        if fault is None:
            return
        used = self._disturbed.link_in_use()
        if met is not None:
            used = Observation(used.ok and met.ok, f"{used.detail} {met.detail}", {**used.observed, **met.observed})
        if self._stage.nemesis.inject(fault, used):
            self._last = fault


def _announced(schedule: Schedule) -> Observation:
    last = schedule[-1]
    return Observation(
        True,
        f"The nemesis has planned {len(schedule)} disturbances in {last.at_s + last.lasts_s:g} s.",
        {"planned": [asdict(planned) for planned in schedule]},
    )
