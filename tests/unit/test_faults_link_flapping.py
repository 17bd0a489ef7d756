"""A link that comes and goes does so at the period that was asked for, whatever switching it takes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.faults import link_flapping
from conformance.faults.link_flapping import LinkFlapping


@dataclass
class Clock(threading.Event):
    """Time that passes only while somebody waits, or while a link is switched."""

    switching_s: float
    now: float = 100.0
    switched: list[tuple[float, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return len(self.switched) >= 8

    def set_enabled(self, _name: str, whole: bool) -> None:
        self.switched.append((round(self.now, 6), whole))
        self.now += self.switching_s


def flapped(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[float]:
    """When a link of 0.4 s that was cut at 100 s was switched."""
    monkeypatch.setattr(link_flapping, "monotonic", lambda: clock.now)
    link: Any = SimpleNamespace(name="link", server=clock)
    fault = LinkFlapping(link, 0.4)
    fault._stop = clock
    fault._flap()
    assert [whole for _, whole in clock.switched] == [True, False] * 4
    return [when for when, _ in clock.switched]


def test_what_switching_takes_makes_no_period_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    times = flapped(monkeypatch, Clock(switching_s=0.05))
    assert times == [pytest.approx(100.2 + 0.2 * n) for n in range(8)]


def test_what_was_missed_is_not_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    times = flapped(monkeypatch, Clock(switching_s=0.3))
    assert times == [pytest.approx(100.2 + 0.3 * n) for n in range(8)]
