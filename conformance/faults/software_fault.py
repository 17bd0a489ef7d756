"""What faults of the VNF's own software owe that travel with its data and cannot be seen in its records."""

from __future__ import annotations

from typing import Protocol

from conformance.faults.base import Fault, Observation
from conformance.vnf import Deployment


class SoftwareFault(Fault, Protocol):
    """One that whoever recovers from it has to be asked about."""

    def free_of_it(self, vnf: Deployment) -> Observation:
        """Measure whether the VNF is free of it at one site."""
