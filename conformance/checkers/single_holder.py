"""MS-GR-13: never do two sites actively hold one identity at once (no split brain).

Both sites are asked on a fixed schedule whether they hold it. Two holders are proven where the times in which each
certainly held it overlap; they are possible where the looks leave room for it. Room of more than the declared tolerance
is inconclusive: the sampling was too coarse, or a site did not answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from conformance.checkers.holding import (
    FOR_GOOD,
    Look,
    Tenure,
    certain_overlap,
    looks_of,
    meeting,
    possible_overlap,
    tenures,
)
from conformance.checkers.timeline import TurningPoint, link_outage, site_loss, turning_point
from conformance.checkers.words import NANO, count, joined, seconds, span
from conformance.model import Evidence, ScenarioRecord, Status, Verdict, worst
from conformance.model.verdict import FigureValue

NAMED = 100
Conclusion = tuple[Status, str]


@dataclass(frozen=True)
class Watch:
    """What was seen of one identity: looks and tenures by site, and the time in which all sites were looked at."""

    identity: str
    looks: dict[str, list[Look]]
    tenures: dict[str, list[Tenure]]
    began: int
    ended: int

    def in_order(self) -> list[Tenure]:
        """The tenures of all sites that were seen, by when they began."""
        return sorted((t for held in self.tenures.values() for t in held if t.looks), key=lambda t: t.began_high)


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-13. Figures: ``looks`` and ``unanswered``; ``longest_look_gap_s`` between looks at one site;
    ``most_active`` holders proven at once; ``overlap_s`` (proven) and ``unresolved_s`` (the longest that may have gone
    unseen); ``without_holder_s`` (the longest certain); ``trajectory`` of the number of active holders. O(n log n)."""
    sites = (record.info.first_site, record.info.second_site)
    identities = sorted({h.identity for h in record.holders})
    if not identities:
        return Verdict(Status.INCONCLUSIVE, "Nobody looked at who held which identity.")
    turn = link_outage(record) or turning_point(record)
    if turn is None:
        return Verdict(Status.INCONCLUSIVE, "Nothing on record could have made two holders: no fault struck.")
    tolerance = round(record.info.thresholds.holder_tolerance_s * NANO)
    watches = [_watch(record, identity, sites, tolerance) for identity in identities]
    conclusions: list[Conclusion] = []
    evidence: list[Evidence] = []
    overlaps: list[tuple[int, int]] = []
    for watch in watches:
        proven = list(_proven(watch))
        overlaps += [at for at, _ in proven]
        conclusions += [(Status.FAIL, e.text) for _, e in proven[:1]] or list(_open(watch, sites, turn, tolerance))
        evidence += [e for _, e in proven[:NAMED]] + list(_trajectory(watch, turn))
    figures = _figures(record, watches, overlaps, tolerance)
    status = worst(s for s, _ in conclusions) if conclusions else Status.PASS
    if status is Status.PASS:
        return Verdict(status, _reason(watches, figures, tolerance), figures, tuple(evidence))
    texts = [text.rstrip(".") for s, text in conclusions if s is status]
    return Verdict(status, f"{joined(texts)}.", figures, tuple(evidence))


def _watch(record: ScenarioRecord, identity: str, sites: Sequence[str], tolerance: int) -> Watch:
    looks = {site: looks_of(record.holders, identity, site) for site in sites}
    others = {h.site for h in record.holders if h.identity == identity} - set(sites)
    looks |= {site: looks_of(record.holders, identity, site) for site in sorted(others)}
    loss = site_loss(record)
    held: dict[str, list[Tenure]] = {}
    ends: list[int] = []
    for site, seen in looks.items():
        lost = None
        if loss is not None and loss.site == site and loss.verified and not any(loss.lasts_at(k.sent) for k in seen):
            lost = (loss.done, loss.healing)
        held[site] = tenures(site, seen, tolerance, lost)
        if seen and (lost is None or lost[1] is not None):
            ends.append(max(seen[-1].done, lost[1] or 0 if lost else 0))
    began = max((seen[0].sent for seen in looks.values() if seen), default=0)
    return Watch(identity, looks, held, began, min(ends, default=began))


def _proven(watch: Watch) -> Iterator[tuple[tuple[int, int], Evidence]]:
    """Every time at which two sites certainly held the identity."""
    for one, other in combinations(watch.tenures, 2):
        for a, b in meeting(watch.tenures[one], watch.tenures[other]):
            at = certain_overlap(a, b)
            if at is not None:
                text = (
                    f"{one} and {other} both held {watch.identity!r}, for {span(at[1] - at[0])} at least: "
                    f"{count(a.looks, 'look')} and {count(b.looks, 'look')} in a row said so."
                )
                yield at, Evidence("two holders", f"{at[0]}–{at[1]} ns", text)


