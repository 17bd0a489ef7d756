"""The table of what is covered is what the features say, and no clause of the chapter lacks a scenario."""

from __future__ import annotations

from pathlib import Path

from conformance.catalogue import load_catalogue
from conformance.features import coverage

TABLE = Path(__file__).parents[2] / "docs" / "coverage.md"


def test_the_table_shows_every_scenario_of_every_requirement_and_nothing_else() -> None:
    rows = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| MS-")]
    assert rows == [row.as_markdown() for row in coverage()], "run: multisite-ha requirements --coverage"


def test_no_requirement_is_without_a_scenario() -> None:
    assert {row.requirement for row in coverage()} == set(load_catalogue())
