"""Reading a file of JSON lines: each line decoded, or a sentence about why it is none.

The file is read in blocks, so that a record of gigabytes needs no more memory than what is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from conformance.workloads.plan import WorkloadError

T = TypeVar("T")
BLOCK = 1 << 16
"""Bytes of lines that are decoded at a time: few enough for the cache to hold what is made of them until it is used."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for a line that is no JSON, not of the right form, no UTF-8, or nested without end."""


def decoded_lines(
    path: Path, decode: Callable[[bytes], T], what: str, problems: list[str], notes: list[str]
) -> Iterator[tuple[int, list[T | None]]]:
    """The lines of a file in blocks: the number of the block's first line, and its lines; None for one that is amiss.

    ``decode`` raises one of UNREADABLE; ``what`` names in sentences what a line should be. A last line without its
    newline was cut by a kill: it is left out and becomes a note. WorkloadError when the file cannot be read.
    """
    first = 1
    try:
        with path.open("rb") as file:
            while block := file.readlines(BLOCK):
                if not block[-1].endswith(b"\n"):
                    block.pop()
                    notes.append(
                        f"{path.name} line {first + len(block)}: cut off while it was written; taken as not written."
                    )
                yield first, _decoded(block, decode, what, f"{path.name} line", first, problems)
                first += len(block)
    except OSError as error:
        raise WorkloadError(f"Cannot read {path}: {error.strerror}.") from None


def _decoded(
    block: list[bytes], decode: Callable[[bytes], T], what: str, name: str, first: int, problems: list[str]
) -> list[T | None]:
    """A block of lines, decoded at once where all are well, else one by one."""
    try:
        return [decode(line) for line in block]
    except UNREADABLE:
        pass
    found: list[T | None] = []
    for number, line in enumerate(block, first):
        try:
            found.append(decode(line))
        except UNREADABLE as error:
            found.append(None)
            problems.append(f"{name} {number}: {_amiss(line, what, error)}.")
    return found


def _amiss(line: bytes, what: str, error: Exception) -> str:
    """What is wrong with a line that was not decoded."""
    try:
        value = msgspec.json.decode(line)
    except UNREADABLE as worse:
        return f"not JSON ({worse})"
    return f"not {what} ({error})" if isinstance(value, dict) else "not one JSON object"
