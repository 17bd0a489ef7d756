"""What the faults of one guest of the VNF share: Nova does to it what it can do to any server, at every cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.faults.base import Observation, Undo
from conformance.sites import Site
from conformance.vnf import Deployment
from conformance.vnf.guests import ask_guest
from conformance.waiting import NotReached, wait_until

_ASK_TIMEOUT_S = 0.5
_SILENT_WITHIN_S = 60.0
_BACK_WITHIN_S = 120.0
_NOT_YET = (None, "starting", "failed")


class MemberFault:
    """Strikes the first guest of the role that the blueprint says is managed: the one that holds the state."""

    name: str

    def __init__(self, site: Site, vnf: Deployment) -> None:
        self.target = site.name
        self.site = site
        self.guest = vnf.members(vnf.blueprint.management.role)[0]
        self._url = f"{vnf.management_urls[0]}/status"
        self._role: str | None = None
        self._silent = False

    def undo(self) -> Undo:
        """Nothing outlives the VNF, which has an undo of its own."""
        return Undo("nothing", {})

    def inject(self) -> None:
        """Note what the guest is, have Nova strike it, and return when it does not answer any more."""
        self._role = (self._ask() or {}).get("role")
        self.strike()
        try:
            wait_until(
                lambda: self._ask() is None, timeout=_SILENT_WITHIN_S, what=f"{self.guest.label} to fall silent",
                interval=0.01,
            )  # fmt: skip
            self._silent = True
        except NotReached:
            self._silent = False

    def strike(self) -> None:
        """Do it, by the Nova API. SiteError when Nova does not."""
        raise NotImplementedError

    def verify(self) -> Observation:
        """The guest answered before, and was silent after."""
        bit = self._silent and self._role is not None
        before = f"was {self._role}" if self._role else "did not answer"
        after = "fell silent" if self._silent else "went on answering"
        return Observation(
            bit,
            f"{self.guest.label} of {self.target} {before}, and {after}.",
            {"before": self._role, "silent": self._silent},
        )

    def verify_healed(self) -> Observation:
        """Nova says that the server is ACTIVE, and the guest says what it is. What it makes of having been away is the
        VNF's affair: a database may well wait to be told who serves now."""
        last: list[str] = []

        def back() -> bool:
            role = (self._ask() or {}).get("role")
            last[:] = [self.status(), str(role)]
            return last[0] == "ACTIVE" and role not in _NOT_YET

        try:
            wait_until(back, timeout=_BACK_WITHIN_S, what=f"{self.guest.label} to answer again", interval=0.2)
        except NotReached:
            seen = f"Nova says {last[0]}, and the guest that it is {last[1]}"
            return Observation(False, f"{self.guest.label} of {self.target} is not back: {seen}.")
        detail = f"{self.guest.label} of {self.target} answers again: it is {last[1]}, and was {self._role}."
        return Observation(True, detail, {"before": self._role, "after": last[1]})

    def status(self) -> str:
        """What Nova says of the server."""
        with self.site.asking(f"look at {self.guest.label}") as cloud:
            return str(cloud.compute.get_server(self.guest.server_id).status)

    def _ask(self) -> Mapping[str, Any] | None:
        return ask_guest(self._url, _ASK_TIMEOUT_S)
