"""The instants a scenario is judged by: when a site was lost, when the service was moved, and what else may have been
the turning point."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.checkers.words import span
from conformance.model import Event, ScenarioRecord

SITE_LOSS = "site-loss"
MIGRATE, FAILBACK = "migrate", "failback"


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
class Departure(TurningPoint):
    """The service left ``site``."""

    site: str = ""


@dataclass(frozen=True)
class Move(Departure):
    """The service was moved from ``site`` to ``to`` while both were well. ``ok`` is what the scheme said of it at the
    end: False when it refused, and the service stayed where it was; None when it never came to an end."""

    to: str = ""
    ok: bool | None = None


@dataclass(frozen=True)
class SiteLoss(Departure):
    """The loss of a whole site. ``verified`` is whether its silence was observed; ``healing`` is when its
    repair began."""

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


def scheme_events(record: ScenarioRecord, operation: str) -> list[Event]:
    """What the scheme noted of an operation of its (migrate, failback, …), in time order."""
    return sorted((e for e in record.events if e.kind == "scheme" and e.name == operation), key=lambda e: e.t)


def operation_spans(record: ScenarioRecord, operation: str) -> list[tuple[int, int | None]]:
    """From when to when the scheme was at an operation, each time that it was; None where no end is on record."""
    spans: list[tuple[int, int | None]] = []
    for event in scheme_events(record, operation):
        if event.state == "begin":
            spans.append((event.t, None))
        elif event.state == "end" and spans and spans[-1][1] is None:
            spans[-1] = (spans[-1][0], event.t)
    return spans


def move(record: ScenarioRecord, operation: str = MIGRATE) -> Move | None:
    """The first planned move to the second site (``migrate``) or back to the first (``failback``); None when none was
    begun. It lasts until its end is on record, else until its last event."""
    events = scheme_events(record, operation)
    begin = next((e for e in events if e.state == "begin"), None)
    if begin is None:
        return None
    last = next((e for e in events if e.state == "end" and e.t >= begin.t), events[-1])
    source, to = record.info.first_site, record.info.second_site
    if operation == FAILBACK:
        source, to = to, source
    ok = last.ok if last.state == "end" else None
    what = f"the service {'was to be moved' if ok is False else 'was moved'} to {to}"
    return Move(what, begin.t, last.t, source, to, ok)


def departure(record: ScenarioRecord) -> SiteLoss | Move | None:
    """How the service left the first site: by the site's loss where that was planned or happened, else by a move."""
    return site_loss(record) or (None if SITE_LOSS in record.info.faults_planned else move(record))


def returned_after(record: ScenarioRecord, turn: TurningPoint) -> bool:
    """Whether the service went back to the first site after the turning point."""
    return any(e.state == "end" and e.ok and e.t > turn.done for e in scheme_events(record, FAILBACK))


def link_outage(record: ScenarioRecord) -> TurningPoint | None:
    """The time from the first link fault's first act to the end of the last link fault's healing; None when no link
    fault struck or none was healed."""
    faults = [e for e in record.fault_events() if e.name.startswith(("link-", "wan-")) and e.ok is not False]
    struck = [e.t for e in faults if e.state in ("injecting", "injected")]
    healed = [e.t for e in faults if e.state == "healed"]
    if not struck or not healed or not any(e.state == "injected" for e in faults):
        return None
    return TurningPoint("the link was disturbed", min(struck), max(healed))


def turning_point(record: ScenarioRecord) -> TurningPoint | None:
    """What the scenario is about: the loss of its first site if that was planned, else a planned move, else its first
    fault, else the start of its first failover or return. None when nothing of the kind is on record."""
    if SITE_LOSS in record.info.faults_planned:
        return site_loss(record)
    moved = move(record)
    if moved is not None:
        return moved
    events = sorted(record.events, key=lambda e: e.t)
    for event in events:
        if event.kind == "fault" and event.state == "injected" and event.ok is not False:
            return TurningPoint(f"{event.name} struck {event.target or 'the service'}", event.t, event.t)
    for event in events:
        if event.kind == "scheme" and event.name in ("failover", FAILBACK) and event.state == "begin":
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
