"""Tells allure-pytest what pytest-bdd is doing, so that `--alluredir` gets sentences, requirements and verdicts.

allure-pytest sees one function per scenario; allure-pytest-bdd cannot be installed beside it. So each sentence becomes
a step here. pytest-bdd stops at the first Then that fails: the others are judged all the same, and shown with what the
record says to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import allure
import pytest
from allure_commons import plugin_manager

from conformance.catalogue import load_catalogue
from conformance.errors import HarnessError
from conformance.model import Status
from conformance.model.results import CheckResult, RunResult
from conformance.records import EVENTS_FILE, SCENARIO_FILE
from conformance.redaction import redact, scrub
from conformance.report.formats.allure import about, labels, links
from conformance.report.formats.sentences import verdict_text

if TYPE_CHECKING:
    from pytest_bdd.parser import Scenario, Step

    from conformance.play import Play
    from conformance.session import RunSession


class AllureBridge:
    """Follows one scenario at a time. ``folder`` is where allure-pytest writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: str | None = None

    def begin(self, play: Play, session: RunSession) -> None:
        """File the scenario under its use cases, feature and requirements."""
        info = play.info
        allure.dynamic.title(info.name)
        allure.dynamic.parent_suite(session.request.profile.name)
        allure.dynamic.suite(info.feature)
        for name, value in labels(info.feature, info.requirements, load_catalogue(), session.request.profile.mandatory):
            if name != "tag":  # allure-pytest makes tags of the markers
                allure.dynamic.label(name, value)
        for kind, url, name in links(info.requirements):
            allure.dynamic.link(url, link_type=kind, name=name)

    def begin_step(self, step: Step) -> None:
        """A sentence is about to be carried out."""
        self._open = str(uuid4())
        plugin_manager.hook.start_step(uuid=self._open, title=f"{step.keyword} {step.name}", params={})

    def end_step(self, step: Step, play: Play, error: BaseException | None = None) -> None:
        """A sentence was carried out, or (``error``) was not."""
        if step.type == "then" and (error is None or play.is_judging):
            self._attach_verdict(play.verdict_on(step.name))
        self._stop(error)

    def rest(self, scenario: Scenario, failed: Step, play: Play) -> None:
        """Judge the Then sentences after the one that failed."""
        if not play.is_judging:
            return
        steps = scenario.steps
        after = next(n for n, step in enumerate(steps) if step is failed) + 1
        for step in steps[after:]:
            self.begin_step(step)
            check = play.verdict_on(step.name)
            self._attach_verdict(check)
            self._stop(_as_exception(check))

    def end(self, play: Play, session: RunSession) -> None:
        """Attach what was planned and what happened. Their places are not secret; what is in them was redacted."""
        self._stop(HarnessError("The sentence was not carried out to its end."))
        folder = session.folder.scenario_folder(play.info.id)
        for name, kind in ((SCENARIO_FILE, allure.attachment_type.JSON), (EVENTS_FILE, allure.attachment_type.TEXT)):
            if (folder / name).is_file():
                allure.attach.file(str(folder / name), name=name, attachment_type=kind)

    def finish(self, result: RunResult) -> None:
        """Say which run it was, and take secrets out of what allure-pytest wrote of exceptions and output."""
        for name, content in about(result).items():
            (self._folder / name).write_text(content, encoding="utf-8")
        scrub(self._folder)

    def _attach_verdict(self, check: CheckResult) -> None:
        text = redact(verdict_text(check))
        allure.attach(text, name=f"verdict of {check.check}", attachment_type=allure.attachment_type.TEXT)

    def _stop(self, error: BaseException | None) -> None:
        if self._open is None:
            return
        kind: Any = type(error) if error is not None else None
        plugin_manager.hook.stop_step(uuid=self._open, exc_type=kind, exc_val=error, exc_tb=None)
        self._open = None


def _as_exception(check: CheckResult) -> BaseException | None:
    """What allure-pytest takes for failed, broken and skipped."""
    said = f"{check.verdict.status}: {check.phrase}. {check.verdict.reason}"
    if check.verdict.status is Status.PASS:
        return None
    if check.verdict.status is Status.FAIL:
        return pytest.fail.Exception(said, pytrace=False)
    if check.verdict.status is Status.NOT_APPLICABLE:
        return pytest.skip.Exception(said)
    return HarnessError(said)
