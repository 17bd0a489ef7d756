"""Block storage without room: who asks for a volume is refused, and what is there goes on."""

from __future__ import annotations

from conformance.faults.base import Observation
from conformance.faults.site_condition import SiteCondition
from conformance.sites import ask_for_volume


class StorageFull(SiteCondition):
    """The site's block storage has no room left: made by volumes that take all of it, or by the user's executables,
    whose word counts then."""

    name = "storage-full"

    def measure(self, said: bool | None) -> Observation:
        """Cinder refuses a volume of 1 GiB, for lack of room."""
        if said is not None:
            return super().measure(said)
        seen = ask_for_volume(self.site)
        return Observation(bool(seen.observed["no_room"]), seen.detail, seen.observed)

    def verify_healed(self) -> Observation:
        """As of any part of a site; where the ballast made it, Cinder also grants and deletes a volume of 1 GiB."""
        whole = super().verify_healed()
        if not whole.ok or self.driver.in_force(self.part) is not None:
            return whole
        seen = ask_for_volume(self.site)
        return Observation(seen.ok, f"{whole.detail} {seen.detail}", {**whole.observed, **seen.observed})
