"""`pytest features` and `multisite-ha run` ask for the same things."""

from __future__ import annotations

from dataclasses import fields

from _pytest.config.argparsing import Parser

from conformance.cli.run import run
from conformance.plugin import pytest_addoption
from conformance.request import RunOptions


def test_whatever_a_run_can_be_asked_for_pytest_has_an_option_for() -> None:
    parser = Parser(_ispytest=True)
    pytest_addoption(parser)
    of_pytest = {option.dest.removeprefix("ms_") for group in parser._groups for option in group.options}
    # pytest has its own way of going side by side, which the plugin refuses.
    of_a_run = {field.name for field in fields(RunOptions)} - {"command_line", "jobs"}
    assert of_a_run - {"faults"} <= of_pytest
    assert "no_faults" in of_pytest
    assert of_a_run - {"faults"} <= {str(parameter.name) for parameter in run.params}
