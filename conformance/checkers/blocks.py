"""Blocks of load with and without replication: which there were, in what order, and whether they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any

from conformance.checkers.words import count, listed, verb
from conformance.model import Event, ScenarioRecord
from conformance.statistics.drift import lopsided
from conformance.statistics.noninferiority import MIN_ROUNDS
from conformance.statistics.schedule import ARMS, REPLICATED

BLOCK = "block"
PLAN = "block-plan"
# Of a block in which other programs had more of the machine than this, the noise is theirs.
OTHER_CPU = 0.10


class UnreadableBlocks(ValueError):
    """The events about blocks contradict themselves or lack something; the text is a sentence that says which."""


@dataclass(frozen=True)
class Block:
    """Load under one arm. What counts is from ``start`` (after the warm-up) to ``end`` (nanoseconds).

    ``in_force`` is whether replication was seen to be on, or off, as the arm wants it, at both ends: None where
    nobody looked. ``unpaced`` is whether the clients were told to ask as fast as they are answered. ``other_cpu`` is
    the share of the machine's CPU that programs without a part in the run had meanwhile; None where nobody looked.
    """

    n: int
    round: int
    arm: str
    start: int
    end: int
    in_force: bool | None
    unpaced: bool
    other_cpu: float | None = None


@dataclass(frozen=True)
class Round:
    """One block of each arm, next to each other in time; ``first`` is the arm that went first."""

    number: int
    replicated: Block
    unreplicated: Block

    @property
    def first(self) -> str:
        """The arm that went first."""
        return min((self.replicated, self.unreplicated), key=lambda b: b.start).arm

    @property
    def disturbed(self) -> bool:
        """Whether other programs had so much of the machine during either block that they are what was measured."""
        return any((b.other_cpu or 0) > OTHER_CPU for b in (self.replicated, self.unreplicated))


def read_blocks(record: ScenarioRecord) -> tuple[Block, ...]:
    """The blocks that were begun and ended, in time order. UnreadableBlocks when the events make no sense."""
    begun: dict[int, Event] = {}
    found: list[Block] = []
    for event in sorted((e for e in record.events if e.kind == BLOCK), key=lambda e: e.t):
        if event.name not in ARMS:
            raise UnreadableBlocks(f"A block is called {event.name!r}; expected {' or '.join(ARMS)}.")
        n = _number(event, "n")
        if event.state == "begin":
            if n in begun:
                raise UnreadableBlocks(f"Block {n} begins twice.")
            begun[n] = event
        elif event.state == "end":
            begin = begun.get(n)
            if begin is None or begin.name != event.name or any(b.n == n for b in found):
                raise UnreadableBlocks(f"Block {n} ends as {event.name} without having begun so.")
            found.append(_block(n, begin, event))
    for before, after in pairwise(sorted(found, key=lambda b: b.start)):
        if begun[after.n].t < before.end:
            raise UnreadableBlocks(f"Block {after.n} begins before block {before.n} has ended.")
    return tuple(sorted(found, key=lambda b: b.start))


def _block(n: int, begin: Event, end: Event) -> Block:
    warmup = begin.observed.get("warmup_s", 0)
    if isinstance(warmup, bool) or not isinstance(warmup, int | float) or not 0 <= warmup < inf:
        raise UnreadableBlocks(f"Block {n} has a warm-up of {warmup!r}, expected seconds.")
    start = begin.t + round(warmup * 1e9)
    if start >= end.t:
        raise UnreadableBlocks(f"Block {n} ends before its warm-up of {warmup:g} s is over.")
    looked = (begin.ok, end.ok)
    in_force = False if False in looked else None if None in looked else True
    unpaced = "offered_per_s" in begin.observed and begin.observed["offered_per_s"] is None
    return Block(n, _number(begin, "round"), begin.name, start, end.t, in_force, unpaced, _other_cpu(n, end))


def _other_cpu(n: int, end: Event) -> float | None:
    share = end.observed.get("other_cpu")
    if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < inf):
        raise UnreadableBlocks(
            f"In block {n} other programs had the share {share!r} of the machine, expected a number."
        )
    return share


def _number(event: Event, name: str) -> int:
    value: Any = event.observed.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnreadableBlocks(f"A block's {event.state} has {name} = {value!r}, expected a number.")
    return value


def whole_rounds(blocks: Sequence[Block]) -> tuple[Round, ...]:
    """The rounds with both of their blocks, in order. UnreadableBlocks when a round has more than one of an arm."""
    by_round: dict[int, dict[str, Block]] = {}
    for block in blocks:
        arms = by_round.setdefault(block.round, {})
        if block.arm in arms:
            raise UnreadableBlocks(f"Round {block.round} has two blocks that are {block.arm}.")
        arms[block.arm] = block
    return tuple(
        Round(number, arms[REPLICATED], next(b for arm, b in arms.items() if arm != REPLICATED))
        for number, arms in sorted(by_round.items())
        if len(arms) == len(ARMS)
    )


def planned_rounds(record: ScenarioRecord) -> int:
    """How many rounds were planned in the end, by the last plan on record; 0 when there is none."""
    plans = [e.observed.get("rounds") for e in record.events if e.kind == "observation" and e.name == PLAN]
    return next((p for p in reversed(plans) if isinstance(p, int)), 0)


def blocks_of(rounds: Sequence[Round]) -> tuple[Block, ...]:
    """The blocks of these rounds in time order: what is judged, and no block without its partner."""
    return tuple(sorted((b for r in rounds for b in (r.replicated, r.unreplicated)), key=lambda b: b.start))


def judged_rounds(rounds: Sequence[Round]) -> tuple[Round, ...]:
    """The rounds to judge by: those that other programs did not disturb. All of them where too few are left, or where
    these would favour an arm by their order.

    What is looked at is what others did, never what was measured, and a round is left out with both of its blocks: no
    result can be picked in this way. All that a disturbed round adds is noise.
    """
    kept = tuple(r for r in rounds if not r.disturbed)
    if len(kept) < MIN_ROUNDS or lopsided([r.first for r in kept]):
        return tuple(rounds)
    return kept


def not_comparable(rounds: Sequence[Round]) -> str:
    """Why no difference between these rounds could be laid at the door of replication; empty when it could."""
    blocks = blocks_of(rounds)
    wrong = [b for b in blocks if b.in_force is False]
    if wrong:
        was = ", ".join(f"{b.n} ({b.arm})" for b in wrong[:3])
        return f"In {count(len(wrong), 'block')} replication was not as the arm wanted it, the first of them {was}."
    unseen = [b for b in blocks if b.in_force is None]
    if unseen:
        return (
            f"Nothing on record shows whether replication was on or off, as the arm wanted it, in {len(unseen)} of "
            f"{count(len(blocks), 'block')}."
        )
    if len(rounds) < MIN_ROUNDS:
        there = f"There {verb(len(rounds), 'is', 'are')} {count(len(rounds), 'whole round')}"
        return f"{there} of one block with and one without replication; it takes {MIN_ROUNDS} at the least."
    numbers = {r.number for r in rounds}
    missing = [str(n) for n in range(min(numbers), max(numbers)) if n not in numbers]
    if missing:
        return f"Of the rounds between the first and the last there is no whole one with the number {listed(missing)}."
    apart = [r for r in rounds if abs(r.replicated.n - r.unreplicated.n) != 1]
    if apart:
        return f"The blocks of round {apart[0].number} were not measured one right after the other."
    firsts = [r.first for r in rounds]
    if lopsided(firsts):
        most = max(ARMS, key=firsts.count)
        return (
            f"In {firsts.count(most)} of {len(rounds)} rounds the {most} block came first: whatever changes in the "
            "course of a round would look like an effect of replication. The order must be drawn."
        )
    return ""


def stopped_early(record: ScenarioRecord, rounds: int) -> str:
    """That fewer rounds were measured than had been planned, as a sentence; empty when they were not."""
    planned = planned_rounds(record)
    if rounds >= planned:
        return ""
    return f"{rounds} of {planned} planned rounds were measured: who stops early may have stopped at a lucky moment."
