"""What a volume held, block by block, and what was written to it in which order.

A block's digest is 16 hexadecimal characters; a block of zeros has the digest ``ZERO``, whatever its size.
Times are integer nanoseconds of CLOCK_MONOTONIC on the machine that ran the harness.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

DIGEST = 16
"""Characters of one block's digest."""
ZERO = "0" * DIGEST


@dataclass(frozen=True)
class VolumeImage:
    """All of a volume's content at one site, read between ``began`` and ``ended``.

    ``size`` and ``block_size`` are bytes. ``runs`` are (first block, number of blocks), ascending and apart from each
    other; every block outside them holds zeros. ``digests`` are those of the blocks of all runs, one after the other.
    ``volume`` means the same volume at every site. ValueError says what contradicts itself.
    """

    site: str
    volume: str
    block_size: int
    size: int
    began: int
    ended: int
    runs: tuple[tuple[int, int], ...]
    digests: str

    def __post_init__(self) -> None:
        if self.block_size <= 0 or self.size < 0:
            raise ValueError(f"a volume of {self.size} bytes in blocks of {self.block_size}")
        if self.ended < self.began:
            raise ValueError("the image was read before it was begun")
        end = 0
        for first, blocks in self.runs:
            if first < end or blocks <= 0:
                raise ValueError(f"the run of blocks from {first} is empty or overlaps the one before it")
            end = first + blocks
        if end > self.blocks:
            raise ValueError(f"the runs end at block {end}, the volume at block {self.blocks}")
        if len(self.digests) != DIGEST * sum(blocks for _, blocks in self.runs):
            raise ValueError("there are not as many digests as blocks in the runs")

    @property
    def blocks(self) -> int:
        """Number of blocks; the last one may be shorter than the others."""
        return -(-self.size // self.block_size)

    @cached_property
    def _places(self) -> tuple[list[int], list[int]]:
        """The first block of each run, and where in ``digests`` the run begins."""
        firsts, offsets, at = [], [], 0
        for first, blocks in self.runs:
            firsts.append(first)
            offsets.append(at)
            at += DIGEST * blocks
        return firsts, offsets

    def digest(self, block: int) -> str:
        """The digest of one block; ZERO outside all runs."""
        firsts, offsets = self._places
        run = bisect_right(firsts, block) - 1
        if run < 0 or block - firsts[run] >= self.runs[run][1]:
            return ZERO
        at = offsets[run] + DIGEST * (block - firsts[run])
        return self.digests[at : at + DIGEST]

    def span(self, first: int, blocks: int) -> str:
        """The digests of ``blocks`` blocks from ``first`` on, one after the other."""
        firsts, offsets = self._places
        end, at, parts = first + blocks, first, []
        run = max(0, bisect_right(firsts, first) - 1)
        while run < len(self.runs) and firsts[run] < end:
            start, stop = max(at, firsts[run]), min(end, firsts[run] + self.runs[run][1])
            if start < stop:
                parts.append(ZERO * (start - at))
                place = offsets[run] + DIGEST * (start - firsts[run])
                parts.append(self.digests[place : place + DIGEST * (stop - start)])
                at = stop
            run += 1
        parts.append(ZERO * (end - at))
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class BlockWrite:
    """One write to a volume. ``seq`` is its number, unique over all volumes and rising with ``invoked``.

    ``offset`` and ``length`` are bytes; ``digests`` are those of every block that it touches, as they are after it.
    ``completed`` is when the writer was told that the write is on stable storage (then ``acknowledged``) or that it
    failed; None when it was never told anything. What was not acknowledged may have happened or not, in part too.
    """

    seq: int
    volume: str
    offset: int
    length: int
    digests: str
    invoked: int
    completed: int | None = None
    acknowledged: bool = False

    def __post_init__(self) -> None:
        if self.offset < 0 or self.length <= 0:
            raise ValueError(f"write {self.seq}: {self.length} bytes at offset {self.offset}")
        if not self.digests or len(self.digests) % DIGEST:
            raise ValueError(f"write {self.seq}: {len(self.digests)} characters are no whole number of digests")
        if self.completed is not None and self.completed < self.invoked:
            raise ValueError(f"write {self.seq}: completed before it was begun")
        if self.acknowledged and self.completed is None:
            raise ValueError(f"write {self.seq}: acknowledged without an instant")

    def first_block(self, block_size: int) -> int:
        """The first block it touches; ValueError when it does not touch as many blocks as it has digests."""
        first, last = self.offset // block_size, (self.offset + self.length - 1) // block_size
        if (last - first + 1) * DIGEST != len(self.digests):
            raise ValueError(
                f"write {self.seq} touches {last - first + 1} blocks of {block_size} bytes and has "
                f"{len(self.digests) // DIGEST} digests"
            )
        return first
