"""The loss of a whole site: everything of it at once, its cloud and the VMs on it, with no grace."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from conformance.faults.base import Observation, Undo
from conformance.sites import Site, api_answers, api_silent, power_of
from conformance.waiting import NotReached, wait_until

_ANSWER_WITHIN_S = 1.0
_RETURN_WITHIN_S = 120.0


class SiteLoss:
    """Takes a site down through its power driver, which the sites file must allow (``allow_faults``).

    ``services`` are URLs of the VNF's guests at the site: they must fall silent with it, or it was not the whole site.
    """

    name = "site-loss"

    def __init__(self, site: Site, sites_file: Path, services: Sequence[str]) -> None:
        self.target = site.name
        self._site = site
        self._sites_file = sites_file
        self._services = tuple(services)
        self._power = power_of(site)

    def undo(self) -> Undo:
        """Bring the site back."""
        return Undo("restore-site", {"sites": str(self._sites_file), "site": self.target})

    def inject(self) -> None:
        """Lose the site."""
        self._power.lose()

    def verify(self) -> Observation:
        """No API endpoint of the site and no guest of the VNF on it answers any more."""
        with ThreadPoolExecutor(1 + len(self._services)) as asking:
            # All at once: what is waited for here is time in which nothing fails over.
            api = asking.submit(api_silent, self._site, timeout=_ANSWER_WITHIN_S)
            answers = list(asking.map(_answers, self._services))
            silent = api.result()
        answering = [url for url, answered in zip(self._services, answers, strict=True) if answered]
        detail = silent.detail if not answering else f"Guests still answer: {', '.join(answering)}. {silent.detail}"
        observed = {**silent.observed, "guests_asked": len(self._services), "guests_answering": answering}
        return Observation(silent.ok and not answering, detail, observed)

    def heal(self) -> None:
        """Bring the site back."""
        self._power.restore()
        self._site.close()  # connections from before: the site knows nothing of them any more

    def verify_healed(self) -> Observation:
        """Every API endpoint of the site answers again."""
        try:
            return wait_until(
                lambda: seen if (seen := api_answers(self._site, timeout=_ANSWER_WITHIN_S)).ok else None,
                timeout=_RETURN_WITHIN_S,
                what=f"the API of {self.target} to answer again",
                interval=0.2,
            )
        except NotReached as error:
            return Observation(False, str(error))


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment would answer for a guest that is gone
        try:
            session.get(f"{url}/status", timeout=_ANSWER_WITHIN_S)
        except requests.RequestException:
            return False
    return True
