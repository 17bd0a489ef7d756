"""A VIM that hangs: its API takes connections and never answers."""

from __future__ import annotations

from conformance.faults.base import Observation
from conformance.faults.site_fault import ANSWER_WITHIN_S, SiteFault
from conformance.sites import api_silent


class ApiSilence(SiteFault):
    """No service of the site answers, and none refuses; its guests go on."""

    name = "api-silence"

    def measure(self, said: bool | None) -> Observation:
        """Every endpoint is silent: one that refuses would tell its caller that nobody is there."""
        seen = api_silent(self.site, ANSWER_WITHIN_S)
        refusing = [kind for kind, answer in seen.observed["endpoints"].items() if not answer.startswith("silent")]
        if seen.ok and refusing:
            detail = f"Of {self.target} these endpoints do not hang, they refuse: {', '.join(refusing)}."
            return Observation(False, detail, seen.observed)
        return seen
