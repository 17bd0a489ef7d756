"""The table of what is covered is what the features say; no clause lacks a scenario, no fault a use."""

from __future__ import annotations

from pathlib import Path

from conformance.catalogue import load_catalogue
from conformance.coverage import SCHEMES, UNUSED, coverage, faults_used
from conformance.vocabulary import FAULTS

TABLE = Path(__file__).parents[2] / "docs" / "coverage.md"


def test_the_table_shows_every_scenario_of_every_requirement_and_nothing_else() -> None:
    rows = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| MS-")]
    assert rows == [row.as_markdown() for row in coverage()], "run: multisite-ha requirements --coverage"


def test_no_requirement_is_without_a_scenario() -> None:
    assert {row.requirement for row in coverage()} == set(load_catalogue())


def test_every_fault_is_used_by_a_scenario_or_said_to_be_unused_with_the_reason() -> None:
    assert faults_used() == FAULTS - UNUSED.keys()
    text = TABLE.read_text(encoding="utf-8")
    assert all(f"| `{fault}` | {why} |" in text for fault, why in UNUSED.items())


def test_no_scenario_is_one_that_no_shipped_scheme_can_carry_out() -> None:
    assert all(row.schemes for row in coverage())


def test_a_scheme_is_in_no_row_that_asks_for_what_it_does_not_have() -> None:
    acting = [row for row in coverage() if {"replication", "savepoint", "recover"} & set(row.operations)]
    assert {row.requirement for row in acting} == {"MS-GR-08", "MS-GR-09"}
    assert {row.schemes for row in acting} == {tuple(s for s in SCHEMES if s != "observe")}
