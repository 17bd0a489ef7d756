"""What is done to the packets of one direction between two sites, and how a client says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

DISTRIBUTIONS = ("uniform", "normal")
_LONGEST_MS = 60_000.0
_SMALLEST_MTU = 68


class BadRequest(Exception):
    """What a client asked for cannot be done; the message is for the client."""


@dataclass(frozen=True)
class Impairments:
    """Times in milliseconds, shares from 0 to 1; the defaults disturb nothing.

    ``jitter_ms`` is half the width of a uniform distribution around the delay, or the standard deviation of a normal
    one; below 0 ms it is cut off. Jitter keeps the order of packets. ``reorder`` is the share of packets held back
    by ``reorder_ms``, so that later ones overtake them. ``corrupt`` flips one bit behind the Ethernet header.
    ``rate_bits`` is bits per second of Ethernet frames, 0 no limit; a packet that would wait longer than ``queue_ms``
    for it is dropped. ``mtu`` is the longest IP packet, 0 no limit; ``mtu_replies`` whether the sender is told.
    With ``flap_period_ms`` above 0 the direction is up for the first ``flap_duty`` of every period, then down.
    """

    up: bool = True
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    jitter_distribution: str = "uniform"
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_ms: float = 10.0
    corrupt: float = 0.0
    rate_bits: int = 0
    queue_ms: float = 200.0
    mtu: int = 0
    mtu_replies: bool = True
    flap_period_ms: float = 0.0
    flap_duty: float = 0.5


NONE = Impairments()
_SHARES = ("loss", "duplicate", "reorder", "corrupt", "flap_duty")
_TIMES = ("delay_ms", "jitter_ms", "reorder_ms", "queue_ms", "flap_period_ms")
_WHOLE = ("rate_bits", "mtu")
_SWITCHES = ("up", "mtu_replies")
_NAMES = tuple(field.name for field in fields(Impairments))


def changed(current: Impairments, given: object, where: str) -> Impairments:
    """``current`` with the fields that ``given`` names; BadRequest says which value is wrong and what is expected."""
    if not isinstance(given, Mapping):
        raise BadRequest(f"{where} must be an object of impairments, not {given!r:.80}.")
    return replace(current, **{name: _checked(name, value, where) for name, value in given.items()})


def _checked(name: str, value: Any, where: str) -> Any:
    said = f"{name} of {where}"
    if name in _SWITCHES:
        if not isinstance(value, bool):
            raise BadRequest(f"{said} must be true or false, not {value!r:.80}.")
        return value
    if name == "jitter_distribution":
        if value not in DISTRIBUTIONS:
            raise BadRequest(f"{said} must be one of {', '.join(DISTRIBUTIONS)}, not {value!r:.80}.")
        return value
    if name not in _NAMES:
        raise BadRequest(f"{name!r:.80} of {where} is no impairment. Known: {', '.join(_NAMES)}.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest(f"{said} must be a number, not {value!r:.80}.")
    if name in _WHOLE:
        return _whole(name, value, said)
    most = 1.0 if name in _SHARES else _LONGEST_MS
    if not 0 <= value <= most:  # NaN is not in it either
        raise BadRequest(f"{said} must be from 0 to {most:g}, not {value!r}.")
    return float(value)


def _whole(name: str, value: float, said: str) -> int:
    if value != value or value in (float("inf"), float("-inf")) or value != int(value) or value < 0:
        raise BadRequest(f"{said} must be a whole number from 0, not {value!r}.")
    if name == "mtu" and 0 < value < _SMALLEST_MTU:
        raise BadRequest(f"{said} must be 0 (no limit) or at least {_SMALLEST_MTU}, not {value!r}.")
    return int(value)
