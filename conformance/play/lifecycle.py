"""From a scenario's first sentence to its last undo: what is the same for every scenario."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from conformance.errors import HarnessError
from conformance.judge import judge_phrase
from conformance.model import ScenarioInfo, ScenarioRecord, Status
from conformance.model.results import CheckResult
from conformance.play.stage import Stage
from conformance.session import uninterrupted
from conformance.store import Outcome

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario

    from conformance.session import RunSession


class Lifecycle:
    """Begun, settled before the first Then, judged, closed. A subclass carries out the sentences in between."""

    def __init__(self, session: RunSession, number: int) -> None:
        self._session = session
        self._number = number
        self._stage: Stage | None = None
        self._record: ScenarioRecord | None = None
        self._undos: list[tuple[str, Callable[[], None]]] = []
        self._settled = False
        self._closed = False
        self._error: str | None = None
        self._failed_step: int | None = None
        self._verdicts: dict[str, CheckResult] = {}
        self.late_error: str | None = None
        """What went wrong while everything was taken back."""

    def begin(self, feature: Feature, scenario: Scenario) -> None:
        """Write down what is going to be done."""
        self._stage = Stage(self._session, self._number, feature, scenario)

    @property
    def info(self) -> ScenarioInfo:
        """What was written down; only after begin."""
        return self.stage.info

    @property
    def stage(self) -> Stage:
        """The scenario's surroundings. HarnessError before it was begun."""
        if self._stage is None:
            raise HarnessError("A scenario's sentence was carried out before the scenario was begun.")
        return self._stage

    def settle(self) -> None:
        """Everything is done: complete the record, and take the faults back. Once, before the first Then."""
        if self._settled:
            return
        self.complete()
        self.stage.nemesis.end()
        self._settled = True
        self._end()

    def complete(self) -> None:
        """Look at what came of it, and read everything back, while the faults are still there."""
        raise NotImplementedError

    def judge(self, phrase: str) -> None:
        """Judge one Then sentence on the stored record; anything but a pass fails the pytest item."""
        result = self.verdict_on(phrase)
        verdict = result.verdict
        self._session.judged(result)
        said = f"{verdict.status}: {phrase}. {verdict.reason}"
        if verdict.status is Status.FAIL:
            pytest.fail(said, pytrace=False)
        if verdict.status not in (Status.PASS, Status.NOT_APPLICABLE):
            raise HarnessError(said)  # not a violation: reporters that tell failed from broken should be able to

    @property
    def is_judging(self) -> bool:
        """Whether the records are complete, so that Then sentences can be judged."""
        return self._settled

    def verdict_on(self, phrase: str) -> CheckResult:
        """What the stored record says to one Then sentence; judged once, however often it is asked."""
        if self._record is None:
            self._record = self._session.folder.load(self.info.id)
        if phrase not in self._verdicts:
            self._verdicts[phrase] = judge_phrase(phrase, self._record)
        return self._verdicts[phrase]

    def failed(self, error: BaseException, step: int | None = None) -> None:
        """A sentence could not be carried out; ``step`` is which one, from 0."""
        if self._error is None and not self._settled:
            self._error = str(error) or type(error).__name__
            self._failed_step = step

    def on_close(self, name: str, undo: Callable[[], None]) -> None:
        """Have something undone at the end whatever happens; last first, after the faults. Must work twice."""
        self._undos.append((name, undo))

    def close(self) -> None:
        """Heal, stop and remove whatever is still there; safe to call twice, and not to be interrupted.

        Trouble becomes the scenario's error.
        """
        if self._closed or self._stage is None:
            return
        with uninterrupted():
            for name, undo in (("healing", self._stage.nemesis.end), *reversed(self._undos)):
                try:
                    undo()
                except Exception as error:  # whatever goes wrong in one must not keep the others from cleaning up
                    self.late_error = self.late_error or f"While {name}: {error}"
                    self._error = self._error or self.late_error
                    self._session.say(f"  ERROR while {name}: {error}")
            self._stage.close()
            self._closed = True
            if self._error or self._settled:
                self._end()
            self._stage.events.close()

    def _end(self) -> None:
        duration_s = round((time.monotonic_ns() - self.stage.began) / 1e9, 3)
        outcome = Outcome(self._error, duration_s, self._failed_step, self._closed, self.late_error)
        self._session.folder.end_scenario(self.info.id, outcome)
