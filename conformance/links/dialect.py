"""What can be asked of the far end of a link, by the protocol that is spoken there, before anybody has logged in."""

from __future__ import annotations

import struct
from dataclasses import dataclass

QUESTION_BYTES = 9_900
"""Length of a long question."""


@dataclass(frozen=True)
class Dialect:
    """The far end says ``greeting`` bytes unasked. ``question`` is answered at once, ``long_question`` (QUESTION_BYTES)
    when it was read whole; ``nonsense`` makes the far end hang up."""

    greeting: int
    question: bytes
    long_question: bytes
    nonsense: bytes


def _postgresql() -> Dialect:
    """A server answers an SSLRequest with one byte, S or N. A start-up message as long as it takes one, for an account
    that does not exist, is read whole before it is refused; a length that nothing can have ends it without a word."""
    parameters = b"user\0nobody-measures-the-link\0application_name\0"
    start_up = struct.pack(">II", QUESTION_BYTES, 196608) + parameters
    start_up += b"x" * (QUESTION_BYTES - len(start_up) - 2) + b"\0\0"
    return Dialect(0, struct.pack(">II", 8, 80877103), start_up, struct.pack(">I", 1))


def _nbd() -> Dialect:
    """A server of network block devices greets; then it answers each option: a list of its exports, and that it does
    not know an option, when it has read all that came with it. What is no option ends it."""

    def option(number: int, content: bytes) -> bytes:
        return struct.pack(">I8sII", 1, b"IHAVEOPT", number, len(content)) + content

    return Dialect(18, option(3, b""), option(0x6D736861, bytes(QUESTION_BYTES - 20)), struct.pack(">IQQ", 1, 0, 0))


POSTGRESQL = _postgresql()
"""Also for whatever answers eight arbitrary bytes."""
NBD = _nbd()
