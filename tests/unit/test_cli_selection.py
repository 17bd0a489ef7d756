"""What words select is known, and refused where it is nothing, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.cli.selection import feature_files, select, selected
from conformance.errors import UsageError
from conformance.features import check_feature

FEATURE = """
@geo-redundancy
Feature: Ours

  @MS-GR-05
  Scenario: The first
    Given two sites, each run by a VIM of its own
    Then no acknowledged write is lost

  Scenario Outline: The link <what>
    Given two sites, each run by a VIM of its own
    Then no acknowledged write is lost

    @MS-GR-05
    Examples:
      | what     |
      | is slow  |
    @MS-GR-06
    Examples:
      | what     |
      | is cut   |
"""


def chosen(*words: str, profile: str = "smoke") -> list[str]:
    arguments = select(words, profile)
    return [one.scenario.name for one in selected(feature_files(arguments), arguments)]


@pytest.fixture
def feature(tmp_path: Path) -> str:
    path = tmp_path / "ours.feature"
    path.write_text(FEATURE)
    return str(path)


def test_words_of_a_name_a_tag_and_tags_of_examples_select(feature: str) -> None:
    assert chosen(feature) == ["The first", "The link is slow", "The link is cut"]
    assert chosen(feature, "LINK  is") == ["The link is slow", "The link is cut"]
    assert chosen(feature, "MS-GR-05") == ["The first", "The link is slow"]
    assert chosen(feature, "MS-GR-06", "cut") == ["The link is cut"]
    assert chosen("MS-GR-02", "stalled") == ["The first site is lost after the link stalled for 2 s"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no such",), "The selection matches none of 3 scenarios."),
        (("the first site is lost while the link is clen",), "Did you mean 'The first site is lost while the link is"),
        (("MS-GR-08",), "The selection matches none of 3 scenarios."),
        (("",), "A word of the selection is empty"),
    ],
)
def test_what_selects_nothing_is_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        chosen(*words)


def test_places_without_features_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.feature").mkdir()
    for place in (tmp_path, tmp_path / "folder.feature", tmp_path / "gone.feature"):
        with pytest.raises(UsageError, match=f"Expected feature files at {place}; there are none"):
            feature_files([str(place), "-m", "(MS-GR-05)"])


def test_tags_of_a_profile_that_are_no_expression_are_refused(feature: str) -> None:
    with pytest.raises(UsageError, match=r"The tags 'MS-GR-05 and \(' are no expression over tags"):
        selected([Path(feature)], ["-m", "MS-GR-05 and ("])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: expected a line that begins with 'Feature:'"),
        (b"# nothing but this\n\n", "is empty"),
        (b"\xff\xfeF\x00", "is not text in UTF-8: invalid start byte at byte 0"),
        (b"\xef\xbb\xbf" + FEATURE.encode(), "begins with a byte order mark"),
        (FEATURE.replace("The first", "").encode(), "line 6: a scenario without a name"),
        (
            (FEATURE + "\n  Rule: One\n    Scenario: The first\n      Then no acknowledged write is lost\n").encode(),
            "line 24: the scenario 'The first' has the name of the one in line 6, which would be left out",
        ),
    ],
)
def test_a_file_in_which_scenarios_would_be_missed_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "mine.feature"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        check_feature(path)


def test_a_feature_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot read the feature file .*: Is a directory"):
        check_feature(tmp_path)
