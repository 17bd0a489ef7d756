"""What all faults of a part of a site share: a driver of the sites file makes them, and all APIs answer after them."""

from __future__ import annotations

from pathlib import Path

from conformance.errors import UsageError
from conformance.faults.base import NotPossibleHere, Observation, Undo
from conformance.sites import Site, api_answers, driver_of
from conformance.waiting import NotReached, wait_until

# How long what is there may take to answer; longer than a busy machine makes it wait.
ANSWER_WITHIN_S = 2.0
_WHOLE_WITHIN_S = 120.0


class SiteFault:
    """A fault at one site by its driver. A subclass names itself and measures whether it bit.

    NotPossibleHere when the sites file does not allow it or does not say how. ``part`` is what the sentence names
    besides, such as a service.
    """

    name: str

    def __init__(self, site: Site, sites_file: Path, part: str = "") -> None:
        self.target = site.name
        self.site = site
        self.part = part
        self._sites_file = sites_file
        self._learnt = False
        try:
            self.driver = driver_of(site, self.name)
        except UsageError as error:
            raise NotPossibleHere(str(error)) from None

    def undo(self) -> Undo:
        """Have the driver heal it."""
        where = {"sites": str(self._sites_file), "site": self.target}
        return Undo("heal-site-fault", {**where, "fault": self.name, "part": self.part})

    def measure_baseline(self) -> None:
        """Where the site's APIs are: one that is disturbed cannot be asked."""
        api_answers(self.site, ANSWER_WITHIN_S)
        self._learnt = True

    def inject(self) -> None:
        """Learn where the site's APIs are, then have the driver make it happen."""
        if not self._learnt:
            self.measure_baseline()
        self.driver.inject(self.part)

    def verify(self) -> Observation:
        """What the harness measures, unless the driver's own means say that nothing is the matter."""
        said = self.driver.in_force(self.part)
        seen = self.measure(said)
        if said is False:
            detail = f"{seen.detail} The means of {self.target} say that {self.name} is not in force."
            return Observation(False, detail, {**seen.observed, "said": said})
        return Observation(seen.ok, seen.detail, {**seen.observed, "said": said})

    def measure(self, said: bool | None) -> Observation:
        """Whether the fault shows; ``said`` is what the driver's own means say, None where they say nothing."""
        raise NotImplementedError

    def heal(self) -> None:
        """Have the driver take it back."""
        self.driver.heal(self.part)
        self.site.close()  # connections from before: who was killed knows nothing of them any more

    def verify_healed(self) -> Observation:
        """Every API of the site answers, nothing shows the fault any more, and the driver's own means agree."""

        def whole() -> Observation | None:
            seen = api_answers(self.site, ANSWER_WITHIN_S)
            return seen if seen.ok and not self.still_shows() and not self.driver.in_force(self.part) else None

        try:
            return wait_until(
                whole, timeout=_WHOLE_WITHIN_S, what=f"{self.target} to be whole after {self.name}", interval=0.2
            )
        except NotReached as error:
            return Observation(False, str(error))

    def still_shows(self) -> bool:
        """Whether the fault shows although every API answers."""
        return False
