"""Packets that are hit by chance: a stray one of a fault that is not in force shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.dataplane import Burst, WanLink
from conformance.dataplane.burst import Arrival
from conformance.faults.wan_corruption import WanCorruption
from conformance.faults.wan_fault import SharedOut
from conformance.faults.wan_loss import WanLoss

BOTH = ("a>b", "b>a")


@dataclass
class Wan:
    """A WAN that loses ``lost(count)`` of so many packets once it is disturbed."""

    lost: Callable[[int], int]
    name: str = "wan a-b"
    directions: tuple[str, str] = BOTH
    control: Any = field(default_factory=lambda: SimpleNamespace(path=Path("/nowhere/wan.sock")))
    disturbed: bool = False
    counts: list[int] = field(default_factory=list)

    def flow(self, direction: str) -> None:
        assert direction in self.directions

    def change(self, impairments: Mapping[str, Any], directions: Sequence[str]) -> None:
        self.disturbed = True

    def bursts(self, *, count: int, interval: float) -> dict[str, Burst]:
        self.counts.append(count)
        lost = self.lost(count) if self.disturbed else 0
        burst = Burst(count, tuple(Arrival(n, 1000) for n in range(lost, count)))
        return dict.fromkeys(self.directions, burst)


def verified(make: Callable[[WanLink, float], SharedOut], share: float, lost: Callable[[int], int]) -> bool:
    fault = make(cast(WanLink, Wan(lost)), share)
    fault.inject()
    return fault.verify().ok


@pytest.mark.parametrize("make", [WanLoss, WanCorruption])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.03, 0.05, 0.2])
def test_a_stray_packet_is_no_fault(make: Callable[[WanLink, float], SharedOut], share: float) -> None:
    assert not verified(make, share, lambda count: 0)
    assert not verified(make, share, lambda count: 1)


@pytest.mark.parametrize("share", [0.01, 0.03, 0.05, 0.2, 1.0])
def test_a_share_is_seen_within_what_chance_allows_and_not_beyond(share: float) -> None:
    def away(deviations: float) -> Callable[[int], int]:
        return lambda n: round(n * share + deviations * sqrt(n * share * (1 - share)))

    assert all(verified(WanLoss, share, away(by)) for by in (-3.5, 0, 3.5))
    assert not verified(WanLoss, share, lambda count: round(count * share * 0.49))
    if share < 1:
        assert not verified(WanLoss, share, lambda count: round(count * min(1.0, share * 2.2)))


def test_enough_packets_are_sent_for_a_hundred_to_be_hit_and_not_too_many() -> None:
    counts = {}
    for share in (0.0001, 0.01, 0.03, 0.05, 0.2):
        wan = Wan(lambda count: 0)
        WanLoss(cast(WanLink, wan), share).inject()
        counts[share] = wan.counts[0]
    assert counts == {0.0001: 10_000, 0.01: 10_000, 0.03: 3334, 0.05: 2000, 0.2: 500}
