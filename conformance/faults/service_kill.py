"""One service of a VIM is killed, while the others go on."""

from __future__ import annotations

from conformance.faults.base import Observation
from conformance.faults.site_fault import ANSWER_WITHIN_S, SiteFault
from conformance.sites import api_answers


class ServiceKill(SiteFault):
    """The service named by ``part``, its type in the catalog, is gone: its API and its workers. Healing starts it
    again. A part that the catalog does not name (a scheduler) is for the site's own means to verify."""

    name = "service-kill"

    def measure(self, said: bool | None) -> Observation:
        """The service does not answer, and every other does."""
        seen = api_answers(self.site, ANSWER_WITHIN_S)
        endpoints: dict[str, str] = seen.observed["endpoints"]
        answering = {kind: answer.startswith("answered") for kind, answer in endpoints.items()}
        if self.part not in answering:
            detail = f"The catalog of {self.target} has no {self.part} service; its own means say whether it is gone."
            return Observation(bool(said), detail, seen.observed)
        others = [kind for kind, answers in answering.items() if not answers and kind != self.part]
        gone = not answering[self.part]
        detail = f"The {self.part} service of {self.target} {'does not answer' if gone else 'answers'}" + (
            f", and neither do {', '.join(others)}." if others else "; all others answer."
        )
        return Observation(gone and not others, detail, seen.observed)
