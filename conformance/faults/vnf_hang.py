"""A guest of the VNF that hangs: it is there, and does nothing."""

from __future__ import annotations

from conformance.faults.vnf_member import MemberFault


class VnfHang(MemberFault):
    """Nova pauses the server: its connections stay open, and nobody answers on them."""

    name = "vnf-hang"

    def strike(self) -> None:
        """Pause it."""
        with self.site.asking(f"pause {self.guest.label}") as cloud:
            cloud.compute.pause_server(self.guest.server_id)

    def heal(self) -> None:
        """Let it go on, if it is paused."""
        if self.status() == "PAUSED":
            with self.site.asking(f"unpause {self.guest.label}") as cloud:
                cloud.compute.unpause_server(self.guest.server_id)
