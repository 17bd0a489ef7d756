"""Runs beside each other: what changed, what only seems to have, and how it went over time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from evidence_run import FAILING, PASSING, stored_run

from conformance.bundle import pack
from conformance.catalogue import load_catalogue
from conformance.errors import UsageError
from conformance.judge import judge_run
from conformance.report import write_reports
from conformance.report.changes import changes
from conformance.report.published import Judged, Published, find_runs, intervals, read_published, single_figures
from conformance.report.trend import charts, render_trend
from conformance.store import RunFolder


def multisite_ha(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def judged_run(folder: Path, histories: tuple[str, ...], run_id: str) -> Path:
    run = RunFolder(stored_run(folder, histories, run_id=run_id))
    assert write_reports(judge_run(run), run.load, load_catalogue(), folder) == ()
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs: one that passes, one that lost writes, and a shorter one as a bundle."""
    folder = tmp_path_factory.mktemp("runs")
    judged_run(folder / "a", (*PASSING, "good/unnoticed-loss"), "a")
    judged_run(folder / "b", FAILING, "b")
    packed = judged_run(folder.with_name("packed") / "c", PASSING, "c")
    pack(packed, "c", folder / "c.tar.gz")
    return folder


def published(verdict: str = "pass", figures: Mapping[str, Any] | None = None) -> Published:
    judged = Judged("MS-GR-02", verdict, "Because.", figures or {})
    return Published(
        Path("x"), "r", "2026-01-01", verdict, "vnf", "scheme", "smoke", 1, {"MS-GR-02": judged}, {"f / s / t": judged}
    )


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ((1.0, 1.2), (1.1, 1.4), False),
        ((1.0, 1.2), (1.2, 1.4), False),
        ((1.0, 1.2), (1.21, 1.4), True),
        ((1.0, 1.2), (0.2, 0.9), True),
        ((1.0, float("inf")), (5.0, 6.0), False),
        ((1.0, 2.0), (3.0, float("inf")), True),
    ],
)
def test_a_figure_has_moved_only_when_the_intervals_have_nothing_in_common(
    before: tuple[float, float], after: tuple[float, float], moved: bool
) -> None:
    old, new = ({"rto_low_s": low, "rto_high_s": high} for low, high in (before, after))
    found = changes(published(figures=old), published(figures=new))
    assert [change.what for change in found.moved] == (["rto_s"] if moved else [])
    assert found.unclear == ()
    assert found.exit_code == (2 if moved else 0)


def test_a_figure_without_an_interval_is_shown_and_decides_nothing() -> None:
    old, new = published(figures={"probes": 100, "rto_s": 2.0}), published(figures={"probes": 90, "rto_s": 2.0})
    found = changes(old, new)
    assert [(c.what, c.before, c.after) for c in found.unclear] == [("probes", "100", "90")]
    assert found.exit_code == 0


def test_ends_of_intervals_are_told_from_figures_of_similar_names() -> None:
    figures = {"rto_low_s": 1, "rto_high_s": 2, "rto_s": 1.5, "low": 3, "best_low": 1, "read_p99_low_ms": None}
    assert intervals(figures) == {"rto_s": (1.0, 2.0)}
    assert set(single_figures(figures)) == {"rto_s", "low", "best_low", "read_p99_low_ms"}


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("pass", "fail", 1),
        ("pass", "not_tested", 1),
        ("inconclusive", "error", 1),
        ("fail", "pass", 2),
        ("pass", "pass", 0),
    ],
)
def test_a_verdict_that_became_worse_is_exit_code_1(before: str, after: str, code: int) -> None:
    assert changes(published(before), published(after)).exit_code == code


def test_a_check_that_is_gone_is_worse_and_a_new_one_is_a_change() -> None:
    full = published()
    assert changes(full, replace(full, checks={})).exit_code == 1
    assert changes(replace(full, checks={}), full).exit_code == 2


