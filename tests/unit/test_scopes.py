"""A requirement that says for what else the others hold is judged by every check of the scenarios that carry its id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import clean, lose

from conformance.catalogue import load_catalogue
from conformance.errors import UsageError
from conformance.features import check_feature, scope_tags
from conformance.judge import judge_phrase
from conformance.model import Status

WRITES, SESSIONS = "no acknowledged write is lost", "every session survives"


def feature(folder: Path, tags: str, *phrases: str) -> Path:
    path = folder / "one.feature"
    steps = "".join(f"    Then {phrase}\n" for phrase in phrases)
    path.write_text(f"Feature: one\n\n  {tags}\n  Scenario: a scenario\n{steps}")
    return path


def test_scopes_are_told_from_other_tags() -> None:
    assert scope_tags({"MS-GR-12", "MS-GR-10", "MS-GR-05", "geo-redundancy"}) == ("MS-GR-10", "MS-GR-12")


def test_a_scope_is_judged_by_every_check_of_its_scenario() -> None:
    record = clean()
    scoped = replace(record, info=replace(record.info, scopes=("MS-GR-10",)))
    assert judge_phrase(WRITES, scoped).requirements == ("MS-GR-05", "MS-GR-10")
    assert judge_phrase(SESSIONS, scoped).requirements == ("MS-GR-03", "MS-GR-10")
    assert judge_phrase(WRITES, record).requirements == ("MS-GR-05",)


def test_a_scope_that_a_check_judges_anyway_is_named_once() -> None:
    record = clean()
    scoped = replace(record, info=replace(record.info, scopes=("MS-GR-05",)))
    assert judge_phrase(WRITES, scoped).requirements == ("MS-GR-05",)


def test_what_fails_a_check_fails_its_scope() -> None:
    record = lose("b-3")(clean())
    result = judge_phrase(WRITES, replace(record, info=replace(record.info, scopes=("MS-GR-10",))))
    assert result.verdict.status is Status.FAIL
    assert "MS-GR-10" in result.requirements


def test_an_unknown_sentence_is_an_error_of_all_that_the_scenario_was_to_judge() -> None:
    result = judge_phrase("all is well", clean())
    assert result.verdict.status is Status.ERROR
    assert result.requirements == clean().info.requirements


def test_a_scope_needs_no_sentence_of_its_own(tmp_path: Path) -> None:
    check_feature(feature(tmp_path, "@MS-GR-10 @MS-GR-05", WRITES))


def test_a_scope_stands_in_for_no_other_tag(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="judged but not tagged: MS-GR-05"):
        check_feature(feature(tmp_path, "@MS-GR-10", WRITES))


def test_a_scope_excuses_no_tag_that_nothing_judges(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Tagged but not judged: MS-GR-06; judged but not tagged: none"):
        check_feature(feature(tmp_path, "@MS-GR-10 @MS-GR-05 @MS-GR-06", WRITES))


def test_a_scope_without_any_check_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no Then"):
        check_feature(feature(tmp_path, "@MS-GR-10"))


def test_the_catalogue_says_which_requirements_are_scopes() -> None:
    assert [r.id for r in load_catalogue().values() if r.scope] == ["MS-GR-10", "MS-GR-11", "MS-GR-12"]
