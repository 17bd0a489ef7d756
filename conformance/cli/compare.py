"""`multisite-ha diff` and `multisite-ha trend`: what runs say beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from conformance.cli.targets import check_target
from conformance.report.changes import Change, Changes, changes
from conformance.report.formats import Document, write_document
from conformance.report.published import find_runs, read_published
from conformance.report.wording import unit_of

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("before", type=_PATH, metavar="RUN")
@click.argument("after", type=_PATH, metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def diff(before: Path, after: Path, as_json: bool) -> int:
    """Say what changed from the first run to the second. A RUN is a run folder, a bundle, or a results.json.

    Figures that come as an interval count as moved when the two intervals have no value in common. Of other figures
    the uncertainty is not known: they are shown, and change no exit code.

    \b
    Exit codes:
      0  no verdict changed, and no figure moved beyond its uncertainty
      1  a verdict became worse, or a check is gone
      2  something else changed
    """
    old, new = read_published(before), read_published(after)
    found = changes(old, new)
    if as_json:
        click.echo(json.dumps({"before": old.run_id, "after": new.run_id, **asdict(found)}, indent=1))
        return found.exit_code
    click.echo(f"From {old.run_id} ({old.started}, {old.vnf}) to {new.run_id} ({new.started}, {new.vnf})")
    _show(found)
    return found.exit_code


@click.command()
@click.argument("folder", type=_PATH, metavar="FOLDER")
@click.option("--out", type=_PATH, default="trend.html", show_default=True, metavar="FILE", help="The page.")
def trend(folder: Path, out: Path) -> int:
    """Draw how verdicts and figures went over all the runs and bundles in FOLDER, as one page for people."""
    from conformance.report.trend import render_trend

    check_target(out)
    runs, problems = find_runs(folder)
    for problem in problems:
        click.echo(f"WARNING: {problem}", err=True)
    write_document(Document(render_trend(runs, problems, out.resolve().parent)), out)
    click.echo(out)
    return 0


def _show(found: Changes) -> None:
    if not (found.verdicts or found.moved or found.gone or found.new or found.asked):
        click.echo("No verdict changed, and no figure moved beyond its uncertainty.")
    _list("Asked for differently", found.asked)
    _list("Verdicts", found.verdicts)
    _list("Moved beyond their uncertainty", found.moved)
    for title, names in (("Checks only in the first run", found.gone), ("Checks only in the second run", found.new)):
        if names:
            click.echo(f"\n{title}:")
            for name in names:
                click.echo(f"  {name}")
    _list("Differ, but how uncertain they are is not known", found.unclear)


def _list(title: str, entries: Iterable[Change]) -> None:
    entries = list(entries)
    if entries:
        click.echo(f"\n{title}:")
    for entry in entries:
        what = entry.what if entry.what in ("verdict", "waiver", "profile") else unit_of(entry.what)[0]
        mark = {True: "worse: ", False: "better: ", None: ""}[entry.worse]
        click.echo(f"  {mark}{entry.name}: {what} was {entry.before}, is {entry.after}")
