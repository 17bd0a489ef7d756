"""The closing summary of a run for a terminal, or for a log."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.model import Requirement, Status
from conformance.model.results import RunResult
from conformance.report.keyfigures import key_figures
from conformance.report.matrix import Row, matrix
from conformance.report.wording import WORDS

_STYLES = {
    Status.PASS: "bold green",
    Status.FAIL: "bold red",
    Status.INCONCLUSIVE: "bold yellow",
    Status.ERROR: "bold magenta",
    Status.NOT_APPLICABLE: "cyan",
    Status.NOT_TESTED: "dim",
}


def print_summary(result: RunResult, catalogue: Mapping[str, Requirement], console: Console) -> None:
    """Print the verdict of each requirement that was asked for or judged, the key figures, and the run's verdict.

    A terminal gets a table with colour beside the words; anything else gets one plain line per requirement that is
    never wrapped, so that a log can be searched.
    """
    rows = matrix(result, catalogue)
    shown = [row for row in rows if row.result.verdict is not Status.NOT_TESTED or row.demand]
    silent = [row.result.id for row in rows if row not in shown]
    console.print()
    if console.is_terminal:
        console.print(_table(shown))
    else:
        for row in shown:
            _plain(console, f"{row.result.id}  {WORDS[row.result.verdict].text}  {row.title}. {_reason(row)}")
    for scenario in result.scenarios:
        if scenario.error:
            _plain(console, f"Error in {scenario.info.name!r}: {scenario.error}")
    if silent:
        _line(console, f"Not asked for by profile {result.info.profile} and not tested: {', '.join(silent)}")
    for item in key_figures(result):
        _line(console, item.text)
    print_verdict(result, console)


def print_verdict(result: RunResult, console: Console) -> None:
    """Print the run's verdict alone."""
    console.print(verdict_line(result), soft_wrap=not console.is_terminal, highlight=False)


def verdict_line(result: RunResult) -> Text:
    """The run's verdict: word, symbol and what it means."""
    word = WORDS[result.verdict]
    cut = "" if result.finished else " The run was cut short."
    notes = "".join(f" {note}" for note in result.notes)
    verdict = (f"{word.symbol} Verdict: {word.text}.", _STYLES[result.verdict])
    return Text.assemble(verdict, f" {word.meaning}{cut}{notes}")


def _table(rows: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Requirement", no_wrap=True)
    table.add_column("Title", ratio=2)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Reason", ratio=5)
    for row in rows:
        word = WORDS[row.result.verdict]
        verdict = Text(f"{word.symbol} {word.text}", style=_STYLES[row.result.verdict])
        table.add_row(row.result.id, Text(row.title), verdict, Text(_reason(row)))
    return table


def _reason(row: Row) -> str:
    """Why, and by which waiver the run does without it."""
    waiver = row.result.waiver
    return row.result.reason if waiver is None else f"{row.result.reason} It is {waiver}."


def _plain(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)


def _line(console: Console, text: str) -> None:
    console.print(text, soft_wrap=not console.is_terminal, markup=False, highlight=False, emoji=False)
