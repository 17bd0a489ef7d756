"""MS-GR-14: replication outlives a fault of the link, catches up when it heals, and loses and doubles nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from conformance.checkers.acknowledged_writes import LOOK_BACK, judge_without_allowance
from conformance.checkers.final_read import FinalRead, final_read
from conformance.checkers.timeline import TurningPoint, link_outage
from conformance.checkers.words import NANO, count, seconds, span, verb
from conformance.model import Event, Evidence, Outcome, ScenarioRecord, Status, Verdict, worst

REPLICATION = "replication"
# Operations of a scheme after which another site is the one that serves.
_MOVES = frozenset({"failover", "migrate", "failback", "recover"})
_OTHER_VIOLATIONS = ("wrong_value", "unexpected", "duplicated", "refused_but_present")

Conclusion = tuple[Status, str]


@dataclass(frozen=True)
class _Look:
    """How replication was seen to be at ``t``. ``before`` is when it was last looked at before, if that is known."""

    t: int
    whole: bool
    drained: bool
    before: int | None
    detail: str


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-14: replication is seen whole again within ``catch_up_s`` of the link's healing and is whole to the
    end, and the site that was behind then holds all that was acknowledged, once; the profile's allowance for losses
    (``rpo_operations``) is for the loss of a site and not for this. Figures: those of the writes, ``catch_up_s`` (upper
    bound: from the healing to the first look at which replication is whole). O(n)."""
    cut = _disturbed(record)
    if cut is None:
        return Verdict(Status.INCONCLUSIVE, "No link fault that was healed is on record.")
    looks = _looks(record, cut)
    caught = next((look for look in looks if look.whole), None)
    writes = judge_without_allowance(record, cut)
    read, behind = final_read(record.history), _behind(record, cut)
    conclusions = [
        _caught_up(record.info.thresholds.catch_up_s, cut, looks),
        _at_stake(record, cut),
        _read_there(behind, looks, read),
        _nothing_lost(record, writes, behind, looks, read),
    ]
    status = worst(s for s, _ in conclusions)
    reason = " ".join(text for s, text in conclusions if s is status and text)
    figures = {**writes.figures, "catch_up_s": None if caught is None else seconds(caught.t - cut.done)}
    evidence = writes.evidence
    if looks and not looks[-1].whole:
        evidence = (Evidence("event", REPLICATION, looks[-1].detail), *evidence)
    return replace(writes, status=status, reason=reason, figures=figures, evidence=evidence)


def _disturbed(record: ScenarioRecord) -> TurningPoint | None:
    """From the first link fault to the healing of the last; to when the VNF's guests were well again, if that is later:
    a guest that hangs follows nobody."""
    cut = link_outage(record)
    back = [e.t for e in record.fault_events(state="heal-verified") if e.name.startswith("vnf-")]
    return cut and replace(cut, done=max([cut.done, *back]))


def _looks(record: ScenarioRecord, cut: TurningPoint) -> list[_Look]:
    """How replication was seen to be after the healing, in time order; what could not be observed is no look."""
    found = (e for e in record.events if e.kind == "observation" and e.name == REPLICATION and e.t >= cut.done)
    return [_look(e) for e in sorted(found, key=lambda e: e.t) if e.ok is not None]


def _look(event: Event) -> _Look:
    whole = event.ok is True
    unseen_s = event.observed.get("since_last_look_s")
    return _Look(
        t=event.t,
        whole=whole,
        drained=whole and not event.observed.get("behind_bytes"),
        before=None if unseen_s is None else event.t - round(float(unseen_s) * NANO),
        detail=event.detail,
    )


