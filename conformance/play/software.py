"""Faults of the VNF's own software, which travel with its data: injecting them, and looking whether a site is free."""

from __future__ import annotations

from collections.abc import Callable

from conformance.faults.bad_configuration import BadConfiguration
from conformance.faults.bad_update import BadUpdate
from conformance.faults.base import NotPossibleHere
from conformance.faults.poison_message import PoisonMessage
from conformance.faults.software_fault import SoftwareFault
from conformance.play.stage import Stage
from conformance.play.subject import Subject
from conformance.sites import Site
from conformance.vnf import Deployment


class Software:
    """What is done to the VNF at the first site by its own means, and gets to the second by replication."""

    def __init__(self, stage: Stage, subject: Subject) -> None:
        self._stage = stage
        self._subject = subject
        self._unseen: list[SoftwareFault] = []

    def update_badly(self) -> None:
        """Have it ruin its data."""
        stage, subject = self._stage, self._subject
        stage.nemesis.inject(BadUpdate(subject.at(stage.first), subject.at(stage.second)))

    def send_poison(self) -> None:
        """Send it what ends those of its programs that read it."""
        self._inject(PoisonMessage.name, PoisonMessage)

    def configure_badly(self) -> None:
        """Configure it so that it refuses to work."""
        self._inject(BadConfiguration.name, BadConfiguration)

    def look(self, site: Site) -> None:
        """Whether a site is free of what is not to be seen in records; nothing where there was none of that."""
        for fault in self._unseen:
            self._stage.observe("free-of-fault", site.name, fault.free_of_it(self._subject.at(site)))

    def _inject(self, name: str, make: Callable[[Deployment, Deployment], SoftwareFault]) -> None:
        stage, subject = self._stage, self._subject
        try:
            fault = make(subject.at(stage.first), subject.at(stage.second))
        except NotPossibleHere as error:
            stage.nemesis.leave_out(name, stage.first.name, str(error))
            return
        if stage.nemesis.inject(fault):
            self._unseen.append(fault)
