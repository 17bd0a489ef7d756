"""MS-GR-03: a session that the second site does not know is found, and only a refusal counts as one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import (
    A,
    B,
    add_ops,
    at,
    clean,
    drop_events,
    drop_ops,
    edit_events,
    edit_ops,
    edit_read,
    fault,
    history,
    info,
)

from conformance.checkers.registry import judge
from conformance.model import Operation, Outcome, ScenarioRecord, Status, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("sessions", record)


def use(n: int, start: float, outcome: Outcome = Outcome.OK, error: str | None = None, **more: object) -> Operation:
    """A use of a worker's session by a client of its own."""
    given = {"site": B, "completed": at(start + 0.01), "key": f"subscriber-{n}", "value": f"token-{n}", **more}
    return Operation(0, 80 + n, "use-session", at(start), outcome, error=error, **given)  # type: ignore[arg-type]


def opening(n: int, start: float, outcome: Outcome = Outcome.OK, **more: object) -> Operation:
    given = {"site": A, "completed": at(start + 0.01), "key": f"subscriber-{n}", "value": f"token-{n}", **more}
    return Operation(0, 80 + n, "open-session", at(start), outcome, **given)  # type: ignore[arg-type]


def used(n: int | None = None) -> Callable[[Operation], bool]:
    return lambda o: o.f == "use-session" and (n is None or o.key == f"subscriber-{n}")


def scan(op: Operation) -> bool:
    return op.f == "scan"


def answered(error: str, n: int = 2, **fields: object) -> Change:
    """The final use of one session was answered so."""
    return lambda r: edit_ops(r, used(n), outcome=Outcome.FAIL, error=error, **fields)


