"""What can go wrong with the lab, said in a sentence."""

from __future__ import annotations

from conformance.errors import HarnessError, UsageError


class LabError(HarnessError):
    """The lab could not do what was asked; the message names the place and the log to look at."""


class LabUsageError(LabError, UsageError):
    """A name or number given for the lab cannot be used."""
