"""Disturbing a part of a site or a guest of the VNF there: at once, or as soon as the scheme begins something."""

from __future__ import annotations

import time
from collections.abc import Callable

from conformance.errors import HarnessError
from conformance.faults.base import Fault, NotPossibleHere
from conformance.play.meanwhile import Meanwhile
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
        self._meanwhile = Meanwhile(stage)

    def strike(self, sentence: str, watch: Callable[[float], None]) -> None:
        """Inject the fault and ``watch`` what it does; one that the sentence lets last for a time is taken back then,
        and what comes after is watched as well."""
        wanted = site_fault(sentence)
        self._carry_out(self._make(wanted), wanted.lasts_s, watch)
        watch(self._stage.load.before_fault_s)

    def inject(self, sentence: str) -> Fault | None:
        """Inject the fault, and leave it; None where it is not possible."""
        fault = self._make(site_fault(sentence))
        if fault is not None:
            self._stage.nemesis.inject(fault)
        return fault

    def strike_during(self, sentence: str) -> None:
        """Have it injected as soon as the scheme begins an operation; it stays until it is healed, or for the time that
        the sentence gives it."""
        found = site_during(sentence)
        if found is None:
            raise HarnessError(f"{sentence!r} does not say during what a site is to be disturbed, or how.")
        operation, disturbance = found
        wanted = site_fault(disturbance)
        self._meanwhile.expect(
            operation,
            lambda: self._make(wanted),
            lambda fault: self._carry_out(fault, wanted.lasts_s, _pass_time),
        )

    def foresee(self, operation: str) -> None:
        """An operation is near: look at the sites and guests that are to be struck then."""
        self._meanwhile.foresee(operation)

    def await_injected(self) -> None:
        """Faults that were to come during an operation have come, and gone if they were to; what went wrong in them is
        the scenario's error."""
        self._meanwhile.await_done()

    def heal(self, which: str) -> None:
        """Take back what was done to the parts of a site."""
        self.await_injected()
        site = self._site(which)
        self._stage.nemesis.heal(lambda fault: fault.name in SITE_FAULTS and fault.target == site.name)

    def _carry_out(self, fault: Fault | None, lasts_s: float | None, watch: Callable[[float], None]) -> None:
        nemesis = self._stage.nemesis
        if fault is not None:
            nemesis.inject(fault)
        if lasts_s is not None:
            watch(lasts_s)
            nemesis.heal(lambda one: one is fault)

    def _make(self, found: SiteDisturbance) -> Fault | None:
        stage, site = self._stage, self._site(found.which)
        try:
            storage = None if self._storage is None else self._storage.replication
            return found.make(Struck(site, stage.session.sites.path, lambda: self._vnf_at(site), storage))
        except NotPossibleHere as error:
            stage.nemesis.leave_out(found.fault, site.name, str(error))
            return None

    def _site(self, which: str) -> Site:
        return dict(zip(WHICH, (self._stage.first, self._stage.second), strict=True))[which]


def _pass_time(seconds: float) -> None:
    """Wait while others act."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, timeout=seconds + 60, what="a fault to have lasted its time")
