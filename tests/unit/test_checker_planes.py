"""MS-GR-02, other planes: each is measured under its name, and judged where the profile gives it a limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, Segment, clean, drop_events, edit_events, fault, info, probes
from move_records import moved

from conformance.checkers.registry import judge
from conformance.model import ScenarioRecord, Status, Thresholds, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]
GONE: tuple[Segment, ...] = ((-4, 0, A), (0, 1, None), (1, 4, B))


def judged(record: ScenarioRecord) -> Verdict:
    return judge("outage", record)


def plane(name: str, *segments: Segment, limit: float | None = 2, took: float = 0.002) -> Change:
    """A plane was probed so, and has a limit or none."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        limits = dict(record.info.thresholds.plane_rto_s) | ({} if limit is None else {name: limit})
        thresholds = replace(record.info.thresholds, plane_rto_s=limits)
        return replace(
            record,
            info=replace(record.info, thresholds=thresholds),
            planes={**record.planes, name: probes(segments, took=took)},
        )

    return change


def limited(name: str, limit: float) -> Change:
    return lambda r: replace(r, info=info(thresholds=Thresholds(rto_s=5, detect_s=2, plane_rto_s={name: limit})))


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def hang(name: str, seconds: float) -> Change:
    """Every failed probe of a plane takes so long."""
    longer = round(seconds * 1e9)
    return lambda r: replace(
        r, planes={name: tuple(p if p.ok else replace(p, done=p.sent + longer) for p in r.planes[name])}
    )


def thinned(name: str, begin: int, end: int) -> Change:
    """These probes of a plane are missing."""
    return lambda r: replace(r, planes={name: tuple(p for p in r.planes[name] if not begin <= p.n < end)})


