"""One violation planted in the copy of a volume is always found; a clean copy never fails; small copies are judged as
by trying out everything that could have happened."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

from builders import A, at, info
from hypothesis import given, settings
from hypothesis import strategies as st
from volume_records import SIZE, Copied, applied, image, with_image, write

from conformance.checkers.registry import judge
from conformance.checkers.write_order import chains, cut
from conformance.model import BlockWrite, ScenarioRecord, Status, Thresholds
from conformance.model.volume import DIGEST, ZERO

BLOCKS = 1000
WRITES = 1500


@cache
def large() -> tuple[BlockWrite, ...]:
    """Writes of 1 to 3 blocks, one after the other, all acknowledged."""
    return tuple(
        write(n, (n * 7919) % (BLOCKS - 3), 1 + n % 3, start=-3.9 + 3.8 * n / WRITES, took=0.0005)
        for n in range(1, WRITES + 1)
    )


@cache
def large_record() -> ScenarioRecord:
    copied = Copied(large(), applied(large(), BLOCKS)).record()
    before = image(applied((), BLOCKS), site=A, taken=-4.5, blocks=BLOCKS)
    after = image(applied(large(), BLOCKS), blocks=BLOCKS)
    return replace(copied, volumes={"first-before": before, "second-after": after})


def record_with(copy: dict[int, str]) -> ScenarioRecord:
    found = image(copy, blocks=BLOCKS)
    return with_image("second-after", runs=found.runs, digests=found.digests)(large_record())


@cache
def last_writers() -> dict[int, int]:
    """By block, the last write to it."""
    return {w.offset // SIZE + n: w.seq for w in large() for n in range(len(w.digests) // DIGEST)}


numbers = st.integers(1, WRITES)


def test_the_clean_copy_passes() -> None:
    for check in ("volume-copy", "volume-order"):
        assert judge(check, large_record()).status is Status.PASS


@settings(max_examples=40)
@given(numbers)
def test_one_lost_write_is_found(seq: int) -> None:
    """It is found unless later writes covered all of it; then nothing is missing, and nothing is said to be."""
    verdict = judge("volume-copy", record_with(applied([w for w in large() if w.seq != seq], BLOCKS)))
    if seq not in last_writers().values():
        assert verdict.status is Status.PASS, verdict.reason
        return
    assert verdict.status is Status.FAIL
    assert ("lost write", str(seq)) in [(e.kind, e.ref) for e in verdict.evidence]
    order = judge("volume-order", record_with(applied([w for w in large() if w.seq != seq], BLOCKS)))
    assert order.status is (Status.PASS if seq == WRITES else Status.FAIL)


@settings(max_examples=40)
@given(st.integers(0, BLOCKS - 4), st.data())
def test_one_overwritten_block_that_fell_back_is_found(block: int, data: st.DataObject) -> None:
    """A block holds what an earlier write put there, though a later one followed."""
    there = [w for w in large() if w.offset // SIZE <= block < (w.offset + w.length) // SIZE]
    if len(there) < 2:
        return
    older = data.draw(st.sampled_from(there[:-1]))
    content = older.digests[DIGEST * (block - older.offset // SIZE) :][:DIGEST]
    record = record_with({**applied(large(), BLOCKS), block: content})
    verdict = judge("volume-order", record)
    # If all that is missing is the very last write, that is no disorder, only a loss.
    only_the_last = there[-1].seq == WRITES and older is there[-2]
    assert verdict.status is (Status.PASS if only_the_last else Status.FAIL), verdict.reason
    assert judge("volume-copy", record).status is Status.FAIL


@settings(max_examples=40)
@given(st.integers(0, BLOCKS - 1), st.integers(1, 2**60 - 1))
def test_one_torn_block_is_found_and_named(block: int, content: int) -> None:
    verdict = judge("volume-order", record_with({**applied(large(), BLOCKS), block: f"f{content:015x}"}))
    assert verdict.status is Status.FAIL
    assert [e.ref for e in verdict.evidence if e.kind == "unexplained block"] == [f"journal:{block}"]


@settings(max_examples=40)
@given(st.integers(0, WRITES))
def test_every_prefix_is_told_with_its_length(k: int) -> None:
    record = record_with(applied(large()[:k], BLOCKS))
    order, everything = judge("volume-order", record), judge("volume-copy", record)
    assert order.status is Status.PASS, order.reason
    assert order.figures["prefix_k"] == k
    assert everything.figures["rpo_operations"] == WRITES - k
    assert (everything.status is Status.PASS) == (k == WRITES)


# Small worlds, in which everything that could have happened is tried out.

SMALL = 4
CONTENTS = [f"{n:016x}" for n in range(1, 4)]


@st.composite
def small_writes(draw: st.DrawFn) -> tuple[BlockWrite, ...]:
    """Up to five writes of one or two blocks out of three contents, so that many blocks look alike; some at once, some
    never acknowledged. Acknowledged writes to one block never overlap in time."""
    found: list[BlockWrite] = []
    now = 10
    for seq in range(1, draw(st.integers(1, 5)) + 1):
        blocks = draw(st.integers(1, 2))
        first = draw(st.integers(0, SMALL - blocks))
        touched = set(range(first, first + blocks))
        busy = max((w.completed or 0 for w in found if touched & set(_touched(w))), default=0)
        now = max(now + 1, busy if draw(st.booleans()) else busy + 1)
        took = draw(st.integers(1, 6))
        answered, acknowledged = draw(st.sampled_from([(True, True), (True, True), (True, False), (False, False)]))
        digests = "".join(draw(st.sampled_from(CONTENTS)) for _ in range(blocks))
        completed = now + took if answered else None
        found.append(BlockWrite(seq, "journal", first * SIZE, blocks * SIZE, digests, now, completed, acknowledged))
    return tuple(found)


def _touched(w: BlockWrite) -> range:
    return range(w.offset // SIZE, (w.offset + w.length) // SIZE)


def tried_out(done: tuple[BlockWrite, ...], copy: dict[int, str], before: dict[int, str]) -> int | None:
    """The fewest acknowledged writes that can be missing, over all that may have happened; None if nothing explains the
    copy. What may have happened is any choice of single blocks of writes that has, with each of them, all that was
    acknowledged before it was begun."""
    parts = [(w, block) for w in done for block in _touched(w)]
    best: int | None = None
    for size in range(len(parts) + 1):
        for chosen in combinations(parts, size):
            newest = max((w.invoked for w, _ in chosen), default=-1)
            owed = [p for p in parts if p[0].acknowledged and (p[0].completed or 0) <= newest]
            if any(p not in chosen for p in owed) or not _explains(chosen, done, copy, before):
                continue
            lost = len({w.seq for w, b in parts if w.acknowledged and (w, b) not in chosen})
            best = lost if best is None else min(best, lost)
    return best


def _explains(
    chosen: tuple[tuple[BlockWrite, int], ...],
    done: tuple[BlockWrite, ...],
    copy: dict[int, str],
    before: dict[int, str],
) -> bool:
    for block, content in copy.items():
        last = next((w for w, b in reversed(chosen) if b == block), None)
        meant = before[block] if last is None else _left(last, block)
        possible = {before[block], *(_left(w, block) for w in done if block in _touched(w))}
        torn = last is not None and not last.acknowledged and content not in possible
        if content != meant and not torn:
            return False
    return True


def _left(w: BlockWrite, block: int) -> str:
    return w.digests[DIGEST * (block - w.offset // SIZE) :][:DIGEST]


@settings(max_examples=300)
@given(small_writes(), st.lists(st.sampled_from([*CONTENTS, ZERO, "f" * 16]), min_size=SMALL, max_size=SMALL))
def test_the_instant_is_found_exactly_when_trying_everything_finds_one(
    done: tuple[BlockWrite, ...], contents: list[str]
) -> None:
    before = {0: ZERO, 1: CONTENTS[0], 2: ZERO, 3: CONTENTS[1]}
    written = {b for w in done for b in _touched(w)}
    copy = {b: contents[b] if b in written else before[b] for b in before}
    _compare(done, copy, before)


@settings(max_examples=200)
@given(small_writes(), st.data())
def test_what_really_happened_is_always_explained(done: tuple[BlockWrite, ...], data: st.DataObject) -> None:
    before = {0: ZERO, 1: CONTENTS[0], 2: ZERO, 3: CONTENTS[1]}
    instant = data.draw(st.integers(0, 60))
    copy = dict(before)
    for w in done:
        if w.acknowledged and (w.completed or 0) <= instant:
            happened = list(_touched(w))
        elif w.invoked <= instant:
            happened = data.draw(st.lists(st.sampled_from(list(_touched(w))), unique=True))
        else:
            happened = []
        copy.update((b, _left(w, b)) for b in happened)
    assert _compare(done, copy, before) is not None


def _compare(done: tuple[BlockWrite, ...], copy: dict[int, str], before: dict[int, str]) -> int | None:
    images = {"journal": image(copy, blocks=SMALL)}, {"journal": image(before, site=A, blocks=SMALL)}
    found = cut(chains(done, {"journal": SIZE}), *images)
    lost = tried_out(done, copy, before)
    assert (not found.contradicting and not found.foreign) == (lost is not None), found
    if lost is not None:
        assert len(found.missing) == lost
    return lost


def test_a_profile_that_allows_losses_still_wants_the_order() -> None:
    gap = [w for w in large() if w.seq != WRITES - 4]
    record = replace(record_with(applied(gap, BLOCKS)), info=info(thresholds=Thresholds(rpo_operations=10)))
    assert judge("volume-copy", record).status is Status.FAIL
    assert at(0) > (large()[-1].completed or 0)
