"""A record of a volume that was written to and copied, and ways to change one thing in it.

Times as in ``builders``: ``at(0)`` is when the site began to go. Block ``b`` holds ``held(b)`` in the beginning; write
``n`` leaves ``digest(n)`` in every block that it touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builders import A, B, at, events, info

from conformance.model import BlockWrite, ScenarioRecord, VolumeImage
from conformance.model.volume import ZERO

VOLUME = "journal"
SIZE = 512
BLOCKS = 16
CHECKS = ("volume-copy", "volume-order")


def digest(n: int, block: int = 0) -> str:
    """What write ``n`` leaves in its block number ``block``."""
    return f"{n:012x}{block:04x}"


def held(block: int) -> str:
    """What a block holds before anything is written: every third holds zeros."""
    return ZERO if block % 3 == 0 else f"ab{block:014x}"


def image(
    contents: Mapping[int, str], *, site: str = B, taken: float = 3.5, volume: str = VOLUME, blocks: int = BLOCKS
) -> VolumeImage:
    """An image of these contents by block, in as few runs as they allow."""
    runs: list[tuple[int, int]] = []
    digests: list[str] = []
    for block in range(blocks):
        content = contents.get(block, ZERO)
        if content == ZERO:
            continue
        if runs and sum(runs[-1]) == block:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((block, 1))
        digests.append(content)
    return VolumeImage(site, volume, SIZE, blocks * SIZE, at(taken), at(taken + 0.1), tuple(runs), "".join(digests))


def write(seq: int, block: int, blocks: int = 1, *, start: float, took: float | None = 0.01, **more: Any) -> BlockWrite:
    """Write ``seq``; ``took`` None is one that was never answered."""
    completed = None if took is None else at(start + took)
    given = {"volume": VOLUME, "acknowledged": completed is not None, **more}
    digests = "".join(digest(seq, n) for n in range(blocks))
    return BlockWrite(
        seq, offset=block * SIZE, length=blocks * SIZE, digests=digests, invoked=at(start), completed=completed, **given
    )


def writes(n: int = 40, blocks: int = BLOCKS) -> tuple[BlockWrite, ...]:
    """One write after the other until the loss, hitting most blocks several times, every fifth two blocks at once; a
    last one that was never answered."""
    found = [
        write(seq, (seq * 7) % (blocks - 1), 2 if seq % 5 == 0 else 1, start=-4 + 4 * seq / (n + 2))
        for seq in range(1, n + 1)
    ]
    return (*found, write(n + 1, 3, start=-0.005, took=None))


def applied(done: Iterable[BlockWrite], blocks: int = BLOCKS) -> dict[int, str]:
    """What the blocks hold after these writes."""
    contents = {block: held(block) for block in range(blocks)}
    for w in done:
        for n in range(len(w.digests) // 16):
            contents[w.offset // SIZE + n] = w.digests[16 * n : 16 * n + 16]
    return contents


@dataclass(frozen=True)
class Copied:
    """The writes, and what the copy holds; ``record`` makes the scenario of them."""

    done: tuple[BlockWrite, ...]
    copy: Mapping[int, str]
    source: Mapping[int, str] | None = None
    before: Mapping[int, str] | None = None
    changes: Mapping[str, Any] | None = None

    def record(self) -> ScenarioRecord:
        """The record, with the changes."""
        before = applied(()) if self.before is None else self.before
        images = {"first-before": image(before, site=A, taken=-4.5), "second-after": image(self.copy)}
        if self.source is not None:
            images["first-after"] = image(self.source, site=A, taken=6.5)
        made = ScenarioRecord(info(), events=events(), volumes=images, block_writes=self.done)
        return replace(made, **(self.changes or {}))


def synchronous() -> Copied:
    """Everything acknowledged is in the copy."""
    done = writes()
    return Copied(done, applied(done[:-1]), applied(done))


def ending_with(k: int) -> Copied:
    """The copy is the volume as it was after write ``k``."""
    done = writes()
    return Copied(done, applied(done[:k]), applied(done))


def with_image(name: str, **fields: Any) -> Callable[[ScenarioRecord], ScenarioRecord]:
    """Replace fields of one image."""
    return lambda r: replace(r, volumes={**r.volumes, name: replace(r.volumes[name], **fields)})


def without_image(name: str) -> Callable[[ScenarioRecord], ScenarioRecord]:
    """Leave an image out."""
    return lambda r: replace(r, volumes={n: i for n, i in r.volumes.items() if n != name})
