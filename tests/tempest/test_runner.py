"""The runner's own judgement; what it judges needs a lab and half an hour, this needs neither."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from guests import Check
from results import Report, lines, write
from seeding import empty_qcow2
from suites import SUITES, Outcome, selection

from conformance.errors import UsageError


def outcome(status: str, test: str = "tempest.api.a.T.test_x[id-1,smoke]") -> Outcome:
    return Outcome(test, status, 0.1, "Traceback\n  somewhere\nsome.Error: it broke")


def report(suite: str, *statuses: str, checks: tuple[Check, ...] = ()) -> Report:
    return Report(suite, "--smoke", 1.0, tuple(outcome(status) for status in statuses), checks, ())


def test_smoke_passes_only_without_any_failure() -> None:
    assert report("smoke", "success", "skip").passed
    assert not report("smoke", *["success"] * 999, "fail").passed


def test_api_tolerates_two_percent_of_the_executed_tests_not_counting_skips() -> None:
    assert report("api", *["success"] * 98, "fail", "fail").passed
    assert not report("api", *["success"] * 97, "fail", "fail", "fail").passed
    assert not report("api", *["success"] * 48, *["skip"] * 1000, "fail", "fail").passed


def test_a_test_that_never_ended_counts_as_a_failure() -> None:
    assert not report("smoke", "success", "inprogress").passed
    assert report("smoke", "success", "inprogress").counts == {"success": 1, "failed": 1}


def test_a_guest_that_is_not_what_the_api_says_fails_a_suite_whose_tests_all_passed() -> None:
    assert not report("smoke", "success", checks=(Check("paused: silent", False, "it answers", 0.0),)).passed


def test_the_markdown_names_each_failure_with_its_last_words() -> None:
    assert "- `tempest.api.a.T.test_x[id-1,smoke]`: some.Error: it broke" in lines(report("smoke", "fail"))


def test_what_failed_is_selected_again_and_nothing_whose_name_only_begins_so(tmp_path: Path) -> None:
    failed = (
        outcome("fail"),
        outcome("fail", "setUpClass (tempest.api.b.Broken)"),
        outcome("success", "tempest.c.T.ok"),
    )
    write(tmp_path, Report("api", "", 1.0, failed, (), ()))
    option, regex = selection("api", None, tmp_path / "results.json")
    found = re.compile(regex).search
    assert option == "--regex"
    assert found("tempest.api.a.T.test_x[id-1,smoke]")
    assert found("tempest.api.b.Broken.test_y[id-2]")
    assert not found("tempest.api.a.T.test_x_too[id-3]")
    assert not found("tempest.c.T.ok[id-4]")


def test_without_a_regex_the_suite_is_selected() -> None:
    assert selection("smoke", None, None) == SUITES["smoke"]
    assert selection("smoke", "ports", None) == ["--regex", "ports"]
    assert selection("guests", None, None) == []


@pytest.mark.parametrize("content", ["no json", "[]", '{"tests": [{"test": "a"}]}', '{"tests": []}'])
def test_a_file_without_failures_of_an_earlier_run_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "results.json"
    file.write_text(content)
    with pytest.raises(UsageError, match=re.escape(str(file))):
        selection("api", None, file)


def test_results_json_keeps_every_test_and_every_check(tmp_path: Path) -> None:
    write(
        tmp_path,
        report("smoke", "success", "fail", checks=(Check("created: answers", True, "it does", 0.5),)),
    )
    kept = json.loads((tmp_path / "results.json").read_text())
    assert kept["counts"] == {"success": 1, "failed": 1}
    assert [test["status"] for test in kept["tests"]] == ["success", "fail"]
    assert kept["guests"] == [{"name": "created: answers", "ok": True, "seen": "it does", "seconds": 0.5}]
    assert kept["passed"] is False


def test_the_empty_qcow2_image_has_its_tables_where_the_header_says() -> None:
    image = empty_qcow2()
    cluster = 1 << int.from_bytes(image[20:24])
    refcounts, l1 = int.from_bytes(image[48:56]), int.from_bytes(image[40:48])
    assert image[:4] == b"QFI\xfb"
    assert len(image) == 4 * cluster
    assert int.from_bytes(image[refcounts : refcounts + 8]) == 2 * cluster
    assert image[l1:] == b"\0" * cluster