def test_diff_names_what_changed_in_real_runs(runs: Path) -> None:
    done = multisite_ha("diff", "a", "b", cwd=runs)
    assert done.returncode == 1, done.stderr
    assert "worse: the run: verdict was pass, is fail" in done.stdout
    assert "worse: MS-GR-05: verdict was pass, is fail" in done.stdout
    same = multisite_ha("diff", "a", "a", cwd=runs)
    assert (same.returncode, "No verdict changed" in same.stdout) == (0, True)


def test_diff_reads_bundles_and_results_files_and_speaks_json(runs: Path) -> None:
    done = multisite_ha("diff", "--json", "b/results.json", "c.tar.gz", cwd=runs)
    found = json.loads(done.stdout)
    assert (found["before"], found["after"]) == ("b", "c")
    assert done.returncode == 1, "the scenario that failed is gone, which is no improvement"
    assert {c["name"]: (c["before"], c["after"]) for c in found["verdicts"]}["MS-GR-05"] == ("fail", "pass")


@pytest.mark.parametrize("content", ["{", "[]", '{"schema_version": "2.0"}', '{"schema_version": "1.0"}'])
def test_what_are_no_results_is_a_usage_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(UsageError):
        read_published(tmp_path)
    with pytest.raises(UsageError):
        find_runs(tmp_path)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.asks: list[str] = []
        self.styled: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "object", "link") and values.get("href") != "data:,":
            self.asks.append(tag)
        if "style" in values:
            self.styled.append(tag)


def test_the_trend_page_shows_every_run_and_asks_for_nothing(runs: Path) -> None:
    done = multisite_ha("trend", ".", "--out", "trend.html", cwd=runs)
    assert done.returncode == 0, done.stderr
    text = (runs / "trend.html").read_text()
    assert text.startswith("<!doctype html>")
    page = _Page()
    page.feed(text)
    assert (page.asks, page.styled) == ([], [])
    assert text.count('<th scope="col"><a href="#run-') == 3
    assert 'href="a/report.html"' in text and 'href="b/report.html"' in text
    assert text.count('class="chip v-fail"') == 3, "the run, its requirement, and the run in the list"
    drawings = [ET.fromstring(part + "</svg>") for part in _drawings(text)]
    assert len(drawings) >= 2
    assert all(drawing.get("aria-label") for drawing in drawings)


def _drawings(text: str) -> list[str]:
    return ["<svg" + part.split("</svg>")[0] for part in text.split("<svg")[1:] if 'class="trend"' in part]


def test_charts_hold_each_run_s_interval_and_its_verdict(runs: Path) -> None:
    found, problems = find_runs(runs)
    assert ([run.run_id for run in found], problems) == (["a", "b", "c"], [])
    by_name = {(chart.requirement, chart.figure): chart for chart in charts(found)}
    recovery = by_name["MS-GR-02", "rto_s"]
    assert [mark.run for mark in recovery.marks] == [0, 1, 2]
    assert all(mark.low <= mark.high for mark in recovery.marks)
    lost = by_name["MS-GR-05", "rpo_operations"]
    assert [mark.verdict for mark in lost.marks] == ["pass", "fail", "pass"]
    assert lost.marks[1].low == 4


def test_an_endless_interval_and_a_hostile_name_are_drawn_all_the_same(tmp_path: Path) -> None:
    run = published("fail", {"rto_low_s": 3.0, "rto_high_s": float("inf")})
    evil = replace(run, vnf="<script>alert(1)</script>", requirements={"<b>": run.requirements["MS-GR-02"]})
    text = render_trend([evil], ["<i>broken</i>"], tmp_path)
    assert "<script" not in text and "<b>" not in text and "<i>" not in text
    assert "3 to without end" in text


def test_a_run_that_cannot_be_read_is_said_on_the_page(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "good").symlink_to(runs / "a")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "results.json").write_text("{")
    done = multisite_ha("trend", ".", cwd=tmp_path)
    assert done.returncode == 0
    assert "bad/results.json is not a results.json" in done.stderr
    assert "Left out" in (tmp_path / "trend.html").read_text()
