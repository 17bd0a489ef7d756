"""A fault of whoever runs the VNF: a configuration under which it refuses to work, and that is replicated."""

from __future__ import annotations

from contextlib import suppress

import requests

from conformance.errors import HarnessError
from conformance.faults.base import NotPossibleHere, Observation, Undo
from conformance.faults.vnf_orders import order, statuses
from conformance.vnf import Deployment
from conformance.waiting import NotReached, wait_until

SPREAD_WITHIN_S = 10.0
HEALED_WITHIN_S = 10.0
NAME, VALUE = "longest_body", 0
"""No request may have a body any more: nobody can begin a session or write a record."""
_TIMEOUT_S = 5.0


class BadConfiguration:
    """Sets it through the VNF's own management. It is in the database, so front-ends of the other site take it over."""

    name = "bad-configuration"

    def __init__(self, active: Deployment, standby: Deployment) -> None:
        self.target = active.site
        self._sites = (active, standby)
        self._served = False
        self._set = False
        for url, said in zip(active.service_urls, statuses(active.service_urls), strict=True):
            if said and NAME not in said:
                raise NotPossibleHere(f"What serves at {url} does not say that it has a configuration {NAME!r}.")

    def undo(self) -> Undo:
        """Nothing outlives the VNF, which has an undo of its own."""
        return Undo("nothing", {})

    def inject(self) -> None:
        """See that sessions can be begun, then configure the VNF so that they cannot."""
        active = self._sites[0]
        self._served = all(_begins_session(url) for url in active.service_urls)
        self._set = True
        order(f"{active.management_urls[0]}/configure", {"name": NAME, "value": VALUE})

    def verify(self) -> Observation:
        """Every front-end of either site says that it is so configured, and those of the first begin no session any
        more, which they did before."""
        has_spread = False
        with suppress(NotReached):
            wait_until(
                lambda: all(_configured(vnf) == len(vnf.service_urls) for vnf in self._sites),
                timeout=SPREAD_WITHIN_S,
                what="the configuration to be in force at both sites",
                interval=0.1,
            )
            has_spread = True
        active = self._sites[0]
        refused = sum(not _begins_session(url) for url in active.service_urls)
        counts = [(vnf, _configured(vnf)) for vnf in self._sites]
        in_force = ", ".join(f"{n} of {len(vnf.service_urls)} front-ends at {vnf.site}" for vnf, n in counts)
        before = "which they did before" if self._served else "and some did not before either"
        return Observation(
            has_spread and self._served and refused == len(active.service_urls),
            f"{NAME} is {VALUE} for {in_force}; {refused} of {len(active.service_urls)} at {active.site} begin no "
            f"sessions, {before}.",
            {
                **{f"configured_at_{vnf.site}": n for vnf, n in counts},
                "refused": refused,
                "served_before": self._served,
            },
        )

    def free_of_it(self, vnf: Deployment) -> Observation:
        """Whether no front-end of a site is so configured, and all begin sessions."""
        return self._looked_at(vnf, serves=True)

    def heal(self) -> None:
        """Take it back by the same means, wherever it takes that: a standby does not, nor does a site that was
        stopped."""
        if not self._set:
            return
        for vnf in self._sites:
            with suppress(HarnessError):
                order(f"{vnf.management_urls[0]}/configure", {"name": NAME, "value": None})

    def verify_healed(self) -> Observation:
        """At every site that answers no front-end is so configured any more, and one of the sites begins sessions."""
        there = [vnf for vnf in self._sites if any(statuses(vnf.service_urls))]
        looked = [self._looked_at(vnf, serves=False) for vnf in there]
        if not any(_begins_session(url) for vnf in there for url in vnf.service_urls):
            looked.append(Observation(False, "No session can be begun at either site."))
        return Observation(all(seen.ok for seen in looked), " ".join(seen.detail for seen in looked))

    def _looked_at(self, vnf: Deployment, *, serves: bool) -> Observation:
        urls = vnf.service_urls

        def free() -> bool:
            usual = all(said.get(NAME, VALUE) != VALUE for said in statuses(urls))
            return usual and (not serves or all(_begins_session(url) for url in urls))

        try:
            wait_until(free, timeout=HEALED_WITHIN_S, what=f"{vnf.site} to be free of it", interval=0.1)
        except NotReached:
            configured, begin = _configured(vnf), sum(_begins_session(url) for url in urls)
            told = (
                f"{NAME} is {VALUE} for {configured} of {len(urls)} front-ends at {vnf.site}; {begin} begin sessions."
            )
            return Observation(False, told, {"configured": configured, "serving": begin})
        also = " and begins sessions" if serves else ""
        return Observation(True, f"No front-end at {vnf.site} is so configured, and each answers{also}.")


def _configured(vnf: Deployment) -> int:
    """For how many front-ends of a site it is in force."""
    return sum(said.get(NAME) == VALUE for said in statuses(vnf.service_urls))


def _begins_session(url: str) -> bool:
    """Whether a front-end lets a subscriber in."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(f"{url}/sessions", json={"subscriber": "configured"}, timeout=_TIMEOUT_S)
    except requests.RequestException:
        return False
    return answer.status_code == 201
