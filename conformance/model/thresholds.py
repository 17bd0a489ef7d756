"""The numbers a verdict is judged against; a profile sets them, a scenario's record keeps them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Seconds unless the name says otherwise.

    ``rto_s``: the service must be back this long after the site was lost. ``detect_s``: the loss must be noticed
    within this. ``rpo_operations``: acknowledged writes that may be missing (the requirement says none).
    """

    rto_s: float = 15.0
    detect_s: float = 5.0
    rpo_operations: int = 0
