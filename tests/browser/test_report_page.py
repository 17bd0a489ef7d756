"""report.html in a real Chromium: it opens in silence, works from the keyboard, and prints everything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chromium import BINARY, Page, open_page
from report_run import MadeRun, made_run

from conformance.model import Status
from conformance.report.html import render_html

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Chromium is installed (Debian: apt install chromium)")

VISIBLE_ROWS = "document.querySelectorAll('#matrix tr[data-verdict]:not([hidden])').length"
CHOSEN = "Array.from(document.querySelectorAll('#matrix tr[data-verdict]:not([hidden])')).map(r => r.id).join()"
# True once the script has unpacked all details of scenarios, which a page of many keeps packed.
UNPACKED = (
    "new Promise(done => { const look = () => document.querySelector('[data-packed]') || !document.querySelector("
    "'details.scenario:last-of-type .body') ? requestAnimationFrame(look) : done(true); look(); })"
)
ANSWER = "document.querySelector('[data-filter=matrix] output').textContent"


class Browser:
    """One Chromium for all tests of this file, and the loop it is driven from."""

    def __init__(self, runner: asyncio.Runner, page: Page) -> None:
        self._runner = runner
        self._page = page

    def visit(self, folder: Path, run: MadeRun, look: Callable[[Page], Awaitable[None]]) -> None:
        """Open the page of ``run`` and use it; whatever is done with it, it asks for nothing and does not complain."""
        file = folder / "report.html"
        file.write_text(render_html(run.result, run.load, run.catalogue)[0])

        async def session() -> None:
            await self._page.emulate()
            await self._page.open(file.as_uri())
            await look(self._page)

        self._runner.run(session())
        assert self._page.requests == [file.as_uri()]
        assert self._page.complaints == []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with asyncio.Runner() as runner:
        opening = open_page(tmp_path_factory.mktemp("chromium") / "profile")
        page = runner.run(opening.__aenter__())
        try:
            yield Browser(runner, page)
        finally:
            runner.run(opening.__aexit__(None, None, None))


@pytest.mark.parametrize("scenarios", [1, 2, 60])
def test_the_page_opens_without_complaints_or_requests(browser: Browser, tmp_path: Path, scenarios: int) -> None:
    async def look(page: Page) -> None:
        assert await page.evaluate(UNPACKED)
        assert await page.evaluate("document.querySelectorAll('svg.timeline').length") == scenarios
        assert await page.evaluate("document.querySelectorAll('svg.network-graph').length") == scenarios
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    browser.visit(tmp_path, made_run(scenarios=scenarios), look)


def test_the_matrix_is_filtered_with_the_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        assert await page.evaluate(VISIBLE_ROWS) == 9
        await page.press("/", "/")
        for letter in "data LOST":
            await page.press(letter, letter)
        assert await page.evaluate(CHOSEN) == "MS-GR-05"
        assert await page.evaluate(ANSWER) == "1 of 9 requirements shown"
        await page.press("Escape")
        assert await page.evaluate(VISIBLE_ROWS) == 9
        await page.evaluate("document.querySelector('[data-filter=matrix] [data-show=pass]').focus()")
        await page.press("Enter", "\r")
        assert await page.evaluate(ANSWER) == "4 of 9 requirements shown"
        pressed = "document.querySelector('[data-filter=matrix] [data-show=pass]').getAttribute('aria-pressed')"
        assert await page.evaluate(pressed) == "false"

    browser.visit(tmp_path, made_run(), look)


def test_the_list_of_scenarios_is_filtered_and_leads_into_closed_ones(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.evaluate("document.querySelector('[data-filter=index] [data-show=pass]').click()")
        shown = "Array.from(document.querySelectorAll('#index tr[data-verdict]:not([hidden])')).length"
        assert await page.evaluate(shown) == 1
        assert await page.evaluate("document.getElementById('s7').open") is False
        await page.evaluate("location.hash = 's7-timeline'")
        assert await page.evaluate("new Promise(done => setTimeout(() => done(document.getElementById('s7').open)))")

    browser.visit(tmp_path, made_run(scenarios=8), look)


def test_the_timeline_is_read_with_the_arrow_keys(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.evaluate("document.getElementById('s2-timeline').focus()")
        readout = "document.querySelector('[data-for=s2-timeline]').textContent"
        await page.press("Home")
        assert "nothing acknowledged" in await page.evaluate(readout)
        for _ in range(8):
            await page.press("ArrowRight")
        said = await page.evaluate(readout)
        assert "by site-a" in said and "p50" in said and "0 of 10 probes failed" in said
        assert await page.evaluate("document.querySelector('#s2-timeline .cursor').getAttribute('d').length > 0")

    browser.visit(tmp_path, made_run(), look)


def test_it_follows_the_readers_choice_of_light_or_dark(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(ground)
        await page.emulate(scheme="dark")
        assert await page.evaluate(ground) != light
        await page.emulate(scheme="dark", media="print")
        assert await page.evaluate(ground) == "rgb(255, 255, 255)"

    browser.visit(tmp_path, made_run(), look)


def test_paper_shows_what_folding_and_filters_hide(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.evaluate("document.querySelector('[data-filter=matrix] [data-show=pass]').click()")
        await page.evaluate("document.querySelector('[data-all=close]').click()")
        await page.evaluate(
            "addEventListener('beforeprint', () => { document.body.dataset.paper = ["
            "document.querySelectorAll('details:not([open])').length,"
            "getComputedStyle(document.getElementById('MS-GR-01')).display,"
            "getComputedStyle(document.querySelector('.filter')).display].join(); })"
        )
        assert (await page.pdf()).startswith(b"%PDF")
        assert await page.evaluate("document.body.dataset.paper.split(',')[0]") == "0"
        assert await page.evaluate("document.querySelectorAll('details.scenario:not([open])').length") == 2
        await page.emulate(media="print")
        assert await page.evaluate("getComputedStyle(document.getElementById('MS-GR-01')).display") == "table-row"
        assert await page.evaluate("getComputedStyle(document.querySelector('.filter')).display") == "none"

    browser.visit(tmp_path, made_run(), look)


def test_the_policy_stops_whatever_a_record_might_smuggle_in(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        attack = (
            "const s = document.createElement('script'); s.textContent = 'window.pwned = 1'; document.body.append(s);"
            "document.body.insertAdjacentHTML('beforeend', '<b id=pwn onclick=window.pwned=1>x</b>');"
            "document.getElementById('pwn').click();"
            "fetch('http://127.0.0.1:9/').catch(() => 'stopped').then(String)"
        )
        assert await page.evaluate(attack) == "stopped"
        assert await page.evaluate("window.pwned === undefined")
        assert all("Content Security Policy" in text for text in page.complaints)
        for what in ("inline script", "inline event handler", "127.0.0.1:9"):
            assert any(what in text for text in page.complaints), what
        page.complaints.clear()

    browser.visit(tmp_path, made_run(), look)


def test_hostile_names_are_shown_and_not_run(browser: Browser, tmp_path: Path) -> None:
    run = made_run()
    evil = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"
    first = run.result.scenarios[0]
    scenario = replace(first, info=replace(first.info, name=evil), error=evil)
    run = replace(run, result=replace(run.result, scenarios=(scenario,)))

    async def look(page: Page) -> None:
        assert await page.evaluate("window.pwned === undefined")
        assert evil in await page.evaluate("document.querySelector('#s1 h3').textContent")

    browser.visit(tmp_path, run, look)


def test_what_a_screen_reader_needs_is_there(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        unnamed = (
            "Array.from(document.querySelectorAll('input, button, svg[role=img], table[id]')).filter(e =>"
            "!(e.textContent.trim() || e.labels?.length || e.getAttribute('aria-label')"
            "|| document.getElementById(e.getAttribute('aria-labelledby')))).length"
        )
        assert await page.evaluate(unnamed) == 0
        assert await page.evaluate("document.querySelectorAll('th:not([scope])').length") == 0
        levels = await page.evaluate(
            "Array.from(document.querySelectorAll('h1,h2,h3,h4')).map(h => Number(h.tagName[1])).join()"
        )
        steps = [int(level) for level in levels.split(",")]
        assert steps[0] == 1 and all(b - a <= 1 for a, b in zip(steps, steps[1:], strict=False))
        assert await page.evaluate("document.documentElement.lang") == "en"

    browser.visit(tmp_path, made_run(), look)


def test_a_packed_scenario_is_unpacked_before_a_link_leads_into_it(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.evaluate("location.hash = 's55c3'")
        opened = (
            "new Promise(done => { const look = () => document.getElementById('s55').open"
            " && document.getElementById('s55c3') ? done(document.getElementById('s55c3').textContent)"
            " : requestAnimationFrame(look); look(); })"
        )
        assert "every session survives" in await page.evaluate(opened)
        assert await page.evaluate("document.querySelectorAll('#s55 .body').length") == 1

    browser.visit(tmp_path, made_run(scenarios=60), look)


def test_without_script_verdicts_and_figures_of_all_scenarios_are_there(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.call("Emulation.setScriptExecutionDisabled", value=True)
        await page.open(await page.evaluate("location.href"))
        text = await page.evaluate("document.body.innerText")
        await page.call("Emulation.setScriptExecutionDisabled", value=False)
        assert "Verdict: fail" in text
        assert "Without script the details of single scenarios stay packed." in text
        rows = await page.evaluate("document.querySelectorAll('#traces tr[data-verdict]').length")
        assert rows == 60 * 6 + 3
        assert await page.evaluate("document.querySelectorAll('#index tr[data-verdict]').length") == 60

    browser.visit(tmp_path, made_run(scenarios=60), look)


def test_the_way_from_a_clause_to_its_evidence_is_filtered_and_followed(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        shown = "Array.from(document.querySelectorAll('#traces tr[data-verdict]:not([hidden])'))"
        assert await page.evaluate(f"{shown}.length") == 15
        await page.evaluate("document.querySelector('[data-filter=traces] [data-show=pass]').click()")
        await page.evaluate("document.querySelector('[data-filter=traces] [data-show=not_tested]').click()")
        assert await page.evaluate(f"{shown}.length") == 1
        assert "acknowledged-writes" in await page.evaluate(f"{shown}[0].textContent")
        await page.evaluate("document.getElementById('s2').open = false")
        await page.evaluate(f"{shown}[0].querySelector('td:last-child a').click()")
        opened = "new Promise(done => setTimeout(() => done(document.getElementById('s2').open)))"
        assert await page.evaluate(opened)
        assert await page.evaluate("location.hash") == "#s2c4"

    browser.visit(tmp_path, made_run(), look)


def test_everything_that_can_be_used_is_reached_with_the_tab_key_and_shows_its_focus(
    browser: Browser, tmp_path: Path
) -> None:
    usable = (
        "Array.from(document.querySelectorAll('a[href], button, input, summary, [tabindex=\"0\"]'))"
        ".filter(e => e.checkVisibility({visibilityProperty: true})"
        " && !e.closest('details:not([open]) > :not(summary)'))"
    )

    async def look(page: Page) -> None:
        expected = await page.evaluate(f"{usable}.length")
        await page.evaluate("window.reached = new Set(); window.plain = []")
        note = (
            "(() => { const e = document.activeElement; if (e === document.body) return false; reached.add(e);"
            "if (getComputedStyle(e).outlineStyle === 'none') plain.push(e.outerHTML.slice(0, 80)); return true; })()"
        )
        for _ in range(expected + 5):
            await page.call("Input.dispatchKeyEvent", type="rawKeyDown", key="Tab", windowsVirtualKeyCode=9)
            await page.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", windowsVirtualKeyCode=9)
            if not await page.evaluate(note):
                break
        assert await page.evaluate(f"{usable}.filter(e => !reached.has(e)).map(e => e.outerHTML.slice(0, 80))") == []
        assert await page.evaluate("plain") == []

    browser.visit(tmp_path, made_run(), look)


CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_as_it_is_drawn_stands_out_from_its_ground(browser: Browser, tmp_path: Path, scheme: str) -> None:
    run = made_run()
    words = tuple(replace(r, verdict=s) for r, s in zip(run.result.requirements, Status, strict=True))
    run = replace(run, result=replace(run.result, requirements=words))

    async def look(page: Page) -> None:
        await page.emulate(scheme=scheme)
        await page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        found = await page.evaluate(CONTRASTS)
        assert found["seen"] > 400
        assert found["weak"] == []

    browser.visit(tmp_path, run, look)


def test_the_page_prints_with_every_line_of_the_trace_and_both_drawings(browser: Browser, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.evaluate("document.querySelector('[data-filter=traces] [data-show=pass]').click()")
        await page.emulate(media="print", width=794)
        hidden = (
            "Array.from(document.querySelectorAll('#traces tr[data-verdict]')).filter(r => !r.checkVisibility()).length"
        )
        assert await page.evaluate(hidden) == 0
        drawings = "Array.from(document.querySelectorAll('.timeline, .network-graph'))"
        wide = await page.evaluate(f"{drawings}.map(drawing => drawing.getBoundingClientRect().right)")
        assert len(wide) == 4 and all(right <= 794 for right in wide)

    browser.visit(tmp_path, made_run(), look)
