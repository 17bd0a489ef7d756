"""MS-GR-11: a copy that is not the volume, or not all of it, is found; and nothing else is called so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from builders import A, at, drop_events, edit_events, fault, info
from volume_records import (
    BLOCKS,
    CHECKS,
    SIZE,
    Copied,
    applied,
    digest,
    ending_with,
    held,
    image,
    synchronous,
    with_image,
    without_image,
    write,
    writes,
)

from conformance.checkers.registry import judge
from conformance.model import Event, ScenarioRecord, Status, Thresholds, Verdict
from conformance.model.volume import ZERO

Case = Callable[[], ScenarioRecord]
DONE = writes()


def both(record: ScenarioRecord) -> tuple[Verdict, Verdict]:
    """Whether everything is there, and whether the order is kept."""
    everything, order = (judge(name, record) for name in CHECKS)
    return everything, order


def copied(copy: dict[int, str], source: dict[int, str] | None = None, **changes: object) -> ScenarioRecord:
    return Copied(DONE, copy, source, changes=changes).record()


def changed(block: int, content: str) -> dict[int, str]:
    """The copy of everything acknowledged, with one block changed."""
    return {**applied(DONE[:-1]), block: content}


def two_volumes(journal: int, data: int) -> ScenarioRecord:
    """Odd writes go to the journal, even ones to the data; each copy holds what was written up to a number."""
    done = tuple(
        write(n, n % BLOCKS, start=-4 + n / 10.1, volume="journal" if n % 2 else "data") for n in range(1, 41)
    )  # fmt: skip
    images = {}
    for volume, last in (("journal", journal), ("data", data)):
        own = [w for w in done if w.volume == volume]
        images[f"first-before.{volume}"] = image(applied(()), site=A, taken=-4.5, volume=volume)
        images[f"second-after.{volume}"] = image(applied(w for w in own if w.seq <= last), volume=volume)
    return replace(synchronous().record(), block_writes=done, volumes=images)


def concurrent(*missing: int) -> ScenarioRecord:
    """Four writes of other blocks under way at once, then four more that began when those were acknowledged."""
    done = tuple(
        write(4 * turn + n, 4 * turn + n, start=-0.6 + 0.3 * turn + n / 1000, took=0.2) for turn in (0, 1)
        for n in (1, 2, 3, 4)
    )  # fmt: skip
    copy = applied(w for w in done if w.seq not in missing)
    return replace(Copied(done, copy).record(), info=info(thresholds=Thresholds(rpo_operations=4)))


def planned_move(record: ScenarioRecord) -> ScenarioRecord:
    plain = drop_events(record, lambda e: e.kind in ("fault", "scheme"))
    begun = Event(at(0), "scheme", "migrate", "begin", "site-b")
    return replace(plain, info=info(faults_planned=()), events=(*plain.events, begun))


def read_only_once(record: ScenarioRecord) -> ScenarioRecord:
    return replace(record, block_writes=())


def rewritten_alike() -> ScenarioRecord:
    """The last writes leave in the block what the first left there, and what was there before."""
    first, second = write(1, 4, start=-2), write(2, 4, start=-1)
    back = replace(write(3, 4, start=-0.5), digests=held(4))
    return Copied((first, second, back), applied(())).record()


def retried_after_an_error() -> ScenarioRecord:
    """Write 2 failed and did not happen; write 3 of another block did."""
    done = (write(1, 4, start=-2), write(2, 5, start=-1, acknowledged=False), write(3, 6, start=-0.5))
    return Copied(done, applied((done[0], done[2]))).record()


def waiting_since(stall: float) -> ScenarioRecord:
    """The link stalled this long before the loss: the last write waits."""
    done = (
        *[w for w in DONE if w.completed is not None and w.completed < at(stall)],
        write(90, 3, start=stall, took=None),
    )
    return Copied(done, applied(done[:-1])).record()


# Case: the record, and a piece of the reason for both checks.
GOOD: dict[str, tuple[Case, str]] = {
    "everything acknowledged is there": (lambda: synchronous().record(), "all 40 acknowledged writes are there"),
    "the write in flight took effect": (lambda: copied(applied(DONE)), "1 took effect"),
    "the write in flight is torn": (lambda: copied(changed(3, "f" * 16)), "1 took effect"),
    "the volume at its own site is gone": (lambda: copied(applied(DONE[:-1]), None), "are there"),
    "the volume was empty": (
        lambda: Copied(DONE, {b: c for b, c in applied(DONE[:-1]).items() if c != held(b)}, before={}).record(),
        "are there",
    ),
    "a block was zeroed": (
        lambda: Copied((replace(write(1, 4, start=-0.5), digests=ZERO),), {**applied(()), 4: ZERO}).record(),
        "all 1 acknowledged write are there",
    ),
    "a block holds again what it held before": (rewritten_alike, "writes up to 3"),
    "a write failed and did not happen": (retried_after_an_error, "0 took effect"),
    "writes were waiting since the link stalled": (lambda: waiting_since(-2.5), "are there"),
    "two volumes of one instant": (
        lambda: two_volumes(40, 40),
        "The copies of 2 volumes hold at site-b the writes up to 40",
    ),
    "writes of one queue arrived in another order": (
        lambda: concurrent(5, 7),
        "2 of 8 acknowledged writes are missing",
    ),
    "the last of a queue are missing as allowed": (lambda: concurrent(5, 6, 7, 8), "4 of 8"),
    "the profile allows what is missing": (
        lambda: replace(ending_with(38).record(), info=info(thresholds=Thresholds(rpo_operations=2))),
        "2 of 40 acknowledged writes are missing at the end",
    ),
    "a planned move copied everything": (lambda: planned_move(synchronous().record()), "are there"),
    "nobody wrote and both are equal": (
        lambda: read_only_once(copied(applied(DONE), applied(DONE))),
        f"All {BLOCKS} blocks of the copy are those of the volume",
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_copy_that_is_the_volume_passes(case: str) -> None:
    make, words = GOOD[case]
    for verdict in both(make()):
        assert verdict.status is Status.PASS, verdict.reason
        assert words in verdict.reason


# A copy of an instant that lacks what was acknowledged since: everything fails, the order holds.
INCOMPLETE: dict[str, tuple[Case, int, int]] = {
    "the last write is missing": (lambda: ending_with(39).record(), 1, 39),
    "the second half is missing": (lambda: ending_with(20).record(), 20, 20),
    "nothing was copied": (lambda: ending_with(0).record(), 40, 0),
    "more is missing than allowed": (
        lambda: replace(ending_with(37).record(), info=info(thresholds=Thresholds(rpo_operations=2))), 3, 37,
    ),
    "a write of two blocks is there by half": (
        lambda: copied({**applied(DONE[:39]), (40 * 7) % 15: digest(40, 0)}), 1, 40,
    ),
    "both volumes end at the same write": (lambda: two_volumes(30, 30), 10, 30),
}  # fmt: skip


@pytest.mark.parametrize("case", INCOMPLETE)
def test_a_copy_of_an_earlier_instant_fails_where_everything_was_promised(case: str) -> None:
    make, lost, last = INCOMPLETE[case]
    record = make()
    everything, order = both(record)
    assert everything.status is Status.FAIL, everything.reason
    assert f"{lost} of 40 acknowledged writes" in everything.reason
    assert f"The copy ends with write {last}." in everything.reason
    assert (everything.figures["rpo_operations"], everything.figures["prefix_k"]) == (lost, last)
    assert len([e for e in everything.evidence if e.kind == "lost write"]) == lost
    earliest = min(w.completed or 0 for w in record.block_writes if w.acknowledged and w.seq > last - (last == 40))
    assert everything.figures["rpo_s"] == pytest.approx((at(0.05) - earliest) / 1e9)
    if "allowed" not in case:
        assert order.status is Status.PASS, order.reason


BROKEN: dict[str, tuple[Case, str]] = {
    "a write in the middle was lost": (
        lambda: copied(applied(w for w in DONE[:-1] if w.seq != 32)), "Write 32 is not there in full, and write 40 is",
    ),
    "two writes changed places": (
        lambda: copied({**applied(DONE[:-1]), **{b: c for b, c in applied(DONE[:25]).items() if b == 7 * 26 % 15}}),
        "not what the volume was at any instant",
    ),
    "a block is torn": (lambda: copied(changed(8, "f" * 16)), "1 block holds what nobody wrote there, first block 8"),
    "a block that nobody wrote to changed": (lambda: copied(changed(15, "e" * 16)), "first block 15 of journal"),
    "a block that nobody wrote to is gone": (
        lambda: Copied((write(1, 4, start=-0.5),), {4: digest(1), 5: ZERO, 7: held(7)}).record(), "nobody wrote there",
    ),
    "a write went to another block": (lambda: copied({**changed(8, held(8)), 11: digest(39)}), "1 block holds what"),
    "the copy was overwritten with zeros": (lambda: copied({}), "hold what nobody wrote"),
    "two volumes of different instants": (lambda: two_volumes(40, 20), "not what the volume was at any instant"),
    "the newest of a queue is there and its forerunner is not": (
        lambda: concurrent(2), "Write 2 is not there in full, and write 8 is",
    ),
    "the copy is shorter": (
        lambda: with_image("second-after", size=(BLOCKS - 1) * SIZE, runs=((1, 1),), digests=held(1))(
            read_only_once(copied(applied(DONE), applied(DONE)))
        ),
        f"has {(BLOCKS - 1) * SIZE} bytes, the volume {BLOCKS * SIZE}",
    ),
    "the copy is longer": (
        lambda: with_image("second-after", size=(BLOCKS + 1) * SIZE)(synchronous().record()), "bytes, the volume",
    ),
    "a planned move left something behind": (
        lambda: planned_move(read_only_once(copied(changed(8, held(8)), applied(DONE[:-1])))),
        f"differs from the volume in 1 extent, {SIZE} bytes, the first in journal at byte {8 * SIZE}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_copy_that_never_was_the_volume_fails_both_checks(case: str) -> None:
    make, words = BROKEN[case]
    for verdict in both(make()):
        assert verdict.status is Status.FAIL, verdict.reason
        assert words in verdict.reason
        assert verdict.evidence or "bytes, the volume" in words


OPEN: dict[str, tuple[Case, str]] = {
    "the copy was never read": (lambda: without_image("second-after")(synchronous().record()), "never read"),
    "what the volume held before was never read": (
        lambda: without_image("first-before")(synchronous().record()), "held before the writes was never read",
    ),
    "it was written to while being read before": (
        lambda: with_image("first-before", ended=at(-3))(synchronous().record()), "while its first content",
    ),
    "the copy was read before the loss": (
        lambda: with_image("second-after", began=at(-1))(synchronous().record()), "before site-a was lost",
    ),
    "the copy is of the lost site": (
        lambda: with_image("second-after", site=A)(synchronous().record()), "at site-a, the site that was lost",
    ),
    "nothing happened": (
        lambda: replace(
            drop_events(synchronous().record(), lambda e: e.kind in ("fault", "scheme")), info=info(faults_planned=())
        ),
        "Nothing on record could have harmed a copy",
    ),
    "the site was not lost": (lambda: drop_events(synchronous().record(), fault("site-loss")), "Nothing on record"),
    "nothing was acknowledged before": (
        lambda: Copied((write(1, 4, start=0.2),), applied((write(1, 4, start=0.2),))).record(), "nothing to lose",
    ),
    "the writes had stopped long before": (
        lambda: Copied((write(1, 4, start=-3),), applied((write(1, 4, start=-3),))).record(), "nothing was at stake",
    ),
    "somebody else writes to the volume": (
        lambda: copied(changed(15, "e" * 16), {**applied(DONE), 15: "e" * 16}), "somebody else writes",
    ),
    "no write is on record and the images differ after a loss": (
        lambda: read_only_once(copied(changed(8, held(8)), applied(DONE[:-1]))), "is not known",
    ),
    "no write is on record and the volume was not read": (
        lambda: read_only_once(copied(applied(DONE))), "was not read at its own site",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OPEN)
def test_what_was_not_looked_at_is_neither_passed_nor_failed(case: str) -> None:
    make, words = OPEN[case]
    for verdict in both(make()):
        assert verdict.status is Status.INCONCLUSIVE, verdict.reason
        assert words in verdict.reason


CONTRADICTIONS: dict[str, tuple[Case, str]] = {
    "images in blocks of different sizes": (
        lambda: with_image("second-after", block_size=SIZE // 2, size=BLOCKS * SIZE)(synchronous().record()),
        "blocks of 256 and of 512 bytes",
    ),
    "a write beyond the end": (
        lambda: Copied((write(1, BLOCKS, start=-0.5),), applied(())).record(), f"touches block {BLOCKS} of journal",
    ),
    "two writes to a block at once": (
        lambda: Copied((write(1, 4, start=-0.5), write(2, 4, start=-0.495)), applied(())).record(),
        "their order is not known",
    ),
    "fewer digests than blocks": (
        lambda: Copied((replace(write(1, 4, 2, start=-0.5), digests=digest(1)),), applied(())).record(), "1 digests",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_record_that_contradicts_itself_is_an_error(case: str) -> None:
    make, words = CONTRADICTIONS[case]
    for verdict in both(make()):
        assert verdict.status is Status.ERROR, verdict.reason
        assert words in verdict.reason


def test_storage_that_cannot_replicate_here_is_not_applicable() -> None:
    missing = Event(at(-4), "observation", "storage-replication", "", A, None, "Install X.", {"available": False})
    record = without_image("second-after")(synchronous().record())
    for verdict in both(replace(record, events=(*record.events, missing))):
        assert verdict.status is Status.NOT_APPLICABLE
        assert verdict.reason == "Install X."


def test_the_differences_between_volume_and_copy_are_named() -> None:
    verdict, _ = both(ending_with(35).record())
    extents = [e for e in verdict.evidence if e.kind == "differing extent"]
    assert len(extents) == verdict.figures["differing_extents"]
    assert verdict.figures["first_difference"] == f"journal at byte {int(extents[0].ref.split(':')[1]) * SIZE}"
    source, copy = applied(DONE), applied(DONE[:35])
    assert verdict.figures["differing_bytes"] == SIZE * sum(source[b] != copy[b] for b in source)


def test_a_fault_that_did_not_bite_leaves_a_pass_open() -> None:
    record = edit_events(synchronous().record(), lambda e: e.name == "link-delay" and e.state == "verified", ok=False)
    assert both(record)[0].status is Status.INCONCLUSIVE