GOOD: dict[str, tuple[Change, str]] = {
    "one outage shorter than its limit": (plane("media", *GONE), "The service was back"),
    "no outage at all": (plane("api", (-4, 4, B)), "The service was back"),
    "several short ones": (
        plane("media", (-4, 0, A), (0, 1, None), (1, 1.5, B), (1.5, 2, None), (2, 4, B)),
        "The service was back",
    ),
    "one outage and no limit": (
        plane("media", *GONE, limit=None),
        "The plane media had 1 outage, together 0.978 s to 1.022 s",
    ),
    "several and no limit": (
        plane("media", (-4, 0, A), (0, 1, None), (1, 2, B), (2, 2.5, None), (2.5, 4, B), limit=None),
        "The plane media had 2 outages, together 1.456 s to 1.544 s (no limit given)",
    ),
    "it never came back, without a limit": (
        plane("media", (-4, 0, A), (0, 4, None), limit=None),
        "together 3.978 s at least (no limit given)",
    ),
    "it was never there, without a limit": (plane("media", (-4, 4, None), limit=None), "0 probes of the plane media"),
    "it had no outage and no limit": (plane("media", (-4, 4, B), limit=None), "had no outage that a probe met"),
    "it had been away before the loss": (
        plane("media", (-4, -3, A), (-3, -1, None), (-1, 4, A), limit=0.1),
        "was back",
    ),
    "two planes, each within its limit": (
        both(plane("media", *GONE), plane("api", (-4, 4, B))),
        "The service was back",
    ),
    "its probes hang": (both(plane("media", *GONE, limit=3), hang("media", 0.5)), "The service was back"),
    "another VNF beside this one, back within its limit": (plane("beside", *GONE), "The service was back"),
    "a limit as narrow as the probing allows": (plane("api", (-4, 4, B), limit=0.03), "The service was back"),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_with(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


FAILING: dict[str, tuple[Change, str]] = {
    "an outage longer than its limit": (
        plane("media", *GONE, limit=0.5),
        "The longest outage of the plane media lasted 0.978 s to 1.022 s, more than the 0.5 s allowed",
    ),
    "an outage a little longer": (plane("media", *GONE, limit=0.97), "more than the 0.97 s allowed"),
    "one of several that is too long": (
        plane("media", (-4, 0, A), (0, 0.2, None), (0.2, 1, B), (1, 3.5, None), (3.5, 4, B)),
        "lasted 2.478 s to 2.522 s, more than the 2 s allowed",
    ),
    "the first of several": (
        plane("media", (-4, 0, A), (0, 2.5, None), (2.5, 3, B), (3, 3.2, None), (3.2, 4, B)),
        "lasted 2.478 s",
    ),
    "a plane that never came back": (plane("media", (-4, 0, A), (0, 4, None)), "lasted 3.978 s at least, more than"),
    "a plane that went again for good": (
        plane("media", (-4, 0, A), (0, 1, None), (1, 1.5, B), (1.5, 4, None)),
        "lasted 2.478 s at least",
    ),
    "a plane gone before the loss and long after": (plane("media", (-4, -2, A), (-2, 1, None), (1, 4, B)), "2.978 s"),
    "the second site's API gone": (
        plane("api", (-4, 1, B), (1, 4, None), limit=1),
        "plane api lasted 2.978 s at least",
    ),
    "one of two planes": (
        both(plane("media", *GONE), plane("api", *GONE, limit=0.5)),
        "The longest outage of the plane api",
    ),
    "both planes": (both(plane("media", *GONE, limit=0.1), plane("api", *GONE, limit=0.5)), "plane api lasted"),
    "another VNF beside this one that never came back": (
        plane("beside", (-4, 0, A), (0, 4, None)),
        "The longest outage of the plane beside lasted 3.978 s at least, more than",
    ),
    "a narrow limit": (plane("media", (-4, 0, A), (0, 0.1, None), (0.1, 4, B), limit=0.05), "more than the 0.05 s"),
    "a plane in order and a service that is late": (
        both(
            plane("media", *GONE),
            lambda r: replace(r, probes=probes(((-4, 0, A), (0, 6, None), (6, 9, B)))),
        ),
        "later than the 5 s allowed",
    ),
    "both too late": (
        both(
            plane("media", *GONE, limit=0.5),
            lambda r: replace(r, probes=probes(((-4, 0, A), (0, 6, None), (6, 9, B)))),
        ),
        "more than the 0.5 s allowed",
    ),
    "probes that hang": (
        both(plane("media", (-4, 0, A), (0, 3, None), (3, 4, B), limit=1), hang("media", 0.3)),
        "more than",
    ),
    "an outage though a fault did not bite": (
        both(plane("media", *GONE, limit=0.5), lambda r: edit_events(r, fault("link-delay", "verified"), ok=False)),
        "This stands although",
    ),
    "an outage in a run that was cut short": (
        both(plane("media", *GONE, limit=0.5), lambda r: replace(r, finished=False)),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_with(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "a plane with a limit that was not probed": (limited("media", 1), "The plane media was not probed"),
    "a limit inside the interval": (plane("media", *GONE, limit=1), "the limit of 1 s lies inside"),
    "a plane that had never answered": (
        plane("media", (-4, 1, None), (1, 4, B)),
        "0 probes of the plane media answered",
    ),
    "a plane that had hardly answered": (
        plane("media", (-0.1, 0, A), (0, 1, None), (1, 4, B)),
        "5 probes of the plane",
    ),
    "probing that ended with the loss": (plane("media", (-4, 0.04, A)), "Probing of the plane media ended"),
    "an outage that lasted when probing ended": (
        plane("media", (-4, 0, A), (0, 1.5, None)),
        "lasted 1.478 s at least: the limit of 2 s lies inside",
    ),
    "missing probes in which one may hide": (
        both(plane("media", (-4, 4, A), limit=0.5), thinned("media", 220, 260)),
        "unseen between two probes: the limit of 0.5 s lies inside",
    ),
    "probes that hang across the limit": (
        both(plane("media", *GONE, limit=0.8), hang("media", 0.9)),
        "the limit of 0.8 s lies inside",
    ),
    "a limit narrower than the probing allows": (plane("api", (-4, 4, B), limit=0.01), "at most 22 ms, unseen"),
    "a plane in order and a service that is open": (
        both(plane("media", *GONE), lambda r: replace(r, probes=probes(((-4, 0, A), (0, 3, None))))),
        "The service was not back",
    ),
    "another VNF beside this one and no limit for it": (
        plane("beside", *GONE, limit=None),
        "The plane beside had 1 outage, together 0.978 s to 1.022 s (no limit given). Whether that is soon enough is "
        "open: plane_rto_s of the profile has none for beside.",
    ),
    "another VNF beside this one that never came back, and no limit for it": (
        plane("beside", (-4, 0, A), (0, 4, None), limit=None),
        "together 3.978 s at least (no limit given). Whether that is soon enough is open",
    ),
    "another VNF beside this one that was never there, and no limit for it": (
        plane("beside", (-4, 4, None), limit=None),
        "0 probes of the plane beside",
    ),
    "a loss that is not on record": (
        both(plane("media", *GONE), lambda r: drop_events(r, fault("site-loss"))),
        "not on record",
    ),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_with(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_each_plane_has_its_figures() -> None:
    shorts = plane("media", (-4, 0, A), (0, 1, None), (1, 2, B), (2, 2.5, None), (2.5, 4, B))
    figures = judged(both(shorts, plane("api", (-4, 4, B), limit=None))(clean())).figures
    assert figures["media_outages"] == 2
    assert figures["media_outage_low_s"] == pytest.approx(0.978)
    assert figures["media_outage_high_s"] == pytest.approx(1.022)
    assert figures["media_outage_total_low_s"] == pytest.approx(1.456)
    assert figures["media_outage_total_high_s"] == pytest.approx(1.544)
    assert (figures["api_outages"], figures["api_outage_low_s"], figures["api_probes"]) == (0, 0, 400)
    assert figures["api_outage_high_s"] == pytest.approx(0.022)


def test_a_plane_that_was_not_seen_back_has_no_upper_bound() -> None:
    figures = judged(plane("media", (-4, 0, A), (0, 4, None), limit=None)(clean())).figures
    assert figures["media_outage_high_s"] == figures["media_outage_total_high_s"] == math.inf


def test_each_outage_of_a_plane_is_named_in_time_order() -> None:
    shorts = plane("media", (-4, 0, A), (0, 0.5, None), (0.5, 2, B), (2, 3, None), (3, 4, B), limit=None)
    named = [(e.kind, e.ref) for e in judged(shorts(clean())).evidence if e.kind != "outage"]
    assert named == [("media outage", "probes 200–224"), ("media outage", "probes 300–349")]


def test_without_planes_nothing_is_said_of_them() -> None:
    assert not any("plane" in text for text in (judged(clean()).reason, *judged(clean()).figures))


# -- a planned move --------------------------------------------------------------------------------------------------


def probed(*segments: Segment) -> Change:
    return lambda r: replace(r, probes=probes(segments))


MOVES: dict[str, tuple[Change, Status, str]] = {
    "it is short": (lambda r: r, Status.PASS, "lasted 0.278 s to 0.322 s (limit 5 s)"),
    "nobody noticed": (probed((-4, 1, A), (1, 4, B)), Status.PASS, "at most 22 ms, unseen between two probes"),
    "there are several short ones": (
        probed((-4, 0.2, A), (0.2, 0.4, None), (0.4, 0.7, A), (0.7, 1, None), (1, 4, B)),
        Status.PASS,
        "lasted 0.278 s to 0.322 s",
    ),
    "it is too long": (probed((-4, 0.7, A), (0.7, 7, None), (7, 9, B)), Status.FAIL, "more than the 5 s allowed"),
    "it never ends": (probed((-4, 0.7, A), (0.7, 7, None)), Status.FAIL, "lasted 6.278 s at least"),
    "probing ended with the move": (
        probed((-4, 0.7, A), (0.7, 1.5, B)),
        Status.INCONCLUSIVE,
        "Probing of the plane service",
    ),
    "the second never served": (probed((-4, 4, A)), Status.INCONCLUSIVE, "site-b was not seen to serve for good"),
}


@pytest.mark.parametrize(("change", "status", "reason"), MOVES.values(), ids=MOVES)
def test_an_interruption_by_a_move_is_judged_by_itself_when(change: Change, status: Status, reason: str) -> None:
    verdict = judged(change(moved()))
    assert verdict.status is status, verdict.reason
    assert reason in verdict.reason
