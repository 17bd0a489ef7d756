"""The numbers a verdict is judged against; a profile sets them, a scenario's record keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EITHER, AUTOMATIC, MANUAL = "either", "automatic", "manual"


@dataclass(frozen=True)
class Thresholds:
    """Seconds unless the name says otherwise.

    ``rto_s``: the service must be back this long after the site was lost. ``detect_s``: the loss must be noticed
    within this. ``trigger``: ``automatic`` where nobody may have to tell the system to fail over, ``manual`` where
    somebody may, and the time until then does not count, ``either`` where both may be and all time counts.
    ``rpo_operations``: acknowledged writes that may be missing (the requirement says none), None for any number.
    ``rpo_s``: how long before the loss of a site the oldest missing one may have been acknowledged, None for no limit.
    ``degradation_margin``: how much slower replication (or a planned move) may make the service: 0.1 means that the
    same takes 10 % longer. ``max_interruption_s``: how long the service may be away altogether during a planned move.
    ``max_error_share``: the share of operations that may fail during a move apart from that.
    ``plane_rto_s``: how long an outage of another plane than the service (media, api, …) may last, by the plane's name;
    a plane without a limit is measured and not judged. ``holder_tolerance_s``: how long two holders of one identity
    may have gone unseen between two looks. ``catch_up_s``: how long replication may take to be whole again after the
    link has healed.
    """

    rto_s: float = 15.0
    detect_s: float = 5.0
    rpo_operations: int | None = 0
    rpo_s: float | None = None
    degradation_margin: float = 0.10
    max_interruption_s: float = 5.0
    max_error_share: float = 0.01
    plane_rto_s: Mapping[str, float] = field(default_factory=dict)
    holder_tolerance_s: float = 0.5
    catch_up_s: float = 30.0
    trigger: str = EITHER
