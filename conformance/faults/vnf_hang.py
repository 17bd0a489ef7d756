"""A guest of the VNF that hangs: it is there, and does nothing."""

from __future__ import annotations

from contextlib import suppress

from conformance.faults.base import Observation
from conformance.faults.vnf_member import ASK_TIMEOUT_S, STRUCK_WITHIN_S, MemberFault
from conformance.vnf.guests import guest_is_silent
from conformance.waiting import NotReached, wait_until

_PAUSED = "PAUSED"
_SILENT_ASKS = 3


class VnfHang(MemberFault):
    """Nova pauses the server: its connections stay open, and nobody answers on them."""

    name = "vnf-hang"

    def strike(self) -> None:
        """Pause it."""
        with self.site.asking(f"pause {self.guest.label}") as cloud:
            cloud.compute.pause_server(self.guest.server_id)
        with suppress(NotReached):  # what felt() finds, too
            wait_until(
                lambda: self.status() == _PAUSED, timeout=STRUCK_WITHIN_S, what=f"{self.guest.label} to be paused"
            )

    def felt(self) -> Observation:
        """Nova says that it is paused, and several questions in a row stay without answer: none is refused."""
        status, silent = self.status(), 0
        while silent < _SILENT_ASKS and guest_is_silent(self.url, ASK_TIMEOUT_S):
            silent += 1
        words = f"{silent} questions in a row stayed without answer" if silent else "it went on answering"
        return Observation(
            status == _PAUSED and silent == _SILENT_ASKS,
            f"{words}; Nova says that it is {status}",
            {"status": status, "silent_asks": silent},
        )

    def heal(self) -> None:
        """Let it go on, if it is paused."""
        if self.status() == _PAUSED:
            with self.site.asking(f"unpause {self.guest.label}") as cloud:
                cloud.compute.unpause_server(self.guest.server_id)
