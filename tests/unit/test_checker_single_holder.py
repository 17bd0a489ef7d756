"""MS-GR-13: two holders of one identity are proven or ruled out by intervals; what was not seen stays open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, add_events, at, clean, drop_events, edit_events, fault
from move_records import LIMITS, cut, moved, samples

from conformance.checkers.registry import judge
from conformance.model import Event, Holding, ScenarioRecord, Status, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("single-holder", record)


def held(a: list[tuple[float, float]], b: list[tuple[float, float]], **how: object) -> Change:
    """From when to when each site held the identity; ``how`` as for samples()."""
    return lambda r: replace(r, holders=samples({A: a, B: b}, **how))  # type: ignore[arg-type]


def look(sent: float, done: float, site: str, active: bool | None) -> Holding:
    return Holding(at(sent), at(done), "database", site, active)


def tolerated(seconds: float) -> Change:
    limits = replace(LIMITS, holder_tolerance_s=seconds)
    return lambda r: replace(r, info=replace(r.info, thresholds=limits))


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def without(where: Callable[[Holding], bool]) -> Change:
    return lambda r: replace(r, holders=tuple(h for h in r.holders if not where(h)))


def lost_site(record: ScenarioRecord) -> ScenarioRecord:
    """A is lost at 0, silent since, and B takes over at 1.2 s; A comes back at 5 s as a standby."""
    looks = samples({A: [(-9, 0)], B: [(1.2, 99)]}, start=-4, end=9, silent={A: (0.0, 5)})
    return replace(clean(), holders=looks, info=replace(clean().info, then=record.info.then))


FOREVER = [(-9.0, 9.0)]

GOOD: dict[str, tuple[Change, str]] = {
    "one site holds it all the time": (lambda r: r, "No two sites held 'database' at once in 140 looks"),
    "it goes from one to the other": (held([(-9, 1)], [(1.3, 9)]), "1 (site-a), 0, 1 (site-b)"),
    "it goes over quickly": (held([(-9, 1)], [(1, 9)]), "1 (site-a), 1 (site-b)"),
    "it goes there and back": (held([(-9, 1), (4, 9)], [(1.5, 3)]), "1 (site-a), 0, 1 (site-b), 0, 1 (site-a)"),
    "nobody holds it for a while": (held([(-9, 1), (2, 9)], []), "1 (site-a), 0, 1 (site-a)"),
    "the second site holds it": (held([], FOREVER), "1 (site-b)"),
    "a few looks were not answered": (
        held(FOREVER, [], silent={A: (1, 1.3)}),
        "No two sites held",
    ),
    "a standby missed a few looks": (held(FOREVER, [], silent={B: (1, 1.3)}), "No two sites held"),
    "the first site is lost and cannot answer": (lost_site, "1 (site-a), 0, 1 (site-b)"),
    "each of two identities has one holder": (
        lambda r: replace(r, holders=r.holders + samples({A: [], B: FOREVER}, identity="address")),
        "address: 1 (site-b); database: 1 (site-a)",
    ),
    "sampling is coarse and the tolerance wide": (both(held(FOREVER, [], every=0.4), tolerated(1)), "No two sites"),
    "looks are recorded in another order": (lambda r: replace(r, holders=r.holders[::-1]), "No two sites held"),
    "a planned move takes it over": (
        lambda r: replace(moved(), holders=samples({A: [(-9, 0.7)], B: [(0.95, 9)]}), info=moved().info),
        "1 (site-a)",
    ),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_there_is_one_holder_at_most_when(change: Change, reason: str) -> None:
    verdict = judged(change(cut()))
    assert verdict.status is Status.PASS, verdict.reason
    unseen = verdict.figures["unresolved_s"]
    assert isinstance(unseen, (int, float)) and unseen <= 0.5, "more than is tolerated would not be a pass"
    assert reason in verdict.reason
    assert verdict.figures["most_active"] == 1


FAILING: dict[str, tuple[Change, str]] = {
    "both hold it from the cut on": (held(FOREVER, [(1, 9)]), "site-a and site-b both held 'database', for 3.896 s"),
    "both hold it for half a second": (held(FOREVER, [(1, 1.5)]), "site-a and site-b both held"),
    "one look says so": (held(FOREVER, [(1, 1.05)]), "1 look in a row"),
    "one look at the first site says so": (held([(1, 1.05)], FOREVER), "1 look and 70 looks"),
    "the first lets go too late": (held([(-9, 2)], [(1, 9)]), "both held 'database', for 0.89"),
    "both held it before the cut": (held(FOREVER, [(-2, -1)]), "both held"),
    "both held it after the healing": (held(FOREVER, [(4, 9)]), "both held"),
    "both hold it all the time": (held(FOREVER, FOREVER), "for 6.8"),
    "it goes over and the first takes it back": (held([(-9, 1), (2, 9)], [(1.3, 9)]), "both held"),
    "both hold another identity": (
        lambda r: replace(r, holders=r.holders + samples({A: FOREVER, B: FOREVER}, identity="address")),
        "both held 'address'",
    ),
    "looks are recorded in another order": (
        both(held(FOREVER, [(1, 9)]), lambda r: replace(r, holders=r.holders[::-1])),
        "both held",
    ),
    "some looks were not answered": (held(FOREVER, [(1, 9)], silent={A: (1, 2)}), "both held"),
    "a third site holds it too": (
        lambda r: replace(r, holders=samples({A: FOREVER, B: [], "site-c": [(1, 3)]})),
        "site-a and site-c both held",
    ),
    "the lost site goes on holding it": (
        lambda r: replace(lost_site(r), holders=samples({A: FOREVER, B: [(1.2, 99)]}, end=8)),
        "both held",
    ),
    "the cut was not seen to bite": (
        both(held(FOREVER, [(1, 9)]), lambda r: edit_events(r, fault("link-cut", "verified"), ok=False)),
        "This stands although",
    ),
    "the run was cut short": (
        both(held(FOREVER, [(1, 9)]), lambda r: replace(r, finished=False)),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(cut()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason
    assert verdict.figures["most_active"] == 2
    assert verdict.evidence[0].kind == "two holders"


OPEN: dict[str, tuple[Change, str]] = {
    "nobody looked": (lambda r: replace(r, holders=()), "Nobody looked"),
    "nobody looked at the second site": (without(lambda h: h.site == B), "site-b never said whether it held"),
    "the second site never answered": (held(FOREVER, [], silent={B: (-9, 9)}), "site-b never said"),
    "nobody ever held it": (held([], []), "nothing was at stake"),
    "looking began after the cut": (held(FOREVER, [], start=0.5), "the first look came too late"),
    "looking ended before the healing": (held(FOREVER, [], end=2), "site-a was last seen to answer"),
    "the first site stopped answering and the second took over": (
        held([(-9, 1)], [(1.5, 9)], silent={A: (0.9, 9)}),
        "whether it held 'database' afterwards is not known",
    ),
    "the first site was silent while the second held it": (
        held(FOREVER, [(1.2, 2)], silent={A: (1, 2.2)}),
        "leave room for site-a and site-b both to have held 'database'",
    ),
    "the standby was silent for longer than is tolerated": (
        held(FOREVER, [], silent={B: (1, 2)}),
        "more than the 0.500 s that are tolerated: too coarse to tell",
    ),
    "sampling is coarse": (held(FOREVER, [], every=0.6), "too coarse to tell"),
    "sampling is coarse and it goes over": (held([(-9, 1)], [(1.2, 9)], every=0.7), "too coarse to tell"),
    "the tolerance is narrow": (tolerated(0.05), "too coarse to tell"),
    "looks hang": (
        lambda r: replace(r, holders=tuple(replace(h, done=h.sent + 10**9) for h in r.holders)),
        "too coarse to tell",
    ),
    "no fault struck": (
        lambda r: replace(drop_events(r, fault("link-cut")), info=replace(r.info, faults_planned=())),
        "no fault struck",
    ),
    "the cut was not seen to bite": (lambda r: edit_events(r, fault("link-cut", "verified"), ok=False), "did not show"),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(cut()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_looks_that_only_touch_do_not_prove_two_holders() -> None:
    """A said yes until 1.000 s, B from 1.001 s on: one may have followed the other."""
    looks = [look(t / 10, t / 10 + 0.004, A, t <= 10) for t in range(-20, 50)]
    looks += [look(t / 10 + 0.001, t / 10 + 0.005, B, t >= 10) for t in range(-20, 50)]
    verdict = judged(replace(cut(), holders=tuple(looks)))
    assert verdict.status is Status.PASS, verdict.reason


def test_a_look_that_hangs_across_a_handover_proves_nothing() -> None:
    looks = [look(t / 10, t / 10 + 0.004, A, t < 10) for t in range(-20, 50)]
    looks += [look(t / 10, t / 10 + 0.004, B, t > 12) for t in range(-20, 50) if t not in (8, 9, 10, 11, 12)]
    looks.append(look(0.8, 1.3, B, True))
    verdict = judged(replace(cut(), holders=tuple(looks)))
    assert verdict.status is not Status.FAIL, verdict.reason


def test_figures_say_how_it_was_sampled_and_how_long_nobody_held_it() -> None:
    figures = judged(held([(-9, 1)], [(2, 9)])(cut())).figures
    assert figures["looks"] == 140
    assert figures["unanswered"] == 0
    assert figures["longest_look_gap_s"] == pytest.approx(0.104)
    assert figures["without_holder_s"] == pytest.approx(0.896, abs=0.01)
    assert figures["overlap_s"] == 0


def test_the_trajectory_is_in_the_evidence() -> None:
    verdict = judged(held([(-9, 1)], [(2, 9)])(cut()))
    assert [(e.kind, e.ref) for e in verdict.evidence] == [("holder", A), ("holder", B)]
    assert "(30 looks)" in verdict.evidence[0].text


def test_a_link_that_was_disturbed_twice_is_watched_to_the_last_healing() -> None:
    more = [
        Event(at(4.2), "fault", "link-delay", "injecting", "a-b"),
        Event(at(4.3), "fault", "link-delay", "injected", "a-b"),
        Event(at(5.5), "fault", "link-delay", "healed", "a-b"),
    ]
    verdict = judged(add_events(cut(), *more))
    assert "was last seen to answer" in verdict.reason
