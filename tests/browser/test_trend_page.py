"""trend.html in a real browser: it is drawn, light and dark, and asks nobody anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from browser.chromium import BINARY, open_page
from evidence_run import FAILING, PASSING, stored_run

from conformance.catalogue import load_catalogue
from conformance.judge import judge_run
from conformance.report import write_reports
from conformance.report.published import find_runs
from conformance.report.trend import render_trend
from conformance.store import RunFolder

pytestmark = pytest.mark.skipif(BINARY is None, reason="there is no Chromium")


def test_the_trend_page_is_drawn_without_complaints_or_requests(tmp_path: Path) -> None:
    for name, histories in (("a", PASSING), ("b", FAILING), ("c", (*PASSING, "bad/never-back"))):
        run = RunFolder(stored_run(tmp_path / "runs" / name, histories, run_id=name))
        assert write_reports(judge_run(run), run.load, load_catalogue(), run.path) == ()
    runs, _ = find_runs(tmp_path / "runs")
    page = tmp_path / "runs" / "trend.html"
    page.write_text(render_trend(runs, [], page.parent))

    async def look() -> tuple[list[str], list[str], list[float], int]:
        async with open_page(tmp_path / "profile") as browser:
            for scheme in ("light", "dark"):
                await browser.emulate(scheme=scheme)
                await browser.open(page.as_uri())
                await browser.screenshot(tmp_path / f"{scheme}.png")
            heights = await browser.evaluate(
                "[...document.querySelectorAll('.trend .mark')].map(mark => mark.getBoundingClientRect().height)"
            )
            chips = await browser.evaluate("document.querySelectorAll('.over-time .chip').length")
            return browser.requests, browser.complaints, heights, chips

    requests, complaints, heights, chips = asyncio.run(look())
    assert (requests, complaints) == ([page.as_uri()], [])
    assert len(heights) >= 6 and min(heights) >= 3
    assert chips >= 3 * 7
