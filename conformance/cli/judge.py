"""`multisite-ha judge` and `multisite-ha report`: from a stored run to verdicts and pages, offline."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from conformance.catalogue import load_catalogue
from conformance.errors import HarnessError
from conformance.judge import judge_run
from conformance.model.results import RunResult
from conformance.report import HTML_FILE, JUNIT_FILE, MANIFEST_FILE, RESULTS_FILE, write_reports
from conformance.report.manifest import verify
from conformance.report.terminal import print_summary
from conformance.store import RunFolder

_REPORTS = (HTML_FILE, JUNIT_FILE, RESULTS_FILE)
_RUN = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")


@click.command()
@_RUN
def judge(run: Path) -> int:
    """Judge a stored run again, offline, and write its reports again. RUN is a run folder, finished or cut short.

    Nothing but the folder is needed: no cloud, no lab. The exit code is the verdict's.
    """
    result = _rewrite(run)
    print_summary(result, load_catalogue(), Console())
    click.echo(f"Run folder: {run}")
    return result.exit_code


@click.command()
@_RUN
def report(run: Path) -> int:
    """Write the reports of a stored run again and say where they are. RUN is a run folder."""
    _rewrite(run)
    files = [run / name for name in (*_REPORTS, MANIFEST_FILE)]
    for file in files:
        if file.exists():
            click.echo(file)
    return 0 if all(file.exists() for file in files) else 3


def _rewrite(path: Path) -> RunResult:
    folder = RunFolder(path)
    folder.info()
    altered = [problem for problem in verify(path) if not problem.startswith(_REPORTS)]
    if (path / MANIFEST_FILE).exists() and altered:
        raise HarnessError(
            f"The record in {path} is not what the run wrote, so nothing was judged and nothing written: "
            f"{' '.join(altered[:5])} Get the unaltered folder, or remove {MANIFEST_FILE} to judge it all the same."
        )
    result = judge_run(folder)
    for problem in write_reports(result, folder.load, load_catalogue(), path):
        click.echo(f"WARNING: {problem}", err=True)
    return result