GOOD: dict[str, Change] = {
    "each session is accepted once": lambda r: r,
    "a session is used again and again": lambda r: add_ops(r, *(use(1, 2 + i / 10) for i in range(8))),
    "a session opened after the loss is not owed": lambda r: add_ops(r, opening(9, 2, site=B)),
    "an opening that was never acknowledged is not owed": lambda r: add_ops(r, opening(9, -0.001, Outcome.INFO)),
    "an opening that was refused is not owed": lambda r: add_ops(r, opening(9, -1, Outcome.FAIL)),
    "the replica was behind before it took over": lambda r: add_ops(
        r, use(1, 0.7, Outcome.FAIL, "404 unknown session")
    ),
    "the service was not there yet": lambda r: add_ops(r, use(1, 0.7, Outcome.FAIL, "503 read-only")),
    "the service refused service after it was back": lambda r: add_ops(r, use(1, 2.7, Outcome.FAIL, "503 busy")),
    "a use timed out and was repeated": lambda r: add_ops(r, use(1, 2.7, Outcome.INFO, "no answer within 5 s")),
    "a refusal of the first site before the loss": lambda r: add_ops(r, use(1, -1, Outcome.FAIL, "404", site=A)),
    "uses are not part of the final read": lambda r: edit_ops(r, used(), final=False),
    "there is one session only": lambda r: replace(r, history=history(workers=1)),
    "some acknowledged writes are gone, but not all": lambda r: edit_read(r, lambda items: items[5:]),
    "a number in an error is not a status": lambda r: add_ops(r, use(1, 2.7, Outcome.FAIL, "503 shard 404 down")),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_every_session_survives_when(change: Change) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert "accepted at site-b, which went on from the state there was" in verdict.reason


FAILING: dict[str, tuple[Change, str]] = {
    "a session is unknown": (
        answered("404 unknown session"),
        "1 of 4 sessions opened before site-a was lost is refused",
    ),
    "a session is unauthorised": (answered("401 unknown session"), "is refused at site-b: subscriber-2"),
    "the status is written out": (answered("HTTP 404"), "refused"),
    "only the word is given": (answered("unknown session"), "refused"),
    "the final read refuses it though no write was ever acknowledged": (
        lambda r: answered("404")(drop_ops(r, lambda o: o.f == "write" and o.site == B)),
        "refused",
    ),
    "all are refused": (
        lambda r: edit_ops(r, used(), outcome=Outcome.FAIL, error="404 unknown session"),
        "4 of 4 sessions opened before site-a was lost are refused at site-b: subscriber-0, subscriber-1",
    ),
    "it is accepted after having been refused": (
        lambda r: add_ops(r, use(1, 3, Outcome.FAIL, "404 unknown session")),
        "subscriber-1",
    ),
    "it is refused after having been accepted": (
        lambda r: add_ops(r, use(1, 6, Outcome.FAIL, "404 unknown session")),
        "subscriber-1",
    ),
    "nothing written before the loss is there": (
        lambda r: edit_read(r, lambda items: [i for i in items if i[0].startswith("a-")]),
        "it started from its initial state",
    ),
    "nothing is there at all": (lambda r: edit_read(r, lambda _: []), "initial state"),
    "a session opened at the last moment is refused": (
        lambda r: add_ops(r, opening(7, -0.01, completed=at(-0.001)), use(7, 3, Outcome.FAIL, "404")),
        "subscriber-7",
    ),
    "a session acknowledged while the site went down is refused": (
        lambda r: add_ops(r, opening(7, -0.01, completed=at(0.03)), use(7, 3, Outcome.FAIL, "404")),
        "subscriber-7",
    ),
    "an answer of the lost site arrived late, and the session is refused": (
        lambda r: add_ops(r, opening(7, -0.01, completed=at(0.2)), use(7, 3, Outcome.FAIL, "404")),
        "subscriber-7",
    ),
    "one is refused where others are accepted, and nothing was ever written": (
        lambda r: add_ops(
            edit_ops(drop_ops(r, lambda o: o.f == "write" and o.site == B), used(), final=False),
            use(1, 3),
            use(2, 3.5, Outcome.FAIL, "404 unknown session"),
        ),
        "subscriber-2",
    ),
    "it is refused though a fault did not bite": (
        lambda r: edit_events(answered("404")(r), fault("link-delay", "verified"), ok=False),
        "This stands although",
    ),
    "it is refused in a run that was cut short": (
        lambda r: replace(answered("404")(r), finished=False),
        "This stands although",
    ),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason


OPEN: dict[str, tuple[Change, str]] = {
    "no session was opened": (lambda r: drop_ops(r, lambda o: o.f == "open-session"), "No session was opened before"),
    "one session was never used again": (
        lambda r: drop_ops(r, used(3)),
        "1 of 4 sessions opened before site-a was lost was not seen accepted or refused at site-b",
    ),
    "no session was used again": (lambda r: drop_ops(r, used()), "4 of 4 sessions"),
    "a session was only used at the first site": (lambda r: edit_ops(r, used(), site=A), "not seen accepted"),
    "a session was only used before the loss": (
        lambda r: edit_ops(r, used(0), invoked=at(-1), completed=at(-0.9)),
        "subscriber-0",
    ),
    "a use has an unknown outcome": (lambda r: edit_ops(r, used(0), outcome=Outcome.INFO), "subscriber-0"),
    "a use was answered by 503": (answered("503 read-only", 0), "subscriber-0"),
    "it was refused only before the takeover": (
        lambda r: edit_ops(
            r, used(0), outcome=Outcome.FAIL, error="404", invoked=at(0.7), completed=at(0.71), final=False
        ),
        "subscriber-0",
    ),
    "the records were not read": (lambda r: drop_ops(r, scan), "nothing on record shows whether"),
    "the records were read before the loss": (
        lambda r: edit_ops(r, scan, invoked=at(-1), completed=at(-0.9)),
        "nothing on record shows whether",
    ),
    "nothing was written before the loss": (
        lambda r: drop_ops(r, lambda o: o.f == "write" and o.site == A),
        "nothing on record shows whether",
    ),
    "the loss is not on record": (lambda r: drop_events(r, fault("site-loss")), "not on record"),
    "another site was lost": (lambda r: edit_events(r, fault("site-loss"), target=B), "not on record"),
    "no fault was planned": (
        lambda r: drop_events(replace(r, info=info(faults_planned=())), lambda e: e.kind == "fault"),
        "not on record",
    ),
    "the loss was not seen to bite": (
        lambda r: edit_events(r, fault("site-loss", "verified"), ok=False, detail="Keystone answered."),
        "Keystone answered",
    ),
    "the run was cut short": (lambda r: replace(r, finished=False), "cut short"),
    "nothing was recorded": (lambda r: replace(r, history=()), "No session was opened"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_the_evidence_names_the_session_and_when_it_was_refused() -> None:
    verdict = judged(answered("404 unknown session")(clean()))
    assert [e.text for e in verdict.evidence] == [
        "Session subscriber-2, opened 4.020 s before site-a was lost, was refused by site-b 4.820 s after site-a was "
        "lost: 404 unknown session."
    ]


def test_the_figures_add_up() -> None:
    record = drop_ops(answered("404")(clean()), used(3))
    figures = judged(add_ops(record, use(0, 0.7, Outcome.FAIL, "404"))).figures
    assert figures == {
        "sessions": 4,
        "survived": 2,
        "refused": 1,
        "not_used": 1,
        "refused_before_takeover": 1,
        "state_kept": True,
    }
