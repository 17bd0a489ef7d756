"""MS-GR-05: what was acknowledged and is gone is found, and nothing else is called lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import (
    A,
    B,
    add_events,
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
    lose,
    pages,
)

from conformance.checkers.registry import judge
from conformance.model import Event, Operation, Outcome, ScenarioRecord, Status, Thresholds, Verdict

Change = Callable[[ScenarioRecord], ScenarioRecord]


def judged(record: ScenarioRecord) -> Verdict:
    return judge("acknowledged-writes", record)


def write(key: str, start: float, outcome: Outcome = Outcome.OK, took: float = 0.01, **fields: object) -> Operation:
    """A write by a client of its own."""
    given = {"value": f"value of {key}", "site": A, "completed": at(start + took), **fields}
    return Operation(0, 90, "write", at(start), outcome, key=key, **given)  # type: ignore[arg-type]


def scan(op: Operation) -> bool:
    return op.f == "scan"


def acknowledged_before(op: Operation) -> bool:
    return op.f == "write" and op.outcome is Outcome.OK and op.site == A


def read_back(record: ScenarioRecord) -> ScenarioRecord:
    """The final read finds what was acknowledged, and nothing else."""
    acknowledged = {o.key for o in record.history if o.f == "write" and o.outcome is Outcome.OK}
    return edit_read(record, lambda items: [i for i in items if i[0] in acknowledged])


def later_loss(record: ScenarioRecord) -> ScenarioRecord:
    """The site was lost 4.2 s later than planned, when the final read was under way."""
    return replace(
        record,
        events=tuple(replace(e, t=e.t + 4_200_000_000) if e.name == "site-loss" else e for e in record.events),
    )


def stalled(record: ScenarioRecord) -> ScenarioRecord:
    """Synchronous replication over a link that stalled 2 s before the loss: clients wait, nothing is acknowledged."""
    late = read_back(drop_ops(record, lambda o: acknowledged_before(o) and o.invoked > at(-2)))
    return edit_ops(late, lambda o: o.key and o.key.startswith("u-"), invoked=at(-1.99), completed=at(3))


def retried_page(record: ScenarioRecord) -> ScenarioRecord:
    page = next(o for o in record.history if scan(o) and o.key == "20")
    failed = replace(page, outcome=Outcome.INFO, invoked=at(3.99), completed=at(3.995), items=(), process=4)
    return add_ops(record, replace(failed, invoked=at(4.19), completed=at(4.2)))


def restarted_read(record: ScenarioRecord) -> ScenarioRecord:
    """The client read one page, then began from the top."""
    first = next(o for o in record.history if scan(o) and o.key is None)
    return add_ops(record, replace(first, invoked=at(3.8), completed=at(3.81)))


def first_page_failed(record: ScenarioRecord) -> ScenarioRecord:
    small = replace(record, history=history(before=8, after=4))
    page = next(o for o in small.history if scan(o))
    return add_ops(
        small, replace(page, outcome=Outcome.FAIL, items=(), complete=False, invoked=at(3.8), completed=at(3.81))
    )


def failed_back(record: ScenarioRecord) -> ScenarioRecord:
    back = Event(at(3.7), "scheme", "failback", "end", A, True)
    return edit_ops(add_events(record, back), scan, site=A)


def moved(record: ScenarioRecord) -> ScenarioRecord:
    """A planned move without any fault."""
    plain = replace(record, info=info(faults_planned=()))
    plain = drop_events(plain, lambda e: e.kind == "fault" or e.kind == "scheme")
    return add_events(plain, Event(at(-0.01), "scheme", "migrate", "begin", B))


GOOD: dict[str, tuple[Change, str]] = {
    "everything is there": (lambda r: r, "All 60 acknowledged writes are there, 40 of them"),
    "an unknown write that took effect is no surprise": (lambda r: r, "2 took effect"),
    "no unknown write took effect": (lose("u-0", "u-1"), "0 took effect"),
    "a refused write is not owed": (lambda r: edit_ops(r, lambda o: o.key == "r-0", error="503"), "are there"),
    "writes block while the link is stalled": (stalled, "clients were waiting"),
    "a page that failed was asked for again": (retried_page, "are there"),
    "the final read started over": (restarted_read, "are there"),
    "the first page failed once": (first_page_failed, "All 12 acknowledged writes are there"),
    "everything fits one page": (lambda r: edit_read(r, list, size=1000), "are there"),
    "no cursors are recorded": (lambda r: edit_ops(r, scan, key=None), "are there"),
    "the profile allows a few losses": (
        lambda r: lose("b-39")(replace(r, info=info(thresholds=Thresholds(rpo_operations=2)))),
        "1 of 60 acknowledged writes are lost, which the profile allows",
    ),
    "a write was retried under its key and both attempts took effect": (
        lambda r: edit_read(
            add_ops(r, write("b-1", -0.5, value="v1"), write("b-1", -0.4, Outcome.INFO, value="v1")),
            lambda items: [*items, ("b-1", "v1"), ("b-1", "v1")],
        ),
        "are there",
    ),
    "a write without an answer is not owed": (
        lambda r: add_ops(r, write("hung", -0.5, Outcome.INFO, completed=None)),
        "are there",
    ),
    "the service has come back to the first site": (failed_back, "are there"),
    "a planned move": (moved, "from before the service was moved to site-b"),
    "the same value under many keys": (
        lambda r: edit_read(
            edit_ops(r, lambda o: o.f == "write", value="same"), lambda items: [(k, "same") for k, _ in items]
        ),
        "are there",
    ),
}


@pytest.mark.parametrize(("change", "reason"), GOOD.values(), ids=GOOD)
def test_nothing_is_lost_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.PASS, verdict.reason
    assert reason in verdict.reason


FAILING: dict[str, tuple[Change, str]] = {
    "one write before the loss is gone": (lose("b-39"), "1 of 60 acknowledged writes is lost, the earliest"),
    "many are gone": (lose(*(f"b-{n}" for n in range(10, 40))), "30 of 60 acknowledged writes are lost"),
    "a write after the failover is gone": (lose("a-3"), "1 of 60 acknowledged writes is lost"),
    "everything is gone": (lambda r: edit_read(r, lambda _: []), "60 of 60 acknowledged writes are lost"),
    "a record nobody wrote": (
        lambda r: edit_read(r, lambda items: [*items, ("ghost", "boo")]),
        "1 record is there that nobody ever wrote",
    ),
    "a record is there twice": (
        lambda r: edit_read(r, lambda items: [*items, items[5]]),
        "1 record is there more often than written",
    ),
    "an unknown write is there twice": (
        lambda r: edit_read(r, lambda items: [*items, ("u-0", "vu0")]),
        "more often than written",
    ),
    "a value has changed": (
        lambda r: edit_read(r, lambda items: [(k, "rotten" if k == "b-7" else v) for k, v in items]),
        "1 acknowledged write is there with a value that was never written under its key",
    ),
    "two values are swapped": (
        lambda r: edit_read(r, lambda items: [(k, {"b-7": "v8", "b-8": "v7"}.get(k, v)) for k, v in items]),
        "2 acknowledged writes are there with a value",
    ),
    "a key holds its value and another": (
        lambda r: edit_read(r, lambda items: [*items, ("b-7", "other")]),
        "1 record is there that nobody ever wrote",
    ),
    "an unknown write came out with another value": (
        lambda r: edit_read(r, lambda items: [(k, "half" if k == "u-0" else v) for k, v in items]),
        "that nobody ever wrote",
    ),
    "a refused write is there": (
        lambda r: edit_read(r, lambda items: [*items, ("r-0", "vr0")]),
        "told that it was refused",
    ),
    "of two acknowledged attempts one is there": (
        lambda r: add_ops(r, write("b-1", -0.5, value="v1")),
        "1 of 61 acknowledged writes is lost",
    ),
    "more is gone than the profile allows": (
        lambda r: lose("b-37", "b-38", "b-39")(replace(r, info=info(thresholds=Thresholds(rpo_operations=2)))),
        "3 of 60 acknowledged writes are lost where the profile allows 2",
    ),
    "loss, doubling and ghosts at once": (
        lambda r: edit_read(lose("b-39")(r), lambda items: [*items, items[0], ("ghost", "boo")]),
        "lost",
    ),
    "a loss although no fault bit": (
        lambda r: edit_events(lose("b-39")(r), fault("link-delay", "verified"), ok=False),
        "This stands although",
    ),
    "a loss in a run that was cut short": (lambda r: replace(lose("b-39")(r), finished=False), "This stands although"),
}


@pytest.mark.parametrize(("change", "reason"), FAILING.values(), ids=FAILING)
def test_it_fails_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.FAIL, verdict.reason
    assert reason in verdict.reason
    assert verdict.evidence


OPEN: dict[str, tuple[Change, str]] = {
    "there is no final read": (lambda r: drop_ops(r, scan), "no complete final read"),
    "the final read never reached its end": (lambda r: edit_ops(r, scan, complete=False), "no complete final read"),
    "a page of the final read is missing": (
        lambda r: edit_ops(r, lambda o: scan(o) and o.key == "20", outcome=Outcome.INFO, items=()),
        "no complete final read",
    ),
    "a page failed and no cursors tell what followed": (
        lambda r: edit_ops(edit_ops(r, lambda o: scan(o) and o.key == "20", outcome=Outcome.FAIL), scan, key=None),
        "no complete final read",
    ),
    "the pages are of two sites": (
        lambda r: edit_ops(r, lambda o: scan(o) and o.key is None, site=A),
        "no complete final read of one site",
    ),
    "a scan was not the final one": (lambda r: edit_ops(r, scan, final=False), "no complete final read"),
    "the read was of the lost site": (lambda r: edit_ops(r, scan, site=A), "not by the redundant one"),
    "the read came before the loss": (
        lambda r: later_loss(edit_read(add_ops(r, write("x", 3.5, site=B)), lambda i: [*i, ("x", "value of x")])),
        "so it does not show what survived",
    ),
    "the loss came long after the load": (later_loss, "the load had stopped"),
    "nothing was written before the loss": (
        lambda r: lose(*(f"b-{n}" for n in range(40)))(drop_ops(r, acknowledged_before)),
        "No write was acknowledged before site-a was lost",
    ),
    "the load had stopped before the loss": (
        lambda r: read_back(drop_ops(r, lambda o: o.f == "write" and at(-2) < o.invoked < at(1))),
        "the load had stopped",
    ),
    "the clients had died waiting before the loss": (
        lambda r: read_back(
            add_ops(
                drop_ops(r, lambda o: o.f == "write" and o.invoked > at(-2)),
                write("hung", -2.5, Outcome.INFO, completed=None),
            )
        ),
        "the load had stopped",
    ),
    "a write was acknowledged during the final read": (
        lambda r: add_ops(r, write("late", 4.1, site=B)),
        "1 write was acknowledged after the final read began",
    ),
    "the loss is not on record": (
        lambda r: drop_events(r, fault("site-loss")),
        "never injected",
    ),
    "nothing happened at all": (
        lambda r: drop_events(replace(r, info=info(faults_planned=())), lambda e: e.kind in ("fault", "scheme")),
        "Nothing on record could have lost a write",
    ),
    "the link fault did not bite": (
        lambda r: edit_events(r, fault("link-delay", "verified"), ok=False, detail="The round trip takes 1 ms."),
        "did not show its effect: The round trip takes 1 ms",
    ),
    "the run was cut short": (lambda r: replace(r, finished=False), "The run was cut short"),
    "nothing was recorded": (lambda r: replace(r, history=()), "no complete final read"),
}


@pytest.mark.parametrize(("change", "reason"), OPEN.values(), ids=OPEN)
def test_it_stays_open_when(change: Change, reason: str) -> None:
    verdict = judged(change(clean()))
    assert verdict.status is Status.INCONCLUSIVE, verdict.reason
    assert reason in verdict.reason


def test_every_class_is_counted() -> None:
    def change(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        kept = [i for i in items if i[0] not in {"b-38", "b-39"}]
        return [*kept, ("ghost", "boo"), ("b-0", "v0"), ("r-0", "vr0")]

    figures = judged(edit_read(clean(), change)).figures
    assert {name: figures[name] for name in ("attempted", "acknowledged", "refused", "unknown")} == {
        "attempted": 68,
        "acknowledged": 60,
        "refused": 4,
        "unknown": 4,
    }
    assert {name: figures[name] for name in ("present", "lost", "recovered", "unexpected", "duplicated")} == {
        "present": 58,
        "lost": 2,
        "recovered": 2,
        "unexpected": 1,
        "duplicated": 1,
    }
    assert figures["refused_but_present"] == 1
    assert figures["rpo_operations"] == 2


def test_the_rpo_in_seconds_reaches_back_to_the_earliest_lost_acknowledgement() -> None:
    record = add_ops(clean(), write("w1", -0.76, took=0.01), write("w2", -0.26, took=0.01))
    verdict = judged(record)
    assert verdict.figures["rpo_s"] == pytest.approx(0.05 + 0.75)
    assert [e.text for e in verdict.evidence] == [
        "The write of w1 was acknowledged by site-a 0.800 s before site-a was lost, and is not there.",
        "The write of w2 was acknowledged by site-a 0.300 s before site-a was lost, and is not there.",
    ]


def test_what_was_acknowledged_only_after_the_loss_has_no_rpo_in_seconds() -> None:
    verdict = judged(lose("a-3")(clean()))
    assert verdict.figures["rpo_operations"] == 1
    assert verdict.figures["rpo_s"] is None


def test_with_nothing_lost_the_rpo_is_zero() -> None:
    figures = judged(clean()).figures
    assert (figures["rpo_operations"], figures["rpo_s"]) == (0, 0.0)


def test_at_most_200_lost_writes_are_named_and_all_are_counted() -> None:
    record = replace(clean(), history=history(before=1000))
    verdict = judged(edit_read(record, lambda items: [i for i in items if not i[0].startswith("b-")]))
    assert verdict.figures["lost"] == 1000
    assert sum(e.kind == "lost write" for e in verdict.evidence) == 200


def test_the_later_of_two_complete_reads_counts() -> None:
    record = clean()
    items = [item for op in record.history if scan(op) for item in op.items]
    early = pages([i for i in items if i[0] != "b-1"], process=50, start=2.9)
    assert judged(add_ops(record, *early)).status is Status.PASS
    late = pages([i for i in items if i[0] != "b-1"], process=50, start=6)
    assert judged(add_ops(record, *late)).status is Status.FAIL


def test_unreadable_lines_make_it_an_error_even_over_a_loss() -> None:
    record = replace(lose("b-39")(clean()), problems=("history.jsonl line 7: not JSON.",))
    verdict = judged(record)
    assert verdict.status is Status.ERROR
    assert "history.jsonl line 7: not JSON." in verdict.reason
    assert "is lost" in verdict.reason


def test_a_pass_says_how_much_was_at_stake_and_when_last() -> None:
    verdict = judged(clean())
    assert verdict.reason == (
        "All 60 acknowledged writes are there, 40 of them from before site-a was lost. Of 4 writes with an unknown "
        "outcome 2 took effect."
    )
    last = max(o.completed or 0 for o in clean().history if acknowledged_before(o))
    assert verdict.figures["last_acknowledged_before_s"] == pytest.approx((at(0) - last) / 1e9, abs=1e-6)
    assert verdict.figures["acknowledged_before"] == 40
