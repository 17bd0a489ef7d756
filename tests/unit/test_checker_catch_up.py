"""Replication outlives a fault of the link: when that is shown, when it is disproved, and when it stays open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, B, add_events, add_ops, at, drop_events, drop_ops, edit_events, edit_ops, fault
from move_records import scheme
from recovery_records import caught_up, look, read_again

from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, ScenarioRecord, Status

Change = Callable[[ScenarioRecord], ScenarioRecord]
LIMIT_S = 30.0


def lose(*keys: str) -> Change:
    return lambda r: read_again(r, lambda items: [i for i in items if i[0] not in keys], 4)


def add(*items: tuple[str, str]) -> Change:
    return lambda r: read_again(r, lambda found: [*found, *items], 4)


def read_at(start: float, site: str = B) -> Change:
    return lambda r: read_again(r, lambda found: found, start, site)


def looks(*seen: Event, read: float = 4.0) -> Change:
    """Replication was seen to be like this; everything was read afterwards."""

    def change(record: ScenarioRecord) -> ScenarioRecord:
        record = drop_events(record, lambda e: e.kind == "observation")
        return read_at(read)(add_events(record, *seen))

    return change


def both(*changes: Change) -> Change:
    def change(record: ScenarioRecord) -> ScenarioRecord:
        for one in changes:
            record = one(record)
        return record

    return change


def limits(**fields: float) -> Change:
    return lambda r: replace(r, info=replace(r.info, thresholds=replace(r.info.thresholds, **fields)))


def disturbed_by(name: str) -> Change:
    return lambda r: replace(edit_events(r, fault("link-cut"), name=name), info=replace(r.info, faults_planned=(name,)))


def served_by_second(record: ScenarioRecord) -> ScenarioRecord:
    """The service had been moved to B before the link was cut; then A is the site that is behind."""
    record = add_events(record, scheme("migrate", -4, "begin", B, None), scheme("migrate", -3, "end", B))
    return edit_ops(record, lambda o: o.f == "write", site=B)


GOOD: dict[str, tuple[Change, str]] = {
    "it catches up and everything is there": (lambda r: r, "had caught up 0.400 s after the link had healed"),
    "it had never ceased to be whole": (looks(look(3.2, True), look(3.7, True)), "had caught up 0.100 s"),
    "it catches up just in time": (looks(look(3.2, False), look(33.05, True, 0, 0.1), read=34), "29.950 s"),
    "the last writes were still under way at first": (
        looks(look(3.5, True), look(3.6, False, 200), look(3.7, True, 0, 0.1)),
        "had caught up",
    ),
    "it wavered and is whole at last": (
        looks(look(3.2, True), look(3.3, False), look(9, True, 0, 0.1), read=10),
        "0.100 s",
    ),
    "a look that could not be made counts neither way": (looks(look(3.2, None), look(3.5, True)), "0.400 s"),
    "a scheme that does not know how far it is behind": (looks(look(3.5, True, None)), "0.400 s"),
    "the link was slow": (disturbed_by("link-delay"), "All 55 acknowledged writes are there"),
    "the WAN flapped": (disturbed_by("wan-flapping"), "All 55 acknowledged writes are there"),
    "nothing was acknowledged while it was cut, and clients waited": (
        lambda r: edit_ops(
            r, lambda o: o.f == "write" and at(0) < o.invoked < at(3.2), outcome=Outcome.INFO, completed=at(3.2)
        ),
        "with an unknown outcome",
    ),
    "a write of unknown outcome is not there": (
        both(
            lambda r: add_ops(r, Operation(0, 1, "write", at(1.001), Outcome.INFO, None, "u-0", "v", A)),
            lose("u-0"),
        ),
        "0 took effect",
    ),
    "the service had been moved, and the first site was behind": (
        both(served_by_second, read_at(4, A)),
        "It was read at site-a",
    ),
    "a longer limit is allowed": (
        both(limits(catch_up_s=60), looks(look(3.2, False), look(40, True, 0, 0.1), read=41)),
        "36.900 s",
    ),
}


def judged(change: Change) -> tuple[Status, str]:
    verdict = judge("catch-up", change(caught_up()))
    return verdict.status, verdict.reason


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_it_passes_when(change: Change, reason: str) -> None:
    status, said = judged(change)
    assert status is Status.PASS, said
    assert reason in said


FAILING: dict[str, tuple[Change, str]] = {
    "a write from before the cut is gone": (lose("k-3"), "1 of 55 acknowledged writes is lost"),
    "a write from during the cut is gone": (lose("k-30"), "1 of 55 acknowledged writes is lost"),
    "a write from after the healing is gone": (lose("k-54"), "1 of 55 acknowledged writes is lost"),
    "everything from the cut on is gone": (
        lose(*(f"k-{n}" for n in range(21, 55))),
        "34 of 55 acknowledged writes are lost",
    ),
    "a write is there twice": (add(("k-30", "v30")), "there more often than written"),
    "a record nobody wrote is there": (add(("ghost", "1")), "nobody ever wrote"),
    "a record is there with another value": (
        both(lose("k-9"), add(("k-9", "else"))),
        "with a value that was never written under its key",
    ),
    "a write that was refused is there": (
        both(
            lambda r: add_ops(r, Operation(0, 1, "write", at(1.001), Outcome.FAIL, at(1.002), "r-0", "v", A)),
            add(("r-0", "v")),
        ),
        "although the client was told that it was refused",
    ),
    "it is never whole": (looks(look(3.2, False), look(35.2, False), read=36), "and still not 32.100 s after it"),
    "it is whole too late, and was seen not to be in between": (
        looks(look(3.2, False), look(33.6, True, 0, 0.1), read=34),
        "and was again only 30.500 s after it (limit 30 s)",
    ),
    "it is whole too late by the last look that was noted": (
        looks(look(3.2, False), look(33.3, False), look(33.6, True), read=34),
        "and still not 30.200 s",
    ),
    "it is whole, then not, and for longer than allowed": (
        looks(look(3.2, True), look(5, False), look(36, True, 0, 0.2), read=37),
        "was not whole 1.900 s after the link had healed, and was again only 32.900 s after it",
    ),
    "the end of what was written never arrives": (
        looks(look(3.2, True, 80), look(4, False, 80), look(36.1, False, None), read=37),
        "and still not 33.000 s",
    ),
    "losses that the profile allows for the loss of a site": (
        both(limits(rpo_operations=5), lose("k-30")),
        "1 of 55 acknowledged writes is lost",
    ),
    "a shorter limit is wanted": (
        both(limits(catch_up_s=1), looks(look(3.2, False), look(5, True, 0, 0.1))),
        "(limit 1 s)",
    ),
    "it catches up too late and loses": (
        both(lose("k-3"), looks(look(3.2, False), look(40, True, 0, 0.1), read=41)),
        "1 of 55 acknowledged writes is lost",
    ),
    "the site that serves has lost a write": (
        both(lose("k-3"), read_at(4, A)),
        "1 of 55 acknowledged writes is lost",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    status, said = judged(change)
    assert status is Status.FAIL, said
    assert reason in said


OPEN: dict[str, tuple[Change, str]] = {
    "no link fault is on record": (lambda r: drop_events(r, fault("link-cut")), "No link fault that was healed"),
    "the link was not healed": (
        lambda r: drop_events(r, fault("link-cut", "healed")),
        "No link fault that was healed",
    ),
    "the fault could not be injected": (
        lambda r: edit_events(
            drop_events(r, fault("link-cut", "injecting", "verified", "healing", "healed", "heal-verified")),
            fault("link-cut", "injected"),
            state="skipped",
            ok=False,
        ),
        "never injected",
    ),
    "the fault did not bite": (
        lambda r: edit_events(r, fault("link-cut", "verified"), ok=False),
        "did not show its effect",
    ),
    "nobody looked": (looks(), "Nobody looked"),
    "it was only looked at before the link healed": (looks(look(2, True)), "Nobody looked"),
    "it could not be looked at": (looks(look(3.4, None)), "Nobody looked"),
    "it was watched for too short a time": (looks(look(3.2, False), look(9, False), read=10), "for 5.900 s only"),
    "it ceased to be whole at last": (looks(look(3.2, True), look(3.6, False)), "for 0 ms only"),
    "nobody looked until it was late, and it was whole": (
        looks(look(34, True), read=35),
        "not looked at in time to tell whether it was late",
    ),
    "nobody looked between early and late": (
        looks(look(3.2, False), look(34, True), read=35),
        "not looked at in time",
    ),
    "it was read where the service is": (read_at(4, A), "not read back at site-b, the site that was behind"),
    "the service had been moved and it was read there": (
        served_by_second,
        "not read back at site-a, the site that was behind",
    ),
    "it was read before it had caught up": (read_at(3.4), "before replication was seen to be whole"),
    "it was read before it had caught up, and something is missing": (
        both(lose("k-30"), read_at(3.4)),
        "before replication was seen to be whole",
    ),
    "something is missing and may be under way": (
        both(lose("k-30"), looks(look(3.5, True, 300))),
        "1 acknowledged write is missing at site-b, but nobody looked whether replication was still under way",
    ),
    "what is missing was acknowledged after the last look": (
        both(lose("k-54"), looks(look(3.3, True))),
        "nobody looked whether replication was still under way",
    ),
    "it was read before the link healed": (read_at(1), "before replication was seen to be whole"),
    "nothing was read": (lambda r: drop_ops(r, lambda o: o.f == "scan"), "was not read back at site-b"),
    "the read was cut off": (
        lambda r: edit_ops(r, lambda o: o.complete, complete=False),
        "no complete final read",
    ),
    "nothing had been written before": (
        lambda r: read_again(
            drop_ops(r, lambda o: o.f == "write" and o.invoked < at(0)),
            lambda items: [i for i in items if int(i[0][2:]) > 20],
            4,
        ),
        "so there was nothing to lose",
    ),
    "the clients had stopped when the link was cut": (
        lambda r: read_again(
            drop_ops(r, lambda o: o.f == "write" and o.invoked > at(0)),
            lambda items: [i for i in items if int(i[0][2:]) < 21],
            4,
        ),
        "No client was writing when the link healed",
    ),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
    "a line cannot be read": (lambda r: replace(r, problems=("line 3 is torn",)), "cannot be read in full"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_neither_passes_nor_fails_when(change: Change, reason: str) -> None:
    status, said = judged(change)
    assert status in (Status.INCONCLUSIVE, Status.ERROR), said
    assert reason in said


def test_the_figure_is_from_the_healing_to_the_first_look_at_which_it_is_whole() -> None:
    assert judge("catch-up", caught_up()).figures["catch_up_s"] == 0.4
    assert judge("catch-up", looks(look(3.2, False))(caught_up())).figures["catch_up_s"] is None


def test_the_last_look_is_the_evidence_that_it_was_not_whole() -> None:
    verdict = judge("catch-up", looks(look(3.2, False), look(40, False), read=41)(caught_up()))
    assert [(e.kind, e.text) for e in verdict.evidence] == [("event", "site-a is active, unprotected.")]
