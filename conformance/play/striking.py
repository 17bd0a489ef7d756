"""Disturbing a part of a site or a guest of the VNF there: at once, or as soon as the scheme begins something."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future

from conformance.errors import HarnessError
from conformance.faults.base import Fault, NotPossibleHere
from conformance.model import Event
from conformance.play.stage import Stage
from conformance.play.storage import MirroredVolume
from conformance.site_phrases import SITE_FAULTS, WHICH, SiteDisturbance, Struck, site_fault
from conformance.sites import Site
from conformance.vnf import Deployment
from conformance.vocabulary import site_during
from conformance.waiting import wait_until


class Striker:
    """Injects what sentences about a site say, through the scenario's nemesis."""

    def __init__(
        self, stage: Stage, vnf_at: Callable[[Site], Deployment], storage: MirroredVolume | None = None
    ) -> None:
        self._stage = stage
        self._vnf_at = vnf_at
        self._storage = storage
        self._waiting: list[Future[None]] = []

    def strike(self, sentence: str, watch: Callable[[float], None]) -> None:
        """Inject the fault and ``watch`` what it does; one that the sentence lets last for a time is taken back then,
        and what comes after is watched as well."""
        self._carry_out(site_fault(sentence), watch)
        watch(self._stage.load.before_fault_s)

    def inject(self, sentence: str) -> Fault | None:
        """Inject the fault, and leave it; None where it is not possible."""
        return self._inject(site_fault(sentence))

    def strike_during(self, sentence: str) -> None:
        """Have it injected as soon as the scheme begins an operation; it stays until it is healed, or for the time that
        the sentence gives it."""
        found = site_during(sentence)
        if found is None:
            raise HarnessError(f"{sentence!r} does not say during what a site is to be disturbed, or how.")
        operation, disturbance = found

        def begun(event: Event) -> None:
            if (event.name, event.state) == (operation, "begin") and not self._waiting:
                self._waiting.append(self._stage.submit(self._carry_out, site_fault(disturbance), _pass_time))

        self._stage.on_event(begun)

    def await_injected(self) -> None:
        """Faults that were to come during an operation have come, and gone if they were to; what went wrong in them is
        the scenario's error."""
        while self._waiting:
            self._waiting.pop().result()

    def heal(self, which: str) -> None:
        """Take back what was done to the parts of a site."""
        self.await_injected()
        site = self._site(which)
        self._stage.nemesis.heal(lambda fault: fault.name in SITE_FAULTS and fault.target == site.name)

    def _carry_out(self, found: SiteDisturbance, watch: Callable[[float], None]) -> None:
        fault = self._inject(found)
        if found.lasts_s is not None:
            watch(found.lasts_s)
            self._stage.nemesis.heal(lambda one: one is fault)

    def _inject(self, found: SiteDisturbance) -> Fault | None:
        stage, site = self._stage, self._site(found.which)
        try:
            storage = None if self._storage is None else self._storage.replication
            fault = found.make(Struck(site, stage.session.sites.path, lambda: self._vnf_at(site), storage))
        except NotPossibleHere as error:
            stage.nemesis.leave_out(found.fault, site.name, str(error))
            return None
        stage.nemesis.inject(fault)
        return fault

    def _site(self, which: str) -> Site:
        return dict(zip(WHICH, (self._stage.first, self._stage.second), strict=True))[which]


def _pass_time(seconds: float) -> None:
    """Wait while others act."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, timeout=seconds + 60, what="a fault to have lasted its time")
