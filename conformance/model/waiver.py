"""What somebody has decided to do without for a while."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Waiver:
    """``requirement`` need not hold until the end of the day ``expires`` (ISO 8601), for this ``reason``; ``who``
    decided so."""

    requirement: str
    reason: str
    who: str
    expires: str

    def __str__(self) -> str:
        return f"waived by {self.who} until {self.expires}: {self.reason.rstrip('.')}"
