"""The records of one page of a scan, kept as they were recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import msgspec

_decode = msgspec.json.Decoder(list[tuple[str, str]]).decode


class Page(Sequence[tuple[str, str]]):
    """(key, value) pairs in storage order, decoded whenever somebody looks.

    As text they take a quarter of the memory that they take as strings, and a read of everything is looked at twice.
    Equal to a tuple of the same pairs. Raises msgspec.DecodeError (or RecursionError, UnicodeDecodeError) when made of
    anything but pairs of strings.
    """

    __slots__ = ("_length", "_text")

    def __init__(self, text: msgspec.Raw) -> None:
        self._text = text
        self._length = len(_decode(text))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(_decode(self._text))

    @overload
    def __getitem__(self, index: int) -> tuple[str, str]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[str, str]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, str] | Sequence[tuple[str, str]]:
        return _decode(self._text)[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Page, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
