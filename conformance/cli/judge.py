"""`multisite-ha judge` and `multisite-ha report`: from a stored run to verdicts and pages, offline."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console

from conformance.bundle import check_record, opened
from conformance.catalogue import load_catalogue
from conformance.cli.targets import check_target
from conformance.errors import UsageError
from conformance.judge import judge_run
from conformance.model.results import RunResult
from conformance.redaction import scrub
from conformance.report import FORMATS, MANIFEST_FILE, default_formats, write_reports
from conformance.report.formats import Format, JudgedRun, find_format, write_document
from conformance.report.terminal import print_summary
from conformance.store import RunFolder

_RUN = click.argument("run", type=click.Path(path_type=Path), metavar="RUN")


@click.command()
@_RUN
def judge(run: Path) -> int:
    """Judge a stored run again, offline, and write its reports again. RUN is a run folder, finished or cut short.

    Nothing but the folder is needed: no cloud, no lab. The exit code is the verdict's. RUN may be an archive made by
    `multisite-ha bundle` too: it is looked through first, judged, and left as it is.
    """
    if run.is_file():
        with opened(run) as folder:
            result = judge_run(RunFolder(folder))
    else:
        result = rewrite(run, default_formats())
    print_summary(result, load_catalogue(), Console())
    click.echo(f"{'Bundle' if run.is_file() else 'Run folder'}: {run}")
    return result.exit_code


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN", required=False)
@click.option("--format", "names", multiple=True, metavar="NAME", help="Write only this format. May be given again.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where to: a file, or for several formats a folder. Default: the run folder.",
)
@click.option("--list", "listing", is_flag=True, help="Say which formats there are.")
def report(run: Path | None, names: tuple[str, ...], out: Path | None, listing: bool) -> int:
    """Write the reports of a stored run again and say where they are. RUN is a run folder, or (with --out) a bundle.

    \b
    Examples:
      multisite-ha report RUN                               everything a run writes by itself
      multisite-ha report RUN --format reqif                one more format, into the run folder
      multisite-ha report RUN --format rtm-xlsx --out matrix.xlsx
    """
    if listing:
        for wish in FORMATS.values():
            when = "with every run" if wish.by_default else "on demand"
            click.echo(f"{wish.name:14} {wish.file:24} {when:15} {wish.purpose}")
        return 0
    if run is None:
        raise click.UsageError("Missing argument 'RUN'.")
    wanted = [find_format(name) for name in names] or list(default_formats())
    if out is not None:
        return _write_elsewhere(run, wanted, out)
    if run.is_file():
        raise UsageError(f"{run} is a bundle, which is never changed: say with --out where its reports should go.")
    rewrite(run, wanted)
    files = [run / name for name in (*(f.file for f in wanted), MANIFEST_FILE)]
    return _show(files)


def _write_elsewhere(run: Path, wanted: list[Format], out: Path) -> int:
    many = len(wanted) > 1 or (out.is_dir() and not wanted[0].file.endswith("/"))
    places = [out / wish.file if many else out for wish in wanted]
    for place in places:
        check_target(place)
    with opened(run) as path:
        folder = RunFolder(path)
        judged = JudgedRun(judge_run(folder), load_catalogue(), folder.load, path)
        for wish, place in zip(wanted, places, strict=True):
            document = wish.render(judged)
            write_document(document, place)
            for problem in document.problems:
                click.echo(f"WARNING: {problem}", err=True)
    return _show(places)


def _show(files: list[Path]) -> int:
    for file in files:
        if file.exists():
            click.echo(file)
    return 0 if all(file.exists() for file in files) else 3


def rewrite(path: Path, formats: Iterable[Format]) -> RunResult:
    """Judge a run folder and write these formats into it. HarnessError when its record was altered."""
    folder = RunFolder(path)
    folder.info()
    check_record(path)
    if not (path / MANIFEST_FILE).exists():
        scrub(path)  # a run that was killed could not do it
    result = judge_run(folder)
    for problem in write_reports(result, folder.load, load_catalogue(), path, formats):
        click.echo(f"WARNING: {problem}", err=True)
    return result
