"""Who set the failover going: the system under test by itself, or somebody who told it to.

A scheme that is told says so in the event with which its failover begins (``told``); one that is only watched says that
it was not. Which of both the profile accepts is its ``trigger``.
"""

from __future__ import annotations

from conformance.checkers.phases import failover_events
from conformance.checkers.recovery import Recovery
from conformance.checkers.timeline import SiteLoss, TurningPoint
from conformance.model import Event, ScenarioRecord, Status
from conformance.model.thresholds import AUTOMATIC, MANUAL


def counted_from(record: ScenarioRecord, loss: SiteLoss) -> TurningPoint:
    """From when the time to recover counts: from the order to fail over where the profile takes a manual trigger and
    one was given, else from the loss."""
    begun = _begun(record, loss)
    if record.info.thresholds.trigger != MANUAL or begun is None or _told(begun) is not True:
        return loss
    ordered = max(begun.t, loss.done)
    return TurningPoint("failover was ordered", ordered, ordered)


def judge_trigger(record: ScenarioRecord, loss: SiteLoss, back: Recovery) -> tuple[Status, str] | None:
    """Whether the system failed over by itself, and a sentence that says so; None where the profile does not ask."""
    if record.info.thresholds.trigger != AUTOMATIC:
        return None
    begun = _begun(record, loss)
    told = None if begun is None else _told(begun)
    if begun is None or told is None:
        return Status.INCONCLUSIVE, "Nothing on record says whether somebody told the system to fail over."
    if not told:
        return Status.PASS, "Nobody told it to fail over."
    if back.at is not None and back.at <= begun.t:
        return Status.PASS, "It was back before anybody told it to fail over."
    return Status.INCONCLUSIVE, (
        f"It was told to fail over {loss.relative(begun.t)}; whether it would have done so by itself, as the profile "
        "asks (trigger: automatic), was not seen."
    )


def _begun(record: ScenarioRecord, loss: SiteLoss) -> Event | None:
    return next((e for e in failover_events(record, loss) if e.state == "begin"), None)


def _told(begun: Event) -> bool | None:
    said = begun.observed.get("told")
    return said if isinstance(said, bool) else None