def _open(watch: Watch, sites: Sequence[str], turn: TurningPoint, tolerance: int) -> Iterator[Conclusion]:
    """Why nothing proven does not yet show that there were no two holders."""
    blind = [site for site in sites if not watch.looks[site]]
    if blind:
        yield Status.INCONCLUSIVE, f"{joined(blind)} never said whether it held {watch.identity!r}."
        return
    if not watch.in_order():
        yield Status.INCONCLUSIVE, f"No site was ever seen to hold {watch.identity!r}: nothing was at stake."
        return
    if watch.began > turn.began:
        yield Status.INCONCLUSIVE, f"Not all sites were looked at before {turn.what}: the first look came too late."
    if watch.ended < turn.done:
        silent = min((s for s in watch.looks if watch.looks[s]), key=lambda s: watch.looks[s][-1].done)
        yield (
            Status.INCONCLUSIVE,
            (
                f"{silent} was last seen to answer {turn.relative(watch.looks[silent][-1].done)}: whether it held "
                f"{watch.identity!r} afterwards is not known."
            ),
        )
    room, one, other = _room(watch)
    if room > tolerance:
        yield (
            Status.INCONCLUSIVE,
            (
                f"The looks leave room for {one} and {other} both to have held {watch.identity!r} for up to "
                f"{span(room)}, more than the {span(tolerance)} that are tolerated: too coarse to tell."
            ),
        )


def _room(watch: Watch) -> tuple[int, str, str]:
    """The longest time for which two sites may have held the identity, and which."""
    best = (0, "", "")
    for one, other in combinations(watch.tenures, 2):
        for a, b in meeting(watch.tenures[one], watch.tenures[other]):
            best = max(best, (possible_overlap(a, b, (watch.began, watch.ended)), one, other))
    return best


def _trajectory(watch: Watch, turn: TurningPoint) -> Iterator[Evidence]:
    for tenure in watch.in_order()[:NAMED]:
        text = (
            f"{tenure.site} held {watch.identity!r} from at least {turn.relative(tenure.began_high)} to at least "
            f"{turn.relative(tenure.ended_low)} ({count(tenure.looks, 'look')})."
        )
        yield Evidence("holder", tenure.site, text)


def _figures(
    record: ScenarioRecord, watches: Sequence[Watch], overlaps: Sequence[tuple[int, int]], tolerance: int
) -> dict[str, FigureValue]:
    gaps = [b.done - a.sent for w in watches for seen in w.looks.values() for a, b in pairwise(seen)]
    # A longer gap either leaves room, which is counted as such, or a verified loss of the site explains it.
    tolerated = min(max(gaps, default=0), tolerance)
    active = 2 if overlaps else int(any(w.in_order() for w in watches))
    without = max((_without(w) for w in watches), default=0)
    return {
        "looks": len(record.holders),
        "unanswered": sum(h.active is None for h in record.holders),
        "longest_look_gap_s": seconds(max(gaps, default=0)),
        "most_active": active,
        "overlap_s": seconds(max((b - a for a, b in overlaps), default=0)),
        "unresolved_s": seconds(max([tolerated, *(_room(w)[0] for w in watches)])),
        "without_holder_s": seconds(without),
        "trajectory": "; ".join(f"{w.identity}: {_counts(w)}" for w in watches),
    }


def _without(watch: Watch) -> int:
    """The longest time between two tenures in which certainly nobody held the identity."""
    longest, held_until = 0, None
    for tenure in watch.in_order():
        if held_until is not None and tenure.began_low is not None:
            longest = max(longest, tenure.began_low - held_until)
        if tenure.ended_high is None:
            return longest
        held_until = max(held_until or 0, tenure.ended_high)
    return longest


def _counts(watch: Watch) -> str:
    """How the number of active holders went: ``1 (site-a), 0, 1 (site-b)``."""
    steps: list[str] = []
    before: Tenure | None = None
    for tenure in watch.in_order():
        if before is not None:
            if certain_overlap(before, tenure):
                steps.append("2")
            elif (before.ended_high or FOR_GOOD) < (tenure.began_low or 0):
                steps.append("0")
        steps.append(f"1 ({tenure.site})")
        before = tenure
    return ", ".join(steps[:20]) + (f" and {len(steps) - 20} more" if len(steps) > 20 else "")


def _reason(watches: Sequence[Watch], figures: dict[str, FigureValue], tolerance: int) -> str:
    names = joined(repr(w.identity) for w in watches)
    return (
        f"No two sites held {names} at once in {figures['looks']} looks ({figures['trajectory']}). An overlap of up to "
        f"{figures['unresolved_s']} s could have gone unseen, of which {span(tolerance)} are tolerated."
    )
