"""The closing summary: plain lines in a log, a table with words beside colours in a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from report_run import MadeRun, made_run
from rich.console import Console

from conformance.model import Status
from conformance.report.terminal import print_summary


def printed(run: MadeRun, *, terminal: bool, width: int = 80) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, color_system="standard" if terminal else None)
    print_summary(run.result, run.catalogue, console)
    return out.getvalue()


def test_a_log_gets_one_unbroken_line_per_requirement_and_no_escape_codes() -> None:
    text = printed(made_run(), terminal=False)
    assert "\x1b" not in text
    (line,) = [line for line in text.splitlines() if line.startswith("MS-GR-05")]
    assert line.startswith("MS-GR-05  fail  No data lost. 37 of ")
    assert line.endswith("before the loss.")


def test_a_terminal_gets_the_word_and_the_symbol_beside_the_colour() -> None:
    text = printed(made_run(), terminal=True, width=120)
    assert "✗ fail" in text and "✓ pass" in text
    assert "\x1b[1;31m" in text


def test_what_was_not_tested_is_named_and_mandatory_ones_have_a_row() -> None:
    run = made_run()
    run = replace(run, result=replace(run.result, requirements=run.result.requirements[:3]))
    text = printed(run, terminal=False)
    assert "MS-GR-05  not tested  No data lost. No scenario of this run judged it." in text
    assert "not tested: MS-DC-01, MS-GR-04, MS-MT-01" in text


def test_the_key_figures_stand_before_the_verdict_which_comes_last() -> None:
    lines = printed(made_run(), terminal=False).strip().splitlines()
    assert lines[-3].startswith("Recovery time (RTO): 1.")
    assert lines[-2].startswith("Data loss (RPO): 37 operations, up to 0.")
    assert lines[-1].startswith("✗ Verdict: fail. At least one requirement is proven violated.")


@pytest.mark.parametrize("status", list(Status))
def test_every_verdict_is_said_in_its_own_word(status: Status) -> None:
    run = made_run()
    run = replace(run, result=replace(run.result, verdict=status))
    assert f"Verdict: {status.value.replace('_', ' ')}." in printed(run, terminal=False)


def test_brackets_in_a_reason_are_text_and_not_markup() -> None:
    run = made_run()
    odd = replace(run.result.requirements[0], reason="[red]no[/red] [link=file:///etc]x[/link] :boom:")
    run = replace(run, result=replace(run.result, requirements=(odd,)))
    for terminal in (False, True):
        text = printed(run, terminal=terminal, width=200)
        assert "[red]no[/red] [link=file:///etc]x[/link] :boom:" in text


def test_an_error_of_a_scenario_and_a_run_cut_short_are_said() -> None:
    run = made_run()
    broken = replace(run.result.scenarios[0], error="The cloud was full.")
    run = replace(run, result=replace(run.result, scenarios=(broken,), finished=False))
    text = printed(run, terminal=False)
    assert "Error in 'The first site is lost while the link is clean': The cloud was full." in text
    assert "The run was cut short." in text
