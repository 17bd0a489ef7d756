"""The embedded lab: real OpenStack clouds on this machine, without root and without containers."""

from __future__ import annotations

from conformance.lab.errors import LabError
from conformance.lab.lab import Lab
from conformance.lab.record import site_names
from conformance.lab.status import GuestStatus, LabStatus, ServiceStatus, SiteStatus

__all__ = ["GuestStatus", "Lab", "LabError", "LabStatus", "ServiceStatus", "SiteStatus", "site_names"]
