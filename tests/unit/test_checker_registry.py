"""Checks are found by name and by sentence; what goes wrong in one is an error, never a pass."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest
from builders import clean

from conformance.checkers import registry
from conformance.checkers.registry import CHECKS, Check, all_checks, check_for_phrase, judge
from conformance.errors import HarnessError, UsageError
from conformance.model import ScenarioRecord, Status, Verdict


def crashing(record: ScenarioRecord) -> Verdict:
    raise KeyError("no such thing")


def silent(record: ScenarioRecord) -> Any:
    return None


def passing(record: ScenarioRecord) -> Verdict:
    return Verdict(Status.PASS, "Fine.")


def own_check(name: str = "own", phrase: str = "our own thing holds", function: Any = passing) -> Check:
    return Check(name, phrase, ("MS-GR-05",), function, "Our own thing")


OWN = own_check()
CRASHING = own_check("crashing", "it crashes", crashing)
SILENT = own_check("silent", "it says nothing", silent)
TAKEN_NAME = own_check("outage")
TAKEN_PHRASE = own_check("new", CHECKS["outage"].phrase)
NO_CHECK = "just a string"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend that packages are installed which declare these entry points."""

    def install(*names: str) -> None:
        points = [EntryPoint(n, f"{__name__}:{n}", "conformance.checkers") for n in names]
        monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "conformance.checkers" else [])
        all_checks.cache_clear()

    yield install
    monkeypatch.undo()
    all_checks.cache_clear()


def test_each_check_is_found_by_its_sentence() -> None:
    for name, check in CHECKS.items():
        assert check.name == name
        assert check_for_phrase(check.phrase) is check
        assert check.requirements
        assert check.title


def test_sentences_and_names_are_unique() -> None:
    assert len({check.phrase for check in CHECKS.values()}) == len(CHECKS)


def test_an_unknown_sentence_asks_for_nothing() -> None:
    assert check_for_phrase("the moon is full") is None


def test_an_unknown_name_is_answered_with_the_closest_one() -> None:
    with pytest.raises(UsageError, match="There is no check 'outtage'. Did you mean 'outage'?"):
        judge("outtage", clean())


def test_a_check_of_an_installed_package_is_found_and_judges(installed: Any) -> None:
    installed("OWN")
    assert check_for_phrase("our own thing holds") is OWN
    assert judge("own", clean()).status is Status.PASS


def test_a_check_of_an_installed_package_passes_the_gate(installed: Any) -> None:
    installed("OWN")
    assert judge("own", clean(finished=False)).status is Status.INCONCLUSIVE


def test_a_check_that_crashes_is_an_error(installed: Any) -> None:
    installed("CRASHING")
    verdict = judge("crashing", clean())
    assert verdict.status is Status.ERROR
    assert verdict.reason == "The check crashing crashed: KeyError: 'no such thing'."


def test_a_check_without_a_verdict_is_an_error(installed: Any) -> None:
    installed("SILENT")
    verdict = judge("silent", clean())
    assert verdict.status is Status.ERROR
    assert "None instead of a verdict" in verdict.reason


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TAKEN_NAME", "takes a name or sentence that is taken already"),
        ("TAKEN_PHRASE", "takes a name or sentence that is taken already"),
        ("NO_CHECK", "should be a conformance.checkers.registry.Check"),
        ("MISSING", "cannot be loaded"),
    ],
)
def test_a_broken_entry_point_is_named(installed: Any, name: str, words: str) -> None:
    installed(name)
    with pytest.raises(HarnessError, match=words):
        judge("outage", clean())