def _caught_up(limit_s: float, cut: TurningPoint, looks: Sequence[_Look]) -> Conclusion:
    """Every time that replication was not whole, from the healing on, must have ended within the limit: what is proven
    is from when to when it certainly was not, what passes is from when to when it may not have been."""
    if not looks:
        return Status.INCONCLUSIVE, "Nobody looked whether replication caught up after the link had healed."
    limit = limit_s * NANO
    since: int | None = cut.done
    last_seen: int | None = None
    open_to_doubt = ""
    for look in looks:
        if not look.whole:
            since = look.t if since is None else since
            last_seen = look.t
            if look.t - since > limit:
                return Status.FAIL, _not_whole(limit_s, cut, since, f"and still not {span(look.t - cut.done)} after it")
        elif since is not None:
            # A look that was not noted saw what the one noted before it had seen.
            certainly = None if last_seen is None else max(last_seen, look.before or 0)
            if certainly is not None and certainly - since > limit:
                return Status.FAIL, _not_whole(
                    limit_s, cut, since, f"and was again only {span(look.t - cut.done)} after it"
                )
            if look.t - since > limit:
                open_to_doubt = (
                    f"Replication was seen whole {span(look.t - since)} after it may have ceased to be (limit "
                    f"{limit_s:g} s), but not looked at in time to tell whether it was late."
                )
            since = last_seen = None
    if since is not None:
        watched = span(looks[-1].t - since)
        return Status.INCONCLUSIVE, f"Replication had not caught up at last, but was watched for {watched} only."
    if open_to_doubt:
        return Status.INCONCLUSIVE, open_to_doubt
    first = next(look for look in looks if look.whole)
    return Status.PASS, f"Replication had caught up {span(first.t - cut.done)} after the link had healed."


def _not_whole(limit_s: float, cut: TurningPoint, since: int, until: str) -> str:
    begin = "when the link had healed" if since == cut.done else f"{span(since - cut.done)} after the link had healed"
    return f"Replication was not whole {begin}, {until} (limit {limit_s:g} s)."


def _at_stake(record: ScenarioRecord, cut: TurningPoint) -> Conclusion:
    """Without a client that writes, or waits to, while the link is disturbed, there is nothing to catch up with."""
    from_ = max(cut.began, cut.done - LOOK_BACK)
    busy = any(
        op.f == "write" and op.invoked <= cut.done and max(op.invoked, op.completed or 0) >= from_
        for op in record.history
    )
    if busy:
        return Status.PASS, ""
    return Status.INCONCLUSIVE, "No client was writing when the link healed: there was nothing to catch up with."


def _behind(record: ScenarioRecord, cut: TurningPoint) -> str:
    """The site that did not serve when the link healed."""
    first, second = record.info.first_site, record.info.second_site
    moved = [e for e in record.events if e.kind == "scheme" and e.name in _MOVES and e.state == "end" and e.ok]
    serving = max((e for e in moved if e.t <= cut.done), key=lambda e: e.t, default=None)
    return first if serving is not None and serving.target == second else second


def _read_there(behind: str, looks: Sequence[_Look], read: FinalRead | None) -> Conclusion:
    """Only the site that was behind can show that it caught up, and only once it has."""
    if read is None or read.site != behind:
        return Status.INCONCLUSIVE, f"Everything was not read back at {behind}, the site that was behind."
    before = [look for look in looks if look.t <= read.began]
    if not before or not before[-1].whole:
        return Status.INCONCLUSIVE, f"Everything was read back at {behind} before replication was seen to be whole."
    return Status.PASS, f"It was read at {behind}."


def _nothing_lost(
    record: ScenarioRecord, writes: Verdict, behind: str, looks: Sequence[_Look], read: FinalRead | None
) -> Conclusion:
    """What is missing at the site that was behind is lost only if nothing was under way any more: a look that shows so
    lies between its acknowledgement and the read."""
    found_otherwise = any(writes.figures.get(name) for name in _OTHER_VIOLATIONS)
    if writes.status is not Status.FAIL or found_otherwise or read is None or read.site != behind:
        return writes.status, writes.reason
    drained = max((look.t for look in looks if look.drained and look.t <= read.began), default=None)
    there = set(read.items())
    missing = [
        op.invoked if op.completed is None else op.completed
        for op in record.history
        if op.f == "write" and op.outcome is Outcome.OK and (op.key or "", op.value or "") not in there
    ]
    if drained is not None and any(t < drained for t in missing):
        return writes.status, writes.reason
    n = len(missing)
    return Status.INCONCLUSIVE, (
        f"{count(n, 'acknowledged write')} {verb(n, 'is', 'are')} missing at {read.site}, but nobody looked whether "
        "replication was still under way when it was read."
    )
