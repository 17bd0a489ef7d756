"""A fault of the VNF's own software: an update that ruins its data, and is replicated like any other."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from conformance.faults.base import Observation, Undo
from conformance.faults.vnf_orders import order
from conformance.vnf import Deployment
from conformance.waiting import NotReached, wait_until

SPREAD_WITHIN_S = 10.0
_TIMEOUT_S = 10.0
_LOOKED_AT = 200


class BadUpdate:
    """Changes the value of every record at the site that serves. Only the VNF's own means can take that back; with the
    VNF it is removed."""

    name = "bad-update"

    def __init__(self, active: Deployment, standby: Deployment) -> None:
        self.target = active.site
        self._active = active
        self._standby = standby
        self._before: Mapping[str, str] = {}

    def undo(self) -> Undo:
        """Nothing outlives the VNF, which has an undo of its own."""
        return Undo("nothing", {})

    def inject(self) -> None:
        """Look at some records, then ruin all of them."""
        self._before = _records(self._active)
        order(f"{self._active.management_urls[0]}/spoil")

    def verify(self) -> Observation:
        """The records that were looked at before have other values, and the other site has taken them over."""
        ruined = _records(self._active)
        changed = sum(ruined.get(key) not in (None, value) for key, value in self._before.items())

        def spread() -> bool:
            there = _records(self._standby)
            return all(there.get(key) == ruined.get(key) for key in self._before)

        try:
            wait_until(spread, timeout=SPREAD_WITHIN_S, what="the bad update to reach the other site", interval=0.1)
            has_spread = True
        except NotReached:
            has_spread = False
        return Observation(
            bool(self._before) and changed == len(self._before) and has_spread,
            f"{changed} of {len(self._before)} records looked at were ruined at {self.target}; the update "
            f"{'has' if has_spread else 'has not'} reached {self._standby.site}.",
            {"looked_at": len(self._before), "ruined": changed, "spread": has_spread},
        )

    def heal(self) -> None:
        """That is the VNF's part."""

    def verify_healed(self) -> Observation:
        """Whether a clean state was regained is what the scenario judges, not a matter of healing."""
        return Observation(True, "The VNF is removed with what the bad update did to it.")


def _records(vnf: Deployment) -> dict[str, str]:
    """The first records by key, as the VNF at one site serves them."""
    url = f"{vnf.service_urls[0]}/records?limit={_LOOKED_AT}"
    try:
        with requests.Session() as session:
            session.trust_env = False
            items = session.get(url, timeout=_TIMEOUT_S).json()["items"]
    except (requests.RequestException, KeyError, ValueError):
        return {}
    return {key: value for _, key, value in items}
