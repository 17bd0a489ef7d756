"""What the harness itself did and saw, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOT_SUPPORTED = "not-supported"
"""The state of a scheme's event that says that it has no such operation: nothing was tried."""


@dataclass(frozen=True)
class Event:
    """One line of events.jsonl. ``t`` is CLOCK_MONOTONIC nanoseconds.

    ``kind`` is phase, fault, scheme or observation; ``name`` says which; ``state`` says how far (begin, end,
    injected, verified, healed, heal-verified …); ``ok`` is None where nothing was judged; ``target`` is the
    site or link; ``observed`` holds the measured values.
    """

    t: int
    kind: str
    name: str
    state: str = ""
    target: str | None = None
    ok: bool | None = None
    detail: str = ""
    observed: Mapping[str, Any] = field(default_factory=dict)
