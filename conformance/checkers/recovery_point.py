"""How much of what was acknowledged may be missing after the loss of a site: so many writes, or any that were
acknowledged no longer before it than the profile allows.

The age of a write at the loss is an interval, because the loss is one: a limit inside it is inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.checkers.timeline import SiteLoss, TurningPoint
from conformance.checkers.words import NANO, between, count, verb
from conformance.model import Status, Thresholds


@dataclass(frozen=True)
class Acknowledged:
    """When a write that is missing was acknowledged (nanoseconds), and by which site, None if that is not known."""

    at: int
    site: str | None


def allowance(limits: Thresholds, turn: TurningPoint | None) -> int | None:
    """How many writes may be missing, None for any number. Where only their age is limited, that is their age at the
    loss of a site: no other turning point allows for any."""
    if limits.rpo_operations is None and not isinstance(turn, SiteLoss):
        return 0
    return limits.rpo_operations


def judge_age(
    limits: Thresholds, missing: Sequence[Acknowledged], turn: TurningPoint | None
) -> tuple[Status, str] | None:
    """Whether all that is missing had been acknowledged so shortly before the loss of a site, and a sentence that says
    so; None where nothing is missing or nothing limits its age."""
    if limits.rpo_s is None or not missing or not isinstance(turn, SiteLoss):
        return None
    later = [one for one in missing if one.at > turn.done and not _on_its_way(one, turn)]
    if any(one.site is not None for one in later):
        n = len(later)
        return (
            Status.FAIL,
            f"{count(n, 'lost write')} {verb(n, 'was', 'were')} acknowledged after {turn.what}: the limit of "
            f"{limits.rpo_s:g} s is for what was acknowledged before.",
        )
    oldest = min(one.at for one in missing)
    low, high = max(0, turn.began - oldest), max(0, turn.done - oldest)
    said = f"The oldest lost write was acknowledged {between(low, high)} before {turn.what}"
    if low > limits.rpo_s * NANO:
        return Status.FAIL, f"{said}, more than the {limits.rpo_s:g} s allowed."
    if later:
        return Status.INCONCLUSIVE, f"{said}, others after it by a site that is not on record."
    if high <= limits.rpo_s * NANO:
        return Status.PASS, f"{said} (limit {limits.rpo_s:g} s)."
    return Status.INCONCLUSIVE, f"{said}: the limit of {limits.rpo_s:g} s lies inside."


def _on_its_way(one: Acknowledged, turn: SiteLoss) -> bool:
    """Whether the lost site itself acknowledged it, so before it was gone, and the answer was only read afterwards."""
    return one.site == turn.site and (turn.healing is None or one.at < turn.healing)
