"""Faults of the software are looked for at the site that was recovered only where they were injected there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.faults.base import NotPossibleHere
from conformance.model import Observation
from conformance.play import software
from conformance.play.software import Software
from conformance.play.stage import Stage
from conformance.play.subject import Subject
from conformance.sites import Site

A, B = (cast(Site, SimpleNamespace(name=name)) for name in ("site-a", "site-b"))


class Recorded:
    """A stage and its nemesis, which note what they are asked to do."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.first, self.second, self.nemesis = A, B, self
        self.said: list[tuple[Any, ...]] = []
        self.enabled = enabled

    def inject(self, fault: Any) -> bool:
        self.said.append(("inject", fault.name))
        return self.enabled

    def leave_out(self, name: str, target: str, why: str) -> None:
        self.said.append(("leave out", name, target, why))

    def observe(self, name: str, target: str, seen: Observation) -> None:
        self.said.append((name, target, seen.ok))


class Poison:
    name = "poison-message"

    def __init__(self, active: str, standby: str) -> None:
        self.sites = (active, standby)

    def free_of_it(self, vnf: str) -> Observation:
        return Observation(vnf == "the VNF at site-b" and self.sites == ("the VNF at site-a", vnf), "")


def under_test(stage: Recorded, monkeypatch: pytest.MonkeyPatch, make: Any = Poison) -> Software:
    monkeypatch.setattr(software, "PoisonMessage", type("Made", (), {"name": Poison.name, "__new__": _making(make)}))
    subject = SimpleNamespace(at=lambda site: f"the VNF at {site.name}")
    return Software(cast(Stage, stage), cast(Subject, subject))


def _making(make: Any) -> Any:
    return lambda _, active, standby: make(active, standby)


def test_a_fault_that_was_injected_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Recorded()
    played = under_test(stage, monkeypatch)
    played.look(B)
    assert stage.said == []
    played.send_poison()
    played.look(B)
    assert stage.said == [("inject", "poison-message"), ("free-of-fault", "site-b", True)]


def test_in_a_rehearsal_there_is_nothing_to_look_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Recorded(enabled=False)
    played = under_test(stage, monkeypatch)
    played.send_poison()
    played.look(B)
    assert stage.said == [("inject", "poison-message")]


def test_a_fault_that_is_not_possible_here_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(active: str, standby: str) -> Poison:
        raise NotPossibleHere("Nobody could be asked.")

    stage = Recorded()
    played = under_test(stage, monkeypatch, cannot)
    played.send_poison()
    played.look(B)
    assert stage.said == [("leave out", "poison-message", "site-a", "Nobody could be asked.")]
