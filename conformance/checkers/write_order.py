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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from conformance.checkers.volume_images import Place
from conformance.model import BlockWrite, VolumeImage
from conformance.model.volume import DIGEST

Chain = list[BlockWrite]
"""The writes to one block in their order."""
Written = Mapping[str, Mapping[int, Chain]]
"""By volume and block, the writes to it."""
Instant = float | int
_ALWAYS = -1
NO_WRITE = 0


def chains(writes: Iterable[BlockWrite], block_sizes: Mapping[str, int]) -> Written:
    """The writes sorted by block. ValueError when their order is not known (two of them under way at once in one
    block) or a write has other digests than it touches blocks."""
    found: dict[str, dict[int, Chain]] = {}
    for write in sorted(writes, key=lambda w: w.seq):
        first = write.first_block(block_sizes[write.volume])
        blocks = found.setdefault(write.volume, {})
        for block in range(first, first + len(write.digests) // DIGEST):
            chain = blocks.setdefault(block, [])
            if chain and chain[-1].acknowledged and (chain[-1].completed or 0) > write.invoked:
                raise ValueError(
                    f"writes {chain[-1].seq} and {write.seq} to block {block} of {write.volume} were under way at "
                    "once, so their order is not known"
                )
            chain.append(write)
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


def cut(written: Written, copies: Mapping[str, VolumeImage], initial: Mapping[str, VolumeImage]) -> Cut:
    """Find the instant that explains the most blocks of the copies: the latest of them, which misses the fewest
    writes. Volumes without an ``initial`` image may have held anything."""
    blocks: list[tuple[Place, Chain, list[int]]] = []
    foreign: list[Place] = []
    unjudged: list[Place] = []
    begins: list[Instant] = []
    ends: list[Instant] = []
    for name, chain_of in written.items():
        copy, first = copies[name], initial.get(name)
        for block, chain in chain_of.items():
            before = None if first is None else first.digest(block)
            left = [_left(write, block, copy.block_size) for write in chain]
            versions = _explained(chain, left, copy.digest(block), before)
            if versions:
                blocks.append(((name, block), chain, versions))
                _add_spans(chain, versions, begins, ends)
            else:
                (unjudged if before is None else foreign).append((name, block))
    end = _end_of_best(begins, ends)
    chosen = [(place, chain, versions, _just_before(end, chain, versions)) for place, chain, versions in blocks]
    return _tally(
        [(chain, versions[-1] if version is None else version) for _, chain, versions, version in chosen],
        [place for place, _, _, version in chosen if version is None],
        foreign,
        unjudged,
    )


def _left(write: BlockWrite, block: int, block_size: int) -> str:
    """The digest of a block after a write to it."""
    if len(write.digests) == DIGEST:
        return write.digests
    at = DIGEST * (block - write.offset // block_size)
    return write.digests[at : at + DIGEST]


def _explained(chain: Chain, left: list[str], content: str, before: str | None) -> list[int]:
    """Which writes may have been the last to a block, ascending: positions in its chain from 1 on, NO_WRITE for none.
    A write that was never acknowledged may have torn it, too."""
    versions = [version for version, digest in enumerate(left, start=1) if digest == content]
    if content == before:
        return [NO_WRITE, *versions]
    if versions or before is None:
        return versions
    return [version for version, write in enumerate(chain, start=1) if not write.acknowledged]


def _interval(chain: Chain, version: int) -> tuple[Instant, Instant]:
    """The instants [from, until) at which this was the last write to the block."""
    began = chain[version - 1].invoked if version else _ALWAYS
    for at in range(version, len(chain)):
        completed = chain[at].completed
        if completed is not None and chain[at].acknowledged:
            return began, completed
    return began, inf


def _add_spans(chain: Chain, versions: list[int], begins: list[Instant], ends: list[Instant]) -> None:
    """Add the instants that explain the block's content, as spans apart from each other."""
    begin, end = _interval(chain, versions[0])
    for version in versions[1:]:
        low, high = _interval(chain, version)
        if low > end:
            begins.append(begin)
            ends.append(end)
            begin, end = low, high
        end = max(end, high)
    begins.append(begin)
    ends.append(end)


def _just_before(instant: Instant, chain: Chain, versions: list[int]) -> int | None:
    """The last version that explains the content at the moment before the instant."""
    for version in reversed(versions):
        low, high = _interval(chain, version)
        if low < instant <= high:
            return version
    return None


def _end_of_best(begins: list[Instant], ends: list[Instant]) -> Instant:
    """Where the last stretch of time ends that lies in the most of the spans; the stretch itself is before it."""
    begins.sort()
    ends.sort()
    begun = most = 0
    found: Instant = inf
    # The depth only falls where a span ends, so a stretch of the greatest depth ends at one.
    for ended, end in enumerate(ends):
        while begun < len(begins) and begins[begun] < end:
            begun += 1
        if begun - ended >= most:
            most, found = begun - ended, end
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
        for position, write in enumerate(chain, start=1):
            if position > version:
                if write.acknowledged:
                    missing[write.seq] = write
            elif write.acknowledged or position == version:
                there[write.seq] = write
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
