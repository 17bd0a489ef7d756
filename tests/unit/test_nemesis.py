"""Healing comes before everything else: before the record, and after any interruption."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event, Thread
from typing import Any

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


class Slow(Switch):
    """A fault that measures for a while before it strikes: ``measuring`` is set when it does, and it goes on when
    ``go`` is."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.measuring, self.go = Event(), Event()
        self.measured = 0

    def measure_baseline(self) -> None:
        self.measured += 1

    def inject(self) -> None:
        self.measuring.set()
        assert self.go.wait(60)
        super().inject()


def meet(fault: Slow, injecting: Thread, healing: Thread) -> None:
    """Begin to heal while the fault is still measuring, then let it strike; both have come to their end on return."""
    injecting.start()
    assert fault.measuring.wait(60)
    healing.start()
    healing.join(0.3)  # one that waits for nothing is over by then
    fault.go.set()
    for thread in (injecting, healing):
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture
def nemesis(tmp_path: Path) -> Nemesis:
    return Nemesis(EventLog(tmp_path / "events.jsonl"), Journal("run", tmp_path), lambda _: None, enabled=True)


def states(folder: Path) -> list[tuple[str, str, bool | None]]:
    return [(e.name, e.state, e.ok) for e in read_events(folder / "events.jsonl")[0]]


def journaled(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "run.jsonl").read_text().splitlines()]


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


def test_a_fault_that_ended_before_it_was_healed_did_not_bite_until_then(nemesis: Nemesis, tmp_path: Path) -> None:
    class Flapping(Switch):
        why = ""

        def gave_up(self) -> str:
            return self.why

    steady, ended = Flapping("steady"), Flapping("ended")
    nemesis.inject(steady)
    nemesis.inject(ended)
    ended.why = "The proxy did not answer any more."
    nemesis.heal()
    assert [(state, ok) for name, state, ok in states(tmp_path) if name == "ended"] == [
        ("injecting", None), ("injected", None), ("verified", True), ("verified", False),
        ("healing", None), ("healed", None), ("heal-verified", True),
    ]  # fmt: skip
    assert [ok for name, state, ok in states(tmp_path) if (name, state) == ("steady", "verified")] == [True]


def test_a_disabled_nemesis_touches_nothing_and_says_so(tmp_path: Path) -> None:
    nemesis = Nemesis(EventLog(tmp_path / "events.jsonl"), Journal("run", tmp_path), lambda _: None, enabled=False)
    fault = Switch("loss")
    assert nemesis.inject(fault) is False
    assert not fault.lost
    assert states(tmp_path) == [("loss", "skipped", False)]


def test_a_fault_that_still_measures_when_healing_begins_does_not_stay(nemesis: Nemesis) -> None:
    """An undo that is struck out before its fault strikes is an undo that nobody ever carries out."""
    fault = Slow("wan-loss")
    meet(fault, Thread(target=nemesis.inject, args=(fault,)), Thread(target=nemesis.heal))
    assert not fault.lost


def test_the_undo_of_a_fault_that_still_measures_stays_in_the_journal(nemesis: Nemesis, tmp_path: Path) -> None:
    class Watched(Slow):
        def heal(self) -> None:
            super().heal()
            struck_out.append(any("done" in line for line in journaled(tmp_path)))

    struck_out: list[bool] = []
    fault = Watched("wan-loss")
    meet(fault, Thread(target=nemesis.inject, args=(fault,)), Thread(target=nemesis.end))
    assert struck_out == [False]
    assert any("done" in line for line in journaled(tmp_path))


def test_nothing_is_injected_once_everything_is_being_taken_back(nemesis: Nemesis, tmp_path: Path) -> None:
    fault = Switch("wan-loss")
    nemesis.end()
    assert nemesis.inject(fault) is False
    assert not fault.lost
    assert states(tmp_path) == [("wan-loss", "skipped", False)]
    assert len(journaled(tmp_path)) == 1  # whose it is, and no undo


def test_a_fault_that_is_being_injected_keeps_no_other_from_it(nemesis: Nemesis) -> None:
    slow, other = Slow("slow"), Switch("other")
    meet(slow, Thread(target=nemesis.inject, args=(slow,)), Thread(target=nemesis.inject, args=(other,)))
    assert slow.lost and other.lost


def test_an_injection_that_was_interrupted_can_be_healed_by_the_same_thread(nemesis: Nemesis) -> None:
    class Interrupted(Switch):
        def inject(self) -> None:
            super().inject()
            raise KeyboardInterrupt

    fault = Interrupted("loss")
    with pytest.raises(KeyboardInterrupt):
        nemesis.inject(fault)
    nemesis.end()
    assert not fault.lost


def test_a_rehearsal_measures_nothing_beforehand(tmp_path: Path, nemesis: Nemesis) -> None:
    fault = Slow("wan-loss")
    Nemesis(EventLog(tmp_path / "e.jsonl"), Journal("other", tmp_path), lambda _: None, enabled=False).foresee(fault)
    assert fault.measured == 0
    nemesis.foresee(fault)
    assert fault.measured == 1
