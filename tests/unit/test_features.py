"""Features that could mislead are refused before anything runs."""

from pathlib import Path

import pytest

from conformance.catalogue import load_catalogue
from conformance.checkers.registry import all_checks
from conformance.errors import UsageError
from conformance.features import check_feature, known_tags, scenarios_by_requirement
from conformance.resources import features_dir
from conformance.vocabulary import fault_of

# Checks that judge records no shipped scenario makes yet. Take a name out when its scenario comes.
WAITING = {"session-guarantees"}
# Requirements that no shipped scenario judges, each with the reason. Take one out when its scenario comes.
UNTESTED: dict[str, str] = {}
SHIPPED = sorted(features_dir().rglob("*.feature"))
DATA_CHECK = "no acknowledged write is lost"


def feature(folder: Path, tags: str, steps: str) -> Path:
    path = folder / "one.feature"
    path.write_text(f"Feature: one\n\n  {tags}\n  Scenario: a scenario\n{steps}")
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_every_shipped_feature_is_one_that_can_be_believed(path: Path) -> None:
    check_feature(path)


def test_there_are_shipped_features() -> None:
    assert SHIPPED


def test_every_check_is_asked_for_by_a_shipped_scenario_or_known_to_wait_for_one() -> None:
    text = "\n".join(path.read_text() for path in SHIPPED)
    assert {c.name for c in all_checks().values() if c.phrase not in text} == WAITING


def test_every_check_names_requirements_of_the_catalogue() -> None:
    known = set(load_catalogue())
    assert {r for c in all_checks().values() for r in c.requirements} <= known


def test_the_requirements_of_the_first_slice_have_scenarios() -> None:
    tested = scenarios_by_requirement()
    for requirement in ("MS-GR-01", "MS-GR-02", "MS-GR-03", "MS-GR-05", "MS-GR-06", "MS-GR-07"):
        assert len(tested[requirement]) >= 3


def test_a_scenario_without_a_then_is_refused(tmp_path: Path) -> None:
    path = feature(tmp_path, "@MS-GR-05", "    Given two sites, each run by a VIM of its own\n")
    with pytest.raises(UsageError, match="has no Then"):
        check_feature(path)


def test_an_empty_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no Then"):
        check_feature(feature(tmp_path, "@MS-GR-05", ""))


def test_a_scenario_that_goes_on_after_its_first_then_is_refused(tmp_path: Path) -> None:
    steps = f"    Then {DATA_CHECK}\n    When the link is cut\n    Then {DATA_CHECK}\n"
    with pytest.raises(UsageError, match="after its first Then"):
        check_feature(feature(tmp_path, "@MS-GR-05", steps))


def test_a_mistyped_tag_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="MS-GR-50 is not known. Did you mean 'MS-GR-"):
        check_feature(feature(tmp_path, "@MS-GR-50", f"    Then {DATA_CHECK}\n"))


def test_a_sentence_that_no_check_stands_behind_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"Did you mean '{DATA_CHECK}'"):
        check_feature(feature(tmp_path, "@MS-GR-05", "    Then no acknowledged writes are lost\n"))


def test_tags_that_no_sentence_judges_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Tagged but not judged: MS-GR-06"):
        check_feature(feature(tmp_path, "@MS-GR-05 @MS-GR-06", f"    Then {DATA_CHECK}\n"))


def test_text_that_is_not_gherkin_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.feature"
    path.write_text("Feature: one\n  Scenario: a scenario\n    Then what\n    Perhaps what\n")
    with pytest.raises(UsageError, match="not Gherkin"):
        check_feature(path)


def test_a_feature_whose_scenario_is_mistyped_away_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.feature"
    path.write_text("Feature: one\n  Scenarioo: what\n    Then what\n")
    with pytest.raises(UsageError, match="holds no scenario"):
        check_feature(path)


def test_the_tags_are_the_catalogue_and_the_topics() -> None:
    assert set(load_catalogue()) < set(known_tags())


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("the link delays everything by 80 ms in each direction", "link-delay"),
        ("the link stalls and stays stalled for 2 s", "link-stall"),
        ("the link is cut", "link-cut"),
        ("the first site is lost without warning", "site-loss"),
        ("the VNF fails over to the second site", None),
    ],
)
def test_a_sentence_is_known_to_inject_its_fault(sentence: str, fault: str | None) -> None:
    assert fault_of(sentence) == fault
