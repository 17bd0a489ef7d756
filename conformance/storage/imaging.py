"""Reading a file or block device into a VolumeImage: as a stream, holes skipped, memory for the digests only."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from conformance.model import VolumeImage
from conformance.model.volume import DIGEST, ZERO
from conformance.storage.errors import StorageError

BLOCK_SIZE = 4096
_CHUNK = 1 << 20


def digest_of(block: bytes | memoryview) -> str:
    """The digest of one block's content (model.volume); ZERO when it holds nothing but zeros."""
    if block == bytes(len(block)):
        return ZERO
    return blake2b(block, digest_size=DIGEST // 2).hexdigest()


def read_image(path: Path, *, site: str, volume: str, block_size: int = BLOCK_SIZE) -> VolumeImage:
    """The content of a volume. Nobody should write to it meanwhile: it is read once, from its begin to its end.

    Memory grows with the blocks that hold data, by about 20 bytes each. StorageError when it cannot be read.
    """
    began = time.monotonic_ns()
    runs: list[tuple[int, int]] = []
    digests: list[str] = []
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            size = os.lseek(fd, 0, os.SEEK_END)
            for first, found in _chunks(fd, size, block_size):
                _add(runs, digests, first, found, block_size)
            if os.lseek(fd, 0, os.SEEK_END) != size:
                raise StorageError(f"{path} should keep its {size} bytes while it is read; its size changed.")
        finally:
            os.close(fd)
    except OSError as error:
        raise StorageError(f"The volume {volume} at {site} cannot be read from {path}: {error.strerror}.") from error
    ended = time.monotonic_ns()
    return VolumeImage(site, volume, block_size, size, began, ended, tuple(runs), "".join(digests))


def _chunks(fd: int, size: int, block_size: int) -> Iterator[tuple[int, memoryview]]:
    """Pieces of what holds data: number of the first block, content. A piece begins and ends where blocks do."""
    step = max(1, _CHUNK // block_size) * block_size
    for start, end in _data(fd, size):
        at = start - start % block_size
        stop = min(size, end + -end % block_size)
        while at < stop:
            content = _read(fd, at, min(step, stop - at))
            yield at // block_size, memoryview(content)
            at += len(content)


def _data(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """The ranges [start, end) that may hold other than zeros; all of it where nothing tells holes."""
    at = 0
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
            at = os.lseek(fd, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole from here on
                return
            if error.errno != errno.EINVAL:
                raise
            start, at = at, size
        yield start, at


def _read(fd: int, at: int, length: int) -> bytes:
    content = os.pread(fd, length, at)
    while len(content) < length:
        more = os.pread(fd, length - len(content), at + len(content))
        if not more:
            raise OSError(errno.EIO, f"there are only {at + len(content)} bytes of it")
        content += more
    return content


def _add(runs: list[tuple[int, int]], digests: list[str], first: int, content: memoryview, block_size: int) -> None:
    """Append a piece's blocks, without those of zeros, which no run holds."""
    if runs and sum(runs[-1]) > first:  # a hole ended within the block that was read last
        first, content = first + 1, content[block_size:]
    for n, at in enumerate(range(0, len(content), block_size)):
        digest = digest_of(content[at : at + block_size])
        if digest == ZERO:
            continue
        if runs and sum(runs[-1]) == first + n:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((first + n, 1))
        digests.append(digest)
