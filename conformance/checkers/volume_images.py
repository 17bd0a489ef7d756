"""The images of volumes that a record holds, and two images of one volume compared block by block."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from conformance.model import ScenarioRecord, VolumeImage
from conformance.model.volume import DIGEST

BEFORE, SOURCE, COPY = "first-before", "first-after", "second-after"
Place = tuple[str, int]
"""A volume and a block of it."""

# So many blocks are compared at once; only where they differ is it looked closer.
_PIECE = 4096
# Runs that are no farther apart are looked at together, with the zeros between them.
_GAP = 256


@dataclass(frozen=True)
class Extent:
    """Neighbouring blocks, from ``first`` on."""

    first: int
    blocks: int


def differing(one: VolumeImage, other: VolumeImage) -> tuple[Extent, ...]:
    """Where the images differ, ascending, neighbours joined. A block that only one of them has counts as zeros in the
    other. Both must be in blocks of the same size. O(blocks that hold data in either)."""
    if one.runs == other.runs and one.digests == other.digests:
        return ()
    found: list[Extent] = []
    for block in _differing_blocks(one, other):
        if found and found[-1].first + found[-1].blocks == block:
            found[-1] = Extent(found[-1].first, found[-1].blocks + 1)
        else:
            found.append(Extent(block, 1))
    return tuple(found)


def _differing_blocks(one: VolumeImage, other: VolumeImage) -> Iterator[int]:
    for first, blocks in _union(one.runs, other.runs):
        for start in range(first, first + blocks, _PIECE):
            n = min(_PIECE, first + blocks - start)
            mine, its = one.span(start, n), other.span(start, n)
            if mine != its:
                for at in range(0, n * DIGEST, DIGEST):
                    if mine[at : at + DIGEST] != its[at : at + DIGEST]:
                        yield start + at // DIGEST


def _union(some: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ranges that hold all data of either, ascending and apart from each other."""
    begin = end = 0
    for first, blocks in sorted([*some, *others]):
        if first > end + _GAP:
            if end > begin:
                yield begin, end - begin
            begin = first
        end = max(end, first + blocks)
    if end > begin:
        yield begin, end - begin


class Contradiction(Exception):
    """The images and writes of a record cannot all be true; a clause says which."""


@dataclass(frozen=True)
class Volumes:
    """The images by the name of the volume: ``before`` the writes, at its own site afterwards (``source``), and of the
    ``copy`` at the other."""

    before: Mapping[str, VolumeImage]
    source: Mapping[str, VolumeImage]
    copy: Mapping[str, VolumeImage]

    @classmethod
    def of(cls, record: ScenarioRecord) -> Volumes:
        """The images of a record."""
        stages: dict[str, dict[str, VolumeImage]] = {BEFORE: {}, SOURCE: {}, COPY: {}}
        for name, image in sorted(record.volumes.items()):
            stages.get(name.partition(".")[0], {})[image.volume] = image
        return cls(stages[BEFORE], stages[SOURCE], stages[COPY])

    def block_sizes(self) -> dict[str, int]:
        """Bytes per block by volume; Contradiction when a volume was read in blocks of several sizes."""
        sizes: dict[str, int] = {}
        for image in (image for stage in (self.copy, self.before, self.source) for image in stage.values()):
            if sizes.setdefault(image.volume, image.block_size) != image.block_size:
                raise Contradiction(
                    f"{image.volume} was read in blocks of {sizes[image.volume]} and of {image.block_size} bytes"
                )
        return sizes

    def check_range(self, written: Mapping[str, Iterable[int]]) -> None:
        """Contradiction when a write went beyond the end of its volume."""
        for name, blocks in written.items():
            origin = self._origin(name) or self.copy[name]
            last = max(blocks)
            if last >= origin.blocks:
                raise Contradiction(f"a write touches block {last} of {name}, which has {origin.blocks}")

    def other_sizes(self) -> Iterator[str]:
        """A sentence for each copy that is shorter or longer than its volume."""
        for name, image in self.copy.items():
            origin = self._origin(name)
            if origin is not None and origin.size != image.size:
                yield f"The copy of {name} at {image.site} has {image.size} bytes, the volume {origin.size}."

    def untouched(self, written: Mapping[str, Container[int]]) -> Iterator[Place]:
        """Blocks of the copies that are not what they were in the beginning, and that no write on record touches."""
        for name, image in self.copy.items():
            if name in self.before:
                touched = written.get(name, ())
                for extent in differing(self.before[name], image):
                    for block in range(extent.first, extent.first + extent.blocks):
                        if block not in touched:
                            yield name, block

    def same_at_source(self, place: Place) -> bool:
        """Whether the block holds the same at the source: then somebody else writes to the volume."""
        name, block = place
        return name in self.source and self.source[name].digest(block) == self.copy[name].digest(block)

    def comparable(self) -> list[str]:
        """The volumes that were read at both sites afterwards."""
        return [name for name in self.copy if name in self.source]

    def differing(self) -> list[tuple[str, Extent]]:
        """Where copies differ from their volumes."""
        return [(n, extent) for n in self.comparable() for extent in differing(self.source[n], self.copy[n])]

    def _origin(self, name: str) -> VolumeImage | None:
        return self.source.get(name) or self.before.get(name)
