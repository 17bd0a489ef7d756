"""MS-GR-11: a volume's copy at the other site is the volume: all that was acknowledged, in the order of writing.

Two checks on the same analysis. ``check`` asks for every acknowledged write (as many may be missing as the profile
allows); ``check_order`` only that the copy is what the volume was at some instant, as an asynchronous copy may be.
Several volumes are judged together: they must all be of the same instant, or what spans two of them is torn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conformance.checkers.recovery_point import Acknowledged, allowance, judge_age
from conformance.checkers.timeline import SiteLoss, TurningPoint, turning_point
from conformance.checkers.volume_images import Contradiction, Place, Volumes
from conformance.checkers.words import NANO, count, seconds, span, verb
from conformance.checkers.write_order import Cut, Written, chains, cut
from conformance.model import BlockWrite, Evidence, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue

OBSERVATION = "storage-replication"
NAMED_WRITES = 200
NAMED_PLACES = 50
LOOK_BACK = NANO


def check(record: ScenarioRecord) -> Verdict:
    """Judge the copies: nothing acknowledged is missing beyond ``rpo_operations`` and ``rpo_s`` of the profile, and the
    order is kept. Figures: every class's total, ``prefix_k``, ``rpo_operations`` and ``rpo_s``, and how much differs
    from the source."""
    return _judge(record, everything=True)


def check_order(record: ScenarioRecord) -> Verdict:
    """Judge only that each copy is what its volume was at one instant. The same figures."""
    return _judge(record, everything=False)


def _judge(record: ScenarioRecord, *, everything: bool) -> Verdict:
    images = Volumes.of(record)
    turn = turning_point(record)
    absent = sorted({w.volume for w in record.block_writes} - images.copy.keys())
    if not images.copy or absent:
        return _no_copy(record, absent)
    try:
        written = chains(record.block_writes, images.block_sizes())
        images.check_range(written)
    except (Contradiction, ValueError) as error:
        return Verdict(Status.ERROR, f"The record of the volumes contradicts itself: {error}.")
    figures, evidence = _difference(images)
    if not record.block_writes:
        return _images_only(record, images, turn, figures, evidence)
    found = cut(written, images.copy, images.before)
    strange = [*found.foreign, *images.untouched(written)]
    unrecorded = [place for place in strange if images.same_at_source(place)]
    unexplained = [place for place in strange if not images.same_at_source(place)]
    figures |= _figures(record, found, unexplained, unrecorded, turn)
    evidence += tuple(_evidence(found, unexplained, written, images, turn))
    limits = record.info.thresholds
    allowed = allowance(limits, turn)
    violations = [*images.other_sizes(), *_violations(found, unexplained)]
    if everything and allowed is not None and len(found.missing) > allowed:
        violations.append(_missing(record, found, turn, allowed))
    missing = [Acknowledged(_acknowledged_at(w), record.info.first_site) for w in found.missing]
    age = judge_age(limits, missing, turn) if everything else None
    if age and age[0] is Status.FAIL:
        violations.append(age[1])
    if violations:
        return Verdict(Status.FAIL, " ".join(violations), figures, evidence)
    doubt = _doubt(record, images, found, unrecorded, turn)
    if age and age[0] is Status.INCONCLUSIVE:
        doubt = f"{age[1]} {doubt}".rstrip()
    if doubt:
        return Verdict(Status.INCONCLUSIVE, doubt, figures, evidence)
    said = _held(record, images, found)
    return Verdict(Status.PASS, f"{said} {age[1]}" if age else said, figures, evidence)


def _no_copy(record: ScenarioRecord, absent: Iterable[str]) -> Verdict:
    for event in record.events:
        if event.kind == "observation" and event.name == OBSERVATION and event.observed.get("available") is False:
            return Verdict(Status.NOT_APPLICABLE, event.detail)
    named = f" of {', '.join(absent)}" if absent else ""
    return Verdict(Status.INCONCLUSIVE, f"The copy{named} was never read, so what it holds is not known.")


def _difference(images: Volumes) -> tuple[dict[str, FigureValue], tuple[Evidence, ...]]:
    """How the copies differ from the volumes they were made of, where those could still be read."""
    if not images.comparable():
        return {}, ()
    extents = images.differing()
    sizes = {name: image.block_size for name, image in images.copy.items()}
    figures: dict[str, FigureValue] = {
        "differing_extents": len(extents),
        "differing_bytes": sum(e.blocks * sizes[name] for name, e in extents),
    }
    if extents:
        figures["first_difference"] = f"{extents[0][0]} at byte {extents[0][1].first * sizes[extents[0][0]]}"
    return figures, tuple(
        Evidence(
            "differing extent",
            f"{name}:{e.first}",
            f"{count(e.blocks, 'block')} of {name} from byte {e.first * sizes[name]} on "
            f"{verb(e.blocks, 'differs', 'differ')} between {images.source[name].site} and {images.copy[name].site}.",
        )
        for name, e in extents[:NAMED_PLACES]
    )


def _images_only(
    record: ScenarioRecord,
    images: Volumes,
    turn: TurningPoint | None,
    figures: dict[str, FigureValue],
    evidence: tuple[Evidence, ...],
) -> Verdict:
    """Nobody recorded what was written: all that can be said is whether copy and volume are equal."""
    if sizes := list(images.other_sizes()):
        return Verdict(Status.FAIL, " ".join(sizes), figures, evidence)
    alone = sorted(images.copy.keys() - images.source.keys())
    if alone:
        reason = f"No write is on record, and {', '.join(alone)} was not read at its own site to compare it with."
        return Verdict(Status.INCONCLUSIVE, reason, figures, evidence)
    n = int(figures["differing_extents"] or 0)
    if n and isinstance(turn, SiteLoss):
        reason = (
            f"{count(n, 'extent')} {verb(n, 'differs', 'differ')}, the first in {figures['first_difference']}; no "
            "write is on record, so whether what the copy lacks had been acknowledged is not known."
        )
        return Verdict(Status.INCONCLUSIVE, reason, figures, evidence)
    if n:
        reason = (
            f"The copy differs from the volume in {count(n, 'extent')}, {figures['differing_bytes']} bytes, the first "
            f"in {figures['first_difference']}."
        )
        return Verdict(Status.FAIL, reason, figures, evidence)
    doubt = _read_too_early(images, turn)
    if doubt:
        return Verdict(Status.INCONCLUSIVE, doubt, figures, evidence)
    total = sum(image.blocks for image in images.copy.values())
    return Verdict(Status.PASS, f"All {total} blocks of the copy are those of the volume.", figures, evidence)


def _figures(
    record: ScenarioRecord,
    found: Cut,
    unexplained: list[Place],
    unrecorded: list[Place],
    turn: TurningPoint | None,
) -> dict[str, FigureValue]:
    acknowledged = sum(w.acknowledged for w in record.block_writes)
    missing = len(found.missing)
    exposed: float | None = 0.0
    if found.missing:
        earliest = _acknowledged_at(found.missing[0])
        exposed = None if turn is None or earliest > turn.done else seconds(turn.done - earliest)
    return {
        "attempted": len(record.block_writes),
        "acknowledged": acknowledged,
        "unknown": len(record.block_writes) - acknowledged,
        "present": acknowledged - missing,
        "lost": missing,
        "partial": found.partial,
        "recovered": found.recovered,
        "prefix_k": None if found.contradicting else found.last,
        "out_of_order_blocks": len(found.contradicting),
        "unexplained_blocks": len(unexplained),
        "unrecorded_blocks": len(unrecorded),
        "rpo_operations": missing,
        "rpo_s": exposed,
    }


def _violations(found: Cut, unexplained: list[Place]) -> Iterator[str]:
    if found.contradicting:
        n = len(found.contradicting)
        yield (
            "The copy is not what the volume was at any instant: at the one that explains most of it, "
            f"{count(n, 'block')} {verb(n, 'does', 'do')} not fit."
        )
        if found.witness:
            gone, there = found.witness
            yield (
                f"Write {gone.seq} is not there in full, and write {there.seq} is, though it was begun "
                f"{span(there.invoked - _acknowledged_at(gone))} after {gone.seq} had been acknowledged."
            )
    if unexplained:
        (name, block), n = unexplained[0], len(unexplained)
        yield f"{count(n, 'block')} {verb(n, 'holds', 'hold')} what nobody wrote there, first block {block} of {name}."


def _missing(record: ScenarioRecord, found: Cut, turn: TurningPoint | None, allowed: int) -> str:
    n, acknowledged = len(found.missing), sum(w.acknowledged for w in record.block_writes)
    limit = f" where the profile allows {allowed}" if allowed else ""
    earliest = f", the earliest acknowledged {turn.relative(_acknowledged_at(found.missing[0]))}" if turn else ""
    prefix = "" if found.contradicting else f" The copy ends with write {found.last}."
    return (
        f"{n} of {count(acknowledged, 'acknowledged write')} {verb(n, 'is', 'are')} not in the copy{limit}{earliest}."
        f"{prefix}"
    )


def _doubt(
    record: ScenarioRecord,
    images: Volumes,
    found: Cut,
    unrecorded: list[Place],
    turn: TurningPoint | None,
) -> str:
    """Why having found nothing wrong proves nothing; empty when it does prove something."""
    if unrecorded:
        name, block = unrecorded[0]
        return (
            f"{count(len(unrecorded), 'block')} changed alike in volume and copy without a write on record (first "
            f"block {block} of {name}): somebody else writes to the volume, so the record is not all that was promised."
        )
    written = {w.volume for w in record.block_writes}
    unknown = sorted(written - images.before.keys())
    if unknown:
        return (
            f"What {', '.join(unknown)} held before the writes was never read, so what was not written is not judged."
        )
    for name in sorted(written):
        first = min(w.invoked for w in record.block_writes if w.volume == name)
        if images.before[name].ended > first:
            return f"{name} was written to while its first content was being read, so that is not known."
    early = _read_too_early(images, turn)
    return early or (_nothing_at_stake(record, turn) if turn else "")


def _read_too_early(images: Volumes, turn: TurningPoint | None) -> str:
    if turn is None:
        return "Nothing on record could have harmed a copy: no site was lost, no fault struck, nothing was moved."
    for image in images.copy.values():
        if image.began < turn.done:
            return (
                f"The copy of {image.volume} was read {turn.relative(image.began)}, so it does not show what survived."
            )
        if isinstance(turn, SiteLoss) and image.site == turn.site:
            return f"What was read as the copy of {image.volume} is at {image.site}, the site that was lost."
    return ""


def _nothing_at_stake(record: ScenarioRecord, turn: TurningPoint) -> str:
    before = [_acknowledged_at(w) for w in record.block_writes if w.acknowledged and _acknowledged_at(w) <= turn.began]
    if not before:
        return f"No write was acknowledged before {turn.what}, so there was nothing to lose."
    waiting = any(
        w.invoked <= turn.began and (w.completed is None or w.completed >= turn.began) for w in record.block_writes
    )
    idle = turn.began - max(before)
    if idle > LOOK_BACK and not waiting:
        return (
            f"The last write before {turn.what} was acknowledged {span(idle)} earlier and none was waiting for its "
            "answer: nothing was at stake at that instant."
        )
    return ""


def _held(record: ScenarioRecord, images: Volumes, found: Cut) -> str:
    acknowledged = sum(w.acknowledged for w in record.block_writes)
    n = len(found.missing)
    sites = ", ".join(sorted({image.site for image in images.copy.values()}))
    subject = "The copy holds" if len(images.copy) == 1 else f"The copies of {len(images.copy)} volumes hold"
    rest = f"all {count(acknowledged, 'acknowledged write')} are there"
    if n:
        rest = f"{n} of {count(acknowledged, 'acknowledged write')} are missing at the end"
    unknown = len(record.block_writes) - acknowledged
    tail = f" Of {count(unknown, 'write')} never acknowledged {found.recovered} took effect." if unknown else ""
    return f"{subject} at {sites} the writes up to {found.last}, in their order: {rest}.{tail}"


def _evidence(
    found: Cut,
    unexplained: Iterable[Place],
    written: Written,
    images: Volumes,
    turn: TurningPoint | None,
) -> Iterator[Evidence]:
    """Name what is wrong: missing writes first, then blocks."""
    for write in found.missing[:NAMED_WRITES]:
        at = _acknowledged_at(write)
        when = turn.relative(at) if turn else f"at {at} ns"
        what = f"Write {write.seq} of {write.length} bytes at byte {write.offset} of {write.volume}"
        yield Evidence("lost write", str(write.seq), f"{what} was acknowledged {when}, and is not there.")
    for name, block in found.contradicting[:NAMED_PLACES]:
        text = f"Block {block} of {name} holds another state than the instant that explains most of the copy."
        yield Evidence("out of order", f"{name}:{block}", text)
    for name, block in list(unexplained)[:NAMED_PLACES]:
        why = (
            "holds what none of its writes left there"
            if block in written.get(name, ())
            else "changed; no write touched it"
        )
        yield Evidence(
            "unexplained block", f"{name}:{block}", f"Block {block} of {name} at {images.copy[name].site} {why}."
        )


def _acknowledged_at(write: BlockWrite) -> int:
    return write.invoked if write.completed is None else write.completed
