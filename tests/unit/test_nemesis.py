"""Healing comes before everything else: before the record, and after any interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import HarnessError
from conformance.faults.base import Undo
from conformance.faults.journal import Journal
from conformance.model import Observation
from conformance.nemesis import Nemesis
from conformance.records import read_events
from conformance.store import EventLog

FINE = Observation(True, "as meant")


class Switch:
    """A fault of pure logic: a switch that can be off, and whose healing can go wrong a number of times."""

    def __init__(self, name: str, bites: bool = True, heal_errors: tuple[BaseException, ...] = ()) -> None:
        self.name = name
        self.target = "site-a"
        self.lost = False
        self._bites = bites
        self._heal_errors = list(heal_errors)

    def undo(self) -> Undo:
        return Undo("restore", {"name": self.name})

    def inject(self) -> None:
        self.lost = True

    def verify(self) -> Observation:
        return Observation(self._bites, "measured")

    def heal(self) -> None:
        if self._heal_errors:
            raise self._heal_errors.pop(0)
        self.lost = False

    def verify_healed(self) -> Observation:
        return Observation(not self.lost, "measured")


@pytest.fixture
def nemesis(tmp_path: Path) -> Nemesis:
    return Nemesis(EventLog(tmp_path / "events.jsonl"), Journal("run", tmp_path), lambda _: None, enabled=True)


def states(folder: Path) -> list[tuple[str, str, bool | None]]:
    return [(e.name, e.state, e.ok) for e in read_events(folder / "events.jsonl")[0]]


def test_a_fault_leaves_every_stage_in_the_record(nemesis: Nemesis, tmp_path: Path) -> None:
    nemesis.inject(Switch("loss"))
    nemesis.heal()
    assert [state for _, state, _ in states(tmp_path)] == [
        "injecting", "injected", "verified", "healing", "healed", "heal-verified",
    ]  # fmt: skip


def test_an_interrupted_heal_is_done_by_the_next_call(nemesis: Nemesis) -> None:
    fault = Switch("loss", heal_errors=(KeyboardInterrupt(),))
    nemesis.inject(fault)
    with pytest.raises(KeyboardInterrupt):
        nemesis.heal()
    nemesis.heal()
    assert not fault.lost


def test_a_fault_that_cannot_be_healed_keeps_no_other_from_it(nemesis: Nemesis) -> None:
    first, last = Switch("first"), Switch("last", heal_errors=(HarnessError("no answer"),))
    nemesis.inject(first)
    nemesis.inject(last)
    with pytest.raises(HarnessError, match="last on site-a was not healed: no answer"):
        nemesis.heal()
    assert not first.lost


def test_a_full_disk_does_not_keep_a_fault_from_being_healed(tmp_path: Path) -> None:
    events = EventLog(tmp_path / "events.jsonl")
    nemesis = Nemesis(events, Journal("run", tmp_path), lambda _: None, enabled=True)
    fault = Switch("loss")
    nemesis.inject(fault)
    full = EventLog(Path("/dev/full"))
    nemesis._events = full
    with pytest.raises(HarnessError, match="could not be recorded: No space left on device"):
        nemesis.heal()
    assert not fault.lost


def test_a_fault_nobody_could_feel_did_not_bite(nemesis: Nemesis, tmp_path: Path) -> None:
    nemesis.inject(Switch("stall"), carries=Observation(False, "0 bytes passed the link."))
    assert ("stall", "verified", False) in states(tmp_path)


def test_a_disabled_nemesis_touches_nothing_and_says_so(tmp_path: Path) -> None:
    nemesis = Nemesis(EventLog(tmp_path / "events.jsonl"), Journal("run", tmp_path), lambda _: None, enabled=False)
    fault = Switch("loss")
    assert nemesis.inject(fault) is False
    assert not fault.lost
    assert states(tmp_path) == [("loss", "skipped", False)]
