"""A VIM whose API answers, with errors of its own."""

from __future__ import annotations

from conformance.faults.base import Observation
from conformance.faults.site_fault import SiteFault
from conformance.sites import api_errs


class ApiErrors(SiteFault):
    """Services of the site answer 5xx where they should serve; its guests go on."""

    name = "api-errors"

    def measure(self, said: bool | None) -> Observation:
        """A stranger's request is answered 5xx, not 401, by one API at least."""
        return api_errs(self.site)

    def still_shows(self) -> bool:
        """Whether one still does."""
        return api_errs(self.site).ok
