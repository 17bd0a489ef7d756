"""Something measured, and whether it shows what was meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Observation:
    """``detail`` is one sentence for a person; ``observed`` the measured values."""

    ok: bool
    detail: str
    observed: Mapping[str, Any] = field(default_factory=dict)
