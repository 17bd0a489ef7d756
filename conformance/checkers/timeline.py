"""The instants a scenario is judged by: when a site was lost, and what else may have been the turning
point."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.checkers.words import span
from conformance.model import ScenarioRecord

SITE_LOSS = "site-loss"


@dataclass(frozen=True)
class TurningPoint:
    """Something happened to the service in [``began``, ``done``] (nanoseconds); ``what`` words it as a
    clause.

    The interval is the uncertainty of the instant: the injector notes the time before its first and after its
    last act.
    """

    what: str
    began: int
    done: int

    def relative(self, t: int) -> str:
        """Where ``t`` lies: ``1.250 s before site-a was lost``; the later edge counts before, the earlier
        after."""
        if t > self.done:
            return f"{span(t - self.began)} after {self.what}"
        return f"{span(self.done - t)} before {self.what}" if t < self.began else f"as {self.what}"


@dataclass(frozen=True)
class SiteLoss(TurningPoint):
    """The loss of a whole site. ``verified`` is whether its silence was observed; ``healing`` is when its
    repair began."""

    site: str = ""
    verified: bool | None = None
    healing: int | None = None

    def lasts_at(self, t: int) -> bool:
        """Whether the site was certainly lost at ``t``."""
        return t >= self.done and (self.healing is None or t < self.healing)


def site_loss(record: ScenarioRecord) -> SiteLoss | None:
    """The first loss of the first site that was carried out, or None when the record shows none."""
    site = record.info.first_site
    events = sorted((e for e in record.fault_events(SITE_LOSS) if e.target == site), key=lambda e: e.t)
    done = next((e for e in events if e.state == "injected" and e.ok is not False), None)
    if done is None:
        return None
    began = max((e.t for e in events if e.state == "injecting" and e.t <= done.t), default=done.t)
    later = [e for e in events if e.t >= done.t]
    return SiteLoss(
        what=f"{site} was lost",
        began=began,
        done=done.t,
        site=site,
        verified=next((e.ok for e in later if e.state == "verified"), None),
        healing=next((e.t for e in later if e.state in ("healing", "healed")), None),
    )


def turning_point(record: ScenarioRecord) -> TurningPoint | None:
    """What the scenario is about: the loss of its first site if that was planned, else its first fault,
    else the start of its first failover or move. None when nothing of the kind is on record."""
    if SITE_LOSS in record.info.faults_planned:
        return site_loss(record)
    events = sorted(record.events, key=lambda e: e.t)
    for event in events:
        if event.kind == "fault" and event.state == "injected" and event.ok is not False:
            return TurningPoint(f"{event.name} struck {event.target or 'the service'}", event.t, event.t)
    for event in events:
        if event.kind == "scheme" and event.name in ("failover", "migrate", "failback") and event.state == "begin":
            return TurningPoint(f"the {event.name} began", event.t, event.t)
    return None


def last_instant(record: ScenarioRecord) -> int | None:
    """When the record ends: the latest instant anything in it was seen to happen."""
    instants = [e.t for e in record.events] + [p.done for p in record.probes]
    instants += [op.invoked if op.completed is None else op.completed for op in record.history]
    return max(instants, default=None)


def open_phase(record: ScenarioRecord) -> str | None:
    """The phase that had begun and not ended when the record stops, or None."""
    begun: list[str] = []
    for event in sorted(record.events, key=lambda e: e.t):
        if event.kind == "phase" and event.state == "begin":
            begun.append(event.name)
        elif event.kind == "phase" and event.state == "end" and event.name in begun:
            begun.remove(event.name)
    return begun[-1] if begun else None
