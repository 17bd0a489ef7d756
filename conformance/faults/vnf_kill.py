"""A guest of the VNF that is ended without grace, and starts again by itself."""

from __future__ import annotations

from conformance.faults.vnf_member import MemberFault


class VnfKill(MemberFault):
    """Nova reboots the server hard: as when its power fails for a moment."""

    name = "vnf-kill"

    def strike(self) -> None:
        """Reboot it hard."""
        with self.site.asking(f"reboot {self.guest.label}") as cloud:
            cloud.compute.reboot_server(self.guest.server_id, "HARD")

    def heal(self) -> None:
        """It starts again by itself."""
