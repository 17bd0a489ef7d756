"""results.json: what a machine reads of a run."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_run import made_run

from conformance.model import Status
from conformance.report.formats.results import SCHEMA_FILE, render_results

SCHEMA = json.loads(SCHEMA_FILE.read_text())
DOCS = Path(__file__).parents[2] / "docs" / "results-schema.md"


def document(**changes: Any) -> dict[str, Any]:
    run = made_run()
    result = replace(run.result, **changes)

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(render_results(result, run.catalogue), parse_constant=refuse)


def test_the_schema_is_a_schema_and_the_document_keeps_it() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document(), SCHEMA, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(verdict="passed"),
        lambda d: d.update(schema_version="2.0"),
        lambda d: d.pop("seed"),
        lambda d: d["requirements"][0].pop("reason"),
        lambda d: d["requirements"][0]["figures"].update(x=[1]),
        lambda d: d["scenarios"][0]["checks"][0].update(verdict="skipped"),
        lambda d: d["scenarios"][0]["checks"][3].update(evidence=["281"]),
        lambda d: d.update(exit_code=4),
    ],
)
def test_the_schema_refuses_a_document_that_is_not_as_described(spoil: Any) -> None:
    spoiled = document()
    spoil(spoiled)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoiled, SCHEMA)


def test_every_requirement_of_the_catalogue_is_there_and_the_untested_ones_say_so() -> None:
    found = {r["id"]: r for r in document()["requirements"]}
    assert list(found) == list(made_run().catalogue)
    assert found["MS-GR-05"]["verdict"] == "fail"
    assert found["MS-GR-05"]["figures"]["rpo_operations"] == 37
    assert found["MS-GR-05"]["demand"] == "mandatory"
    assert found["MS-MT-01"]["verdict"] == "not_tested"
    assert found["MS-MT-01"]["demand"] is None


def test_a_judged_requirement_that_the_catalogue_does_not_know_is_kept() -> None:
    run = made_run()
    stranger = replace(run.result.requirements[0], id="MS-XX-99")
    found = document(requirements=(*run.result.requirements, stranger))["requirements"]
    assert found[-1]["id"] == "MS-XX-99"
    assert found[-1]["title"] is None


def test_a_figure_without_end_is_the_word_infinity_and_not_null() -> None:
    run = made_run()
    endless = replace(run.result.requirements[1], figures={"rto_high_s": math.inf, "rto_low_s": None, "odd": math.nan})
    written = document(requirements=(endless,))
    figures = next(r["figures"] for r in written["requirements"] if r["id"] == endless.id)
    assert figures == {"rto_high_s": "infinity", "rto_low_s": None, "odd": "nan"}
    jsonschema.validate(written, SCHEMA)


def test_verdict_and_exit_code_are_those_of_the_run() -> None:
    for status, code in ((Status.PASS, 0), (Status.FAIL, 1), (Status.INCONCLUSIVE, 2), (Status.ERROR, 3)):
        written = document(verdict=status)
        assert (written["verdict"], written["exit_code"]) == (status.value, code)


def described(schema: dict[str, Any], value: Any, place: str) -> list[str]:
    """The places of all fields in ``value`` that ``schema`` says nothing about."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [p for item in value for p in described(schema["items"], item, f"{place}[]")]
    if not isinstance(value, dict) or "additionalProperties" in schema:
        return []
    missing = [f"{place}.{name}" for name in value if name not in schema["properties"]]
    known = [name for name in value if name in schema["properties"]]
    return missing + [p for n in known for p in described(schema["properties"][n], value[n], f"{place}.{n}")]


def test_every_field_that_is_written_is_described_in_the_schema() -> None:
    assert described(SCHEMA, document(), "") == []


def test_every_field_of_the_schema_stands_in_the_documentation() -> None:
    text = DOCS.read_text()
    objects = {"": SCHEMA, **{k: v for k, v in SCHEMA["$defs"].items() if "properties" in v}}
    fields = {name for definition in objects.values() for name in definition["properties"]}
    assert [name for name in sorted(fields) if f"`{name}`" not in text] == []
