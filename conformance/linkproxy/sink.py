"""What a stream is made of: places that take chunks in order, and then at most one end."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

Data = bytes | memoryview


class End(Enum):
    """How a stream ends. It travels behind the last byte, so a toxic that holds data holds the end as
    well."""

    EOF = "eof"
    """The sender is done; the other direction goes on (TCP half-close)."""
    CLOSE = "close"
    """A toxic closes the whole connection, after delivering what came before."""
    RESET = "reset"
    """Both sides get a TCP reset."""


class Chunk(NamedTuple):
    """Bytes and the loop time, in seconds, at which they reached the proxy."""

    data: Data
    arrived: float


class Sink(Protocol):
    """Takes chunks in order: a stage, or the socket at the end of the stream."""

    on_room: Callable[[], None]
    """Called each time ``full`` may have turned False, for whoever feeds this sink."""

    @property
    def full(self) -> bool:
        """Whether the feeder has to wait. A feeder that does not wait loses nothing, it only costs memory."""

    def put(self, data: Data, arrived: float) -> None:
        """Append; ignored after the end."""

    def end(self, how: End) -> None:
        """No data comes after this. Only the first end counts, but an EOF may still turn into a reset."""
