"""What the faults of one guest of the VNF share: Nova does to it what it can do to any server, at every cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.faults.base import Observation, Undo
from conformance.sites import Site
from conformance.vnf import Deployment
from conformance.vnf.guests import ask_guest
from conformance.waiting import NotReached, wait_until

ASK_TIMEOUT_S = 0.5
STRUCK_WITHIN_S = 60.0
BACK_WITHIN_S = 120.0
_NOT_YET = (None, "starting", "failed")


class MemberFault:
    """Strikes the first guest of the role that the blueprint says is managed: the one that holds the state."""

    name: str

    def __init__(self, site: Site, vnf: Deployment) -> None:
        self.target = site.name
        self.site = site
        self.guest = vnf.members(vnf.blueprint.management.role)[0]
        self.url = f"{vnf.management_urls[0]}/status"
        self._role: str | None = None

    def undo(self) -> Undo:
        """Nothing outlives the VNF, which has an undo of its own."""
        return Undo("nothing", {})

    def measure_baseline(self) -> None:
        """What the guest says that it is."""
        self._role = (self.ask() or {}).get("role")

    def inject(self) -> None:
        """Note what the guest is, have Nova strike it, and return when it has."""
        if self._role is None:
            self.measure_baseline()
        self.strike()

    def strike(self) -> None:
        """Do it, by the Nova API, and wait for it to have come. SiteError when Nova does not."""
        raise NotImplementedError

    def verify(self) -> Observation:
        """The guest answered before, and then felt what was done to it."""
        felt = self.felt()
        before = f"was {self._role}" if self._role else "did not answer"
        return Observation(
            felt.ok and self._role is not None,
            f"{self.guest.label} of {self.target} {before}, and {felt.detail}.",
            {"before": self._role, **felt.observed},
        )

    def felt(self) -> Observation:
        """Measure what became of the guest, in words that go on a sentence about it. A question without answer is not
        enough: on a busy machine that happens to guests that are well."""
        raise NotImplementedError

    def verify_healed(self) -> Observation:
        """Nova says that the server is ACTIVE, and the guest says what it is. What it makes of having been away is the
        VNF's affair: a database may well wait to be told who serves now."""
        last: list[str] = []

        def back() -> bool:
            role = (self.ask() or {}).get("role")
            last[:] = [self.status(), str(role)]
            return last[0] == "ACTIVE" and role not in _NOT_YET

        try:
            wait_until(back, timeout=BACK_WITHIN_S, what=f"{self.guest.label} to answer again", interval=0.2)
        except NotReached:
            seen = f"Nova says {last[0]}, and the guest that it is {last[1]}"
            return Observation(False, f"{self.guest.label} of {self.target} is not back: {seen}.")
        detail = f"{self.guest.label} of {self.target} answers again: it is {last[1]}, and was {self._role}."
        return Observation(True, detail, {"before": self._role, "after": last[1]})

    def status(self) -> str:
        """What Nova says of the server."""
        with self.site.asking(f"look at {self.guest.label}") as cloud:
            return str(cloud.compute.get_server(self.guest.server_id).status)

    def ask(self) -> Mapping[str, Any] | None:
        """What the guest says of itself, None when nothing."""
        return ask_guest(self.url, ASK_TIMEOUT_S)
