"""Whatever happens in a scenario, everything is taken back once, last first; what goes wrong then is its error."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from test_judge import run_folder, scenario
from test_nemesis import Slow, Switch, meet

from conformance.errors import HarnessError
from conformance.faults.journal import Journal
from conformance.nemesis import Nemesis
from conformance.play.lifecycle import Lifecycle
from conformance.play.play import Play
from conformance.records import EVENTS_FILE, read_events
from conformance.store import EventLog, Outcome, RunFolder

ID = "01-one"


class Scene(Lifecycle):
    """A scenario at no site: what is real are its folder, its events and its nemesis."""

    def __init__(self, folder: Path) -> None:
        self.run: RunFolder = run_folder(folder / "run")
        self.told: list[str] = []
        self.done: list[str] = []
        session: Any = SimpleNamespace(folder=self.run, say=self.told.append)
        super().__init__(session, 1)
        events = EventLog(self.run.begin_scenario(scenario()) / EVENTS_FILE)
        nemesis = Nemesis(events, Journal("run", folder), self.told.append, enabled=True)
        closed = self.done
        stage: Any = SimpleNamespace(
            info=scenario(), began=0, nemesis=nemesis, events=events, close=lambda: closed.append("the stage")
        )
        self._stage = stage

    def complete(self) -> None:
        self.done.append("completed")

    def undoing(self, name: str, error: Exception | None = None) -> None:
        """Have ``name`` undone at the end, which goes wrong with ``error``."""

        def undo() -> None:
            self.done.append(name)
            if error is not None:
                raise error

        self.on_close(f"undoing {name}", undo)

    @property
    def outcome(self) -> Outcome | None:
        return self.run.outcome(ID)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_everything_is_undone_last_first_and_the_stage_after_it(scene: Scene) -> None:
    for name in ("the VNF", "the clients", "the look"):
        scene.undoing(name)
    scene.close()
    assert scene.done == ["the look", "the clients", "the VNF", "the stage"]


def test_faults_are_healed_before_anything_else_is_undone(scene: Scene) -> None:
    switch = Switch("link-cut")
    scene.stage.nemesis.inject(switch)
    scene.on_close("looking", lambda: scene.done.append(f"lost: {switch.lost}"))
    scene.close()
    assert scene.done[0] == "lost: False"


def test_a_fault_under_way_when_the_scenario_fails_does_not_outlive_it(scene: Scene) -> None:
    """As when a failover that fails at once is to be disturbed, or somebody presses Ctrl-C: the fault still measures
    while everything is taken back."""
    fault = Slow("wan-loss")
    scene.failed(HarnessError("the hook ended with status 1."))
    injecting = Thread(target=lambda: scene.stage.nemesis.inject(fault), daemon=True)
    scene.on_close("injecting during an operation", lambda: injecting.join(60))
    meet(fault, injecting, Thread(target=scene.close, daemon=True))
    assert not fault.lost


def test_closing_twice_undoes_once(scene: Scene) -> None:
    scene.undoing("the VNF")
    scene.close()
    scene.close()
    assert scene.done == ["the VNF", "the stage"]


def test_closing_what_was_never_begun_does_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene._stage = None
    scene.undoing("the VNF")
    scene.close()
    assert scene.done == []


def test_an_undo_that_goes_wrong_keeps_no_other_from_being_done_and_is_the_scenarios_error(scene: Scene) -> None:
    scene.undoing("the VNF")
    scene.undoing("the clients", HarnessError("they are stuck."))
    scene.undoing("the look", ValueError("blind"))
    scene.settle()
    scene.close()
    assert scene.done == ["completed", "the look", "the clients", "the VNF", "the stage"]
    assert scene.late_error == "While undoing the look: blind"
    assert scene.outcome is not None
    assert scene.outcome.error == "While undoing the look: blind"
    assert "  ERROR while undoing the clients: they are stuck." in scene.told


def test_a_healing_that_goes_wrong_is_the_scenarios_error_and_the_rest_is_undone(scene: Scene) -> None:
    scene.stage.nemesis.inject(Switch("link-cut", heal_errors=(HarnessError("still cut."),) * 2))
    scene.undoing("the VNF")
    with pytest.raises(HarnessError, match="still cut"):
        scene.settle()
    scene.close()
    assert scene.done == ["completed", "the VNF", "the stage"]
    assert scene.outcome is not None
    assert str(scene.outcome.error).startswith("While healing: link-cut on site-a was not healed: still cut.")


def test_the_first_error_stands_whatever_goes_wrong_later(scene: Scene) -> None:
    scene.undoing("the VNF", HarnessError("it is stuck."))
    scene.failed(HarnessError("no such image."), 2)
    scene.failed(HarnessError("later."), 3)
    scene.close()
    assert scene.outcome is not None
    assert (scene.outcome.error, scene.outcome.failed_step) == ("no such image.", 2)
    assert scene.outcome.trouble == scene.late_error
    assert scene.late_error == "While undoing the VNF: it is stuck."


def test_a_scenario_that_neither_settled_nor_failed_has_no_outcome(scene: Scene) -> None:
    """It was interrupted: a judge must not take it for one that ended."""
    scene.close()
    assert scene.outcome is None


def test_a_settled_scenario_has_an_outcome_without_an_error(scene: Scene) -> None:
    scene.settle()
    scene.settle()
    scene.close()
    assert scene.done == ["completed", "the stage"]
    assert scene.outcome is not None
    assert scene.outcome.error is None


def test_what_a_judge_finds_is_no_error_of_carrying_out(scene: Scene) -> None:
    scene.settle()
    scene.failed(HarnessError("fail: the check says so."))
    scene.close()
    assert scene.outcome is not None
    assert scene.outcome.error is None


def test_healing_is_on_record_when_the_scenario_is_settled(scene: Scene) -> None:
    scene.stage.nemesis.inject(Switch("link-cut"))
    scene.settle()
    scene.close()
    states = [e.state for e in read_events(scene.run.path / "scenarios" / ID / EVENTS_FILE)[0]]
    assert states[-2:] == ["healed", "heal-verified"]


def test_a_sentence_out_of_order_says_what_is_missing(tmp_path: Path) -> None:
    session: Any = SimpleNamespace()
    play = Play(session, 1)
    with pytest.raises(HarnessError, match="before the scenario was begun"):
        play.check_sites()
    with pytest.raises(HarnessError, match="a Given sentence that deploys one is missing"):
        play.protect()
    with pytest.raises(HarnessError, match="a Given sentence that starts them is missing"):
        play.clients.rest()


def test_a_service_that_never_left_the_first_site_is_not_returned_to_another() -> None:
    told: list[str] = []
    asked: list[str] = []
    first = SimpleNamespace(name="site-a")
    session: Any = SimpleNamespace()
    play = Play(session, 1)
    stage: Any = SimpleNamespace(first=first, say=told.append)
    subject: Any = SimpleNamespace(serving=first, go_back=lambda: asked.append("back"))
    play._stage, play._subject = stage, subject
    play.go_back()
    assert asked == []
    assert told == ["  The service never left site-a: there is nothing to return."]
