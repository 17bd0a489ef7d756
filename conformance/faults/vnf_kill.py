"""A guest of the VNF that is ended without grace, and starts again by itself."""

from __future__ import annotations

from conformance.faults.base import Observation
from conformance.faults.vnf_member import ASK_TIMEOUT_S, BACK_WITHIN_S, STRUCK_WITHIN_S, MemberFault
from conformance.sites import Site
from conformance.vnf import Deployment
from conformance.vnf.guests import HeldQuestion
from conformance.waiting import NotReached, wait_until


class VnfKill(MemberFault):
    """Nova reboots the server hard: as when its power fails for a moment."""

    name = "vnf-kill"

    def __init__(self, site: Site, vnf: Deployment) -> None:
        super().__init__(site, vnf)
        self._held: HeldQuestion | None = None
        self._silent = False

    def strike(self) -> None:
        """Begin a question, reboot the server hard, and return when it does not answer any more."""
        self._held = HeldQuestion(self.url, ASK_TIMEOUT_S)
        with self.site.asking(f"reboot {self.guest.label}") as cloud:
            cloud.compute.reboot_server(self.guest.server_id, "HARD")
        try:
            what = f"{self.guest.label} to fall silent"
            wait_until(lambda: self.ask() is None, timeout=STRUCK_WITHIN_S, what=what, interval=0.01)
            self._silent = True
        except NotReached:
            self._silent = False

    def felt(self) -> Observation:
        """It fell silent, and answers again, and knows nothing of a question that was begun before: one that only was
        slow for a while would answer that."""
        back, begun = False, self._held is not None and self._held.begun
        try:
            what = f"{self.guest.label} to answer again"
            wait_until(self._is_back, timeout=BACK_WITHIN_S if self._silent else 0.0, what=what, interval=0.1)
            back = True
        except NotReached:
            pass
        survived = self._held is not None and self._held.is_answered()
        if self._held is not None:
            self._held.close()
        words = "fell silent" if self._silent else "went on answering"
        words += " and answers again" if back and self._silent else ""
        knows = "answered" if survived else "lost" if begun else "not begun"
        return Observation(
            self._silent and back and begun and not survived,
            f"{words}; a question begun before was {knows}",
            {"silent": self._silent, "answers_again": back, "question_from_before": knows},
        )

    def heal(self) -> None:
        """It starts again by itself."""

    def _is_back(self) -> bool:
        """Not before Nova has done it: a guest that was slow to answer may be yet to be killed."""
        return self.status() == "ACTIVE" and self.ask() is not None
