"""Is a copy of volumes what they were at some instant, and at which: found from each block's last writer.

A copy keeps the order of writing when one instant explains all of it: every write that was acknowledged by then is in
it, and no write that was begun later. For writes one after the other that means: the first image with the writes 1 to k
applied, and nothing else. A write under way at that instant may be there in some of its blocks (no disk promises more);
one that was never acknowledged may be there, not there, or torn.

Each block's content names the writes that may have been the last to it, and each of these an interval of instants:
from when it was begun until the next acknowledged write to the block was over. The instant lies in the intervals of all
blocks, so one pass over their sorted ends finds it, without replaying anything: O(n log n) in block writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from conformance.checkers.volume_images import Place
from conformance.model import BlockWrite, VolumeImage
from conformance.model.volume import DIGEST

Chain = list[tuple[BlockWrite, str]]
"""The writes to one block in their order, each with the block's digest after it."""
Instant = float | int
_ALWAYS = -1
NO_WRITE = 0


def chains(writes: Iterable[BlockWrite], block_sizes: Mapping[str, int]) -> dict[Place, Chain]:
    """The writes sorted by block. ValueError when their order is not known (two of them under way at once in one
    block) or a write has other digests than it touches blocks."""
    found: dict[Place, Chain] = {}
    for write in sorted(writes, key=lambda w: w.seq):
        first = write.first_block(block_sizes[write.volume])
        for n, at in enumerate(range(0, len(write.digests), DIGEST)):
            chain = found.setdefault((write.volume, first + n), [])
            if chain and chain[-1][0].acknowledged and (chain[-1][0].completed or 0) > write.invoked:
                raise ValueError(
                    f"writes {chain[-1][0].seq} and {write.seq} to block {first + n} of {write.volume} were under way "
                    "at once, so their order is not known"
                )
            chain.append((write, write.digests[at : at + DIGEST]))
    return found


@dataclass(frozen=True)
class Cut:
    """What a copy holds. ``contradicting`` are the blocks that do not fit the instant which fits most: none of them
    means that the order of writing is kept.

    ``foreign`` are blocks holding what nobody wrote there, ``unjudged`` those that may hold what they held in the
    beginning, which is not known. ``missing`` are acknowledged writes of which at least a block is not there, in the
    order of their acknowledgements, ``partial`` of them how many are there in other blocks; ``recovered`` is how many
    writes are there that were never acknowledged. ``last`` is the highest number of a write that is there, 0 for none.
    """

    contradicting: tuple[Place, ...]
    foreign: tuple[Place, ...]
    unjudged: tuple[Place, ...]
    missing: tuple[BlockWrite, ...]
    partial: int
    recovered: int
    last: int
    witness: tuple[BlockWrite, BlockWrite] | None = None
    """A write that is missing, and one that is there though it was begun after that was acknowledged."""


@dataclass
class _Block:
    """One block's possible last writers: ``versions`` are positions in its chain from 1 on, 0 for the first content."""

    place: Place
    chain: Chain
    versions: list[int] = field(default_factory=list)

    def interval(self, version: int) -> tuple[Instant, Instant]:
        """The instants [from, until) at which this was the last write to the block."""
        began = self.chain[version - 1][0].invoked if version else _ALWAYS
        later = (w.completed for w, _ in self.chain[version:] if w.acknowledged and w.completed is not None)
        return began, next(later, inf)

    def spans(self) -> Iterator[tuple[Instant, Instant]]:
        """The instants that explain the block's content, apart from each other."""
        begin: Instant = 0
        end: Instant = _ALWAYS - 1
        for low, high in map(self.interval, self.versions):
            if low > end:
                if end > begin:
                    yield begin, end
                begin = low
            end = max(end, high)
        if end > begin:
            yield begin, end

    def just_before(self, instant: Instant) -> int | None:
        """The last version that explains the content at the moment before the instant."""
        return next(
            (v for v in reversed(self.versions) if self.interval(v)[0] < instant <= self.interval(v)[1]),
            None,
        )


def cut(written: Mapping[Place, Chain], copies: Mapping[str, VolumeImage], initial: Mapping[str, VolumeImage]) -> Cut:
    """Find the instant that explains the most blocks of the copies: the latest of them, which misses the fewest
    writes. Volumes without an ``initial`` image may have held anything."""
    blocks: list[_Block] = []
    foreign: list[Place] = []
    unjudged: list[Place] = []
    for place, chain in written.items():
        before = initial[place[0]].digest(place[1]) if place[0] in initial else None
        block = _Block(place, chain, list(_explained(chain, copies[place[0]].digest(place[1]), before)))
        if block.versions:
            blocks.append(block)
        elif before is None:
            unjudged.append(place)
        else:
            foreign.append(place)
    end = _end_of_best([span for block in blocks for span in block.spans()])
    chosen = [(block, block.just_before(end)) for block in blocks]
    contradicting = [block.place for block, version in chosen if version is None]
    return _tally(
        [(block.chain, block.versions[-1] if version is None else version) for block, version in chosen],
        contradicting,
        foreign,
        unjudged,
    )


def _explained(chain: Chain, content: str, before: str | None) -> Iterator[int]:
    """Which versions of the block the content may be; a write that was never acknowledged may have torn it."""
    known = [] if before is None else [before]
    if content in known:
        yield NO_WRITE
    torn = content not in known and all(digest != content for _, digest in chain) and before is not None
    for version, (write, digest) in enumerate(chain, start=1):
        if digest == content or (torn and not write.acknowledged):
            yield version


def _end_of_best(spans: Sequence[tuple[Instant, Instant]]) -> Instant:
    """Where the last stretch of time ends that lies in the most of the spans; the stretch itself is before it."""
    ends = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    depth = most = 0
    found: Instant = inf
    for (at, step), (following, _) in pairwise(ends):
        depth += step
        if following > at and depth >= most:
            most, found = depth, following
    return found


def _tally(
    chosen: Sequence[tuple[Chain, int]],
    contradicting: list[Place],
    foreign: list[Place],
    unjudged: list[Place],
) -> Cut:
    missing: dict[int, BlockWrite] = {}
    there: dict[int, BlockWrite] = {}
    for chain, version in chosen:
        # One that was overwritten without ever having been acknowledged may just as well not have happened.
        there.update((w.seq, w) for n, (w, _) in enumerate(chain[:version], start=1) if w.acknowledged or n == version)
        missing.update((w.seq, w) for w, _ in chain[version:] if w.acknowledged)
    in_order = sorted(missing.values(), key=lambda w: (w.completed or 0, w.seq))
    newest = max(there.values(), key=lambda w: w.invoked, default=None)
    disorder = contradicting and in_order and newest and (in_order[0].completed or 0) <= newest.invoked
    return Cut(
        contradicting=tuple(contradicting),
        foreign=tuple(foreign),
        unjudged=tuple(unjudged),
        missing=tuple(in_order),
        partial=len(missing.keys() & there.keys()),
        recovered=sum(not w.acknowledged for w in there.values()),
        last=max(there, default=NO_WRITE),
        witness=(in_order[0], newest) if disorder and newest else None,
    )
