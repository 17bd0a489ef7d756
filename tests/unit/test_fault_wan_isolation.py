"""A site is cut off from all others: every WAN that begins there is cut, measured, and healed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from conformance.dataplane import WanLink
from conformance.faults.wan_isolation import WanIsolation


@dataclass
class Label:
    label: str


@dataclass
class Control:
    path: Path = Path("/nowhere/wan.sock")


@dataclass
class Burst:
    arrived: int


@dataclass
class Wan:
    """A WAN that loses everything in the directions that are down."""

    near: Label
    far: Label
    others: tuple[Wan, ...] = ()
    down: set[str] = field(default_factory=set)
    control: Control = field(default_factory=Control)
    deaf: bool = False

    @property
    def name(self) -> str:
        return f"wan {self.near.label}-{self.far.label}"

    @property
    def directions(self) -> tuple[str, str]:
        return f"{self.near.label}>{self.far.label}", f"{self.far.label}>{self.near.label}"

    def flow(self, direction: str) -> None:
        assert direction in self.directions

    def change(self, impairments: Mapping[str, Any], directions: Sequence[str]) -> None:
        assert impairments == {"up": False}
        self.down |= set() if self.deaf else set(directions)

    def restore(self, impairments: Sequence[str], directions: Sequence[str]) -> None:
        self.down -= set(directions)

    def bursts(self, *, count: int, interval: float) -> dict[str, Burst]:
        return {direction: Burst(0 if direction in self.down else count) for direction in self.directions}


def isolation(*, deaf: bool = False) -> tuple[WanIsolation, Wan, Wan]:
    other = Wan(Label("a"), Label("c"), deaf=deaf)
    pair = Wan(Label("a"), Label("b"), (other,))
    return WanIsolation(cast(WanLink, pair)), pair, other


def test_every_wan_of_the_site_is_cut_and_healed() -> None:
    fault, pair, other = isolation()
    assert fault.target == "wan of a"
    fault.inject()
    assert pair.down == {"a>b", "b>a"} and other.down == {"a>c", "c>a"}
    assert fault.verify().ok
    fault.heal()
    assert fault.verify_healed().ok and not pair.down | other.down


def test_it_did_not_bite_where_one_other_site_is_still_reached() -> None:
    fault, *_ = isolation(deaf=True)
    fault.inject()
    seen = fault.verify()
    assert not seen.ok and "a>c: 50 of 50 packets arrived" in seen.detail


def test_its_undo_names_all_directions() -> None:
    undo = isolation()[0].undo()
    assert undo.action == "restore-wan"
    assert undo.arguments["directions"] == ["a>b", "b>a", "a>c", "c>a"] and undo.arguments["impairments"] == ["up"]
