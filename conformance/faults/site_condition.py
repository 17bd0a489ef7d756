"""Conditions of a site that only its operator can bring about, and only his means can see: disks and clocks."""

from __future__ import annotations

from conformance.faults.base import Observation
from conformance.faults.site_fault import SiteFault


class SiteCondition(SiteFault):
    """Made, and verified, by the user's executables; a lab has none (see docs/faults.md)."""

    def measure(self, said: bool | None) -> Observation:
        """What the site's own means say."""
        return Observation(
            bool(said), f"The means of {self.target} say that {self.name} is {'' if said else 'not '}in force."
        )


class StorageSlow(SiteCondition):
    """The site's block storage answers late."""

    name = "storage-slow"


class ClockOffset(SiteCondition):
    """The site's clocks are wrong."""

    name = "clock-offset"
