"""Reading volumes into images: holes and zeros are the same, and every block is itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.checkers.volume_images import Extent, differing
from conformance.model.volume import ZERO
from conformance.storage import StorageError, imaging, read_image

BLOCK = 4096


def read(path: Path, **more: int) -> object:
    return read_image(path, site="a", volume="v", **more)


def test_holes_and_written_zeros_are_the_same(tmp_path: Path) -> None:
    sparse, full = tmp_path / "sparse", tmp_path / "full"
    with sparse.open("wb") as file:
        file.truncate(64 * BLOCK)
        file.seek(9 * BLOCK)
        file.write(b"x" * BLOCK)
    full.write_bytes(bytes(9 * BLOCK) + b"x" * BLOCK + bytes(54 * BLOCK))
    one, other = (read_image(p, site="a", volume="v") for p in (sparse, full))
    assert one.runs == other.runs == ((9, 1),)
    assert one.digests == other.digests != ZERO
    assert differing(one, other) == ()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 511), st.sampled_from([512, 1024, 4096]))
def test_an_image_holds_what_a_plain_reading_of_the_file_holds(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[int], tail: int, block_size: int
) -> None:
    content = b"".join(bytes([n]) * 512 for n in pieces) + b"t" * tail
    path = tmp_path_factory.mktemp("volume") / "volume"
    path.write_bytes(content)
    found = read_image(path, site="a", volume="v", block_size=block_size)
    blocks = [content[at : at + block_size] for at in range(0, len(content), block_size)]
    assert (found.size, found.blocks) == (len(content), len(blocks))
    assert [found.digest(n) for n in range(len(blocks))] == [imaging.digest_of(b) for b in blocks]


def test_images_differ_exactly_where_the_files_do(tmp_path: Path) -> None:
    one, other = bytearray(os.urandom(100 * BLOCK)), b""
    (tmp_path / "one").write_bytes(one)
    for at in (0, 7 * BLOCK + 5, 8 * BLOCK, 99 * BLOCK + BLOCK - 1):
        one[at] ^= 1
    (tmp_path / "other").write_bytes(one + other)
    images = [read_image(tmp_path / n, site="a", volume="v") for n in ("one", "other")]
    assert differing(*images) == (Extent(0, 1), Extent(7, 2), Extent(99, 1))


def test_a_hole_that_ends_within_a_block_leaves_each_block_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "volume"
    path.write_bytes(b"a" * 2048 + bytes(2048) + b"b" * 4096)
    expected = read_image(path, site="a", volume="v", block_size=8192)
    monkeypatch.setattr(imaging, "_data", lambda fd, size: iter([(0, 2048), (4096, 8192)]))
    found = read_image(path, site="a", volume="v", block_size=8192)
    assert (found.runs, found.digests) == (expected.runs, expected.digests)


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()], ids=["nothing there", "a directory"])
def test_what_cannot_be_read_is_named(make: object, tmp_path: Path) -> None:
    path = tmp_path / "volume"
    make(path)  # type: ignore[operator]
    with pytest.raises(StorageError, match=f"The volume v at a cannot be read from {path}"):
        read(path)
