"""The requirement traceability matrix as a table: clause, requirement, scenario, sentence, check, verdict, evidence.

A requirement has a row for each check that judged it, and one row when none did: no clause is ever missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from conformance.model.results import CheckResult, ScenarioResult
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.matrix import Row, matrix
from conformance.report.wording import WORDS, figure, profile_of

HEADINGS = (
    "Requirement",
    "Title",
    "Statement",
    "Source",
    "Sentence",
    "Revision",
    "Use case",
    "Origin",
    "Strength",
    "Verification",
    "Demand",
    "Requirement verdict",
    "Scenario",
    "Scenario id",
    "Step",
    "Check",
    "Check verdict",
    "Reason",
    "Figures",
    "Evidence",
    "Evidence in",
    "Waiver",
)
_WIDTHS = (13, 28, 50, 30, 9, 14, 26, 10, 9, 14, 11, 13, 36, 26, 42, 20, 13, 60, 40, 60, 34, 40)


def render_csv(run: JudgedRun) -> Document:
    """rtm.csv: UTF-8 with a byte order mark, so that spreadsheets read it right; a cell is never a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    writer.writerows([_inert(cell) for cell in row] for row in rows(run))
    return Document(text.getvalue().encode("utf-8-sig", "backslashreplace"))


def render_xlsx(run: JudgedRun) -> Document:
    """rtm.xlsx: the same table with a filter and a frozen heading, and a sheet that says which run it is."""
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        info = run.result.info
        created = datetime.fromisoformat(info.started_wall).replace(tzinfo=None)
        book.set_properties({"title": f"multisite-ha {info.run_id}", "created": created})
        bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet("Requirements")
        sheet.write_row(0, 0, HEADINGS, bold)
        last = 0
        for last, row in enumerate(rows(run), start=1):
            for column, cell in enumerate(row):
                sheet.write_string(last, column, _visible(cell)[:32_767], wrap)
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, last, len(HEADINGS) - 1)
        about = book.add_worksheet("Run")
        facts = (
            ("Run", info.run_id),
            ("Verdict", WORDS[run.result.verdict].text),
            ("Meaning", WORDS[run.result.verdict].meaning),
            ("Notes", "\n".join(run.result.notes)),
            ("Profile", profile_of(info)),
            ("VNF", info.vnf),
            ("Scheme", info.scheme),
            ("Seed", str(info.seed)),
            ("Started", info.started_wall),
            ("multisite-ha", info.product_version),
            *((name, value) for name, value in info.environment.items()),
        )
        for number, (name, value) in enumerate(facts):
            about.write_string(number, 0, _visible(name), bold)
            about.write_string(number, 1, _visible(value), wrap)
        about.set_column(0, 0, 16)
        about.set_column(1, 1, 90)
    return Document(buffer.getvalue())


def rows(run: JudgedRun) -> Iterator[tuple[str, ...]]:
    """The table without its headings, in the catalogue's order."""
    judged: dict[str, list[tuple[ScenarioResult, CheckResult]]] = {}
    for scenario, check in run.judged():
        for requirement in check.requirements:
            judged.setdefault(requirement, []).append((scenario, check))
    for row in matrix(run.result, run.catalogue):
        clause = _clause(row)
        waiver = str(row.result.waiver or "")
        checks = judged.get(row.result.id, [])
        for scenario, check in checks:
            yield (*clause, *_check(scenario, check), waiver)
        if not checks:
            yield (*clause, "", "", "", "", WORDS[row.result.verdict].text, row.result.reason, "", "", "", waiver)


def _clause(row: Row) -> tuple[str, ...]:
    known = row.requirement
    verdict = WORDS[row.result.verdict].text
    if known is None:
        return (row.result.id, row.title, *[""] * 8, row.demand or "", verdict)
    source = known.source
    return (
        known.id,
        known.title,
        known.statement,
        source.document,
        "" if source.sentence is None else str(source.sentence),
        source.revision,
        known.use_case,
        str(known.origin),
        str(known.strength),
        str(known.verification),
        row.demand or "",
        verdict,
    )


def _check(scenario: ScenarioResult, check: CheckResult) -> tuple[str, ...]:
    verdict = check.verdict
    return (
        scenario.info.name,
        scenario.info.id,
        check.phrase,
        check.check,
        WORDS[verdict.status].text,
        verdict.reason if scenario.error is None else f"{verdict.reason} The scenario went wrong: {scenario.error}",
        "; ".join(": ".join(figure(name, value)) for name, value in verdict.figures.items()),
        "; ".join(f"{item.kind} {item.ref}" for item in verdict.evidence),
        f"scenarios/{scenario.info.id}",
    )


def _visible(cell: str) -> str:
    """Without the control characters that a workbook cannot hold."""
    return "".join(c if c >= " " or c in "\t\n" else "\ufffd" for c in cell)


def _inert(cell: str) -> str:
    # A spreadsheet carries out what begins so, wherever the file came from.
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
