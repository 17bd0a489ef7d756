"""`multisite-ha requirements`: the catalogue, and what of it is tested."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from conformance.catalogue import load_catalogue
from conformance.coverage import coverage
from conformance.features import scenarios_by_requirement
from conformance.resources import closest


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.option("--coverage", "as_table", is_flag=True, help="Which scenario judges which requirement, as Markdown rows.")
def requirements(ids: tuple[str, ...], as_json: bool, as_table: bool) -> None:
    """List the requirement catalogue: what must hold, where it comes from, and how many scenarios judge it.

    With one or more IDs (for example MS-GR-05), show these in full.
    """
    catalogue = load_catalogue()
    ids = tuple(wanted.upper() for wanted in ids)
    for wanted in ids:
        if wanted not in catalogue:
            raise click.UsageError(f"There is no requirement {wanted!r}. {closest(wanted, list(catalogue))}")
    chosen = [catalogue[i] for i in ids] or list(catalogue.values())
    if as_table:
        for row in coverage():
            if not ids or row.requirement in ids:
                click.echo(row.as_markdown())
        return
    scenarios = scenarios_by_requirement()
    if as_json:
        click.echo(json.dumps([{**asdict(r), "scenarios": scenarios.get(r.id, [])} for r in chosen], indent=1))
        return
    if ids:
        for r in chosen:
            number = f"sentence {r.source.sentence}" if r.source.sentence else "no sentence of it"
            click.echo(f"{click.style(r.id, bold=True)}  {r.title}\n\n  {r.statement}\n")
            click.echo(f"  {r.strength.value}; {r.origin.value}; {r.source.document}, {r.source.use_case}, {number}")
            if r.note:
                click.echo(f"  Note: {r.note}")
            for name in scenarios.get(r.id, []) or ["not tested"]:
                click.echo(f"  - {name}")
            click.echo()
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "must hold", "strength", "origin", "scenarios"):
        table.add_column(heading)
    for r in chosen:
        count = len(scenarios.get(r.id, []))
        table.add_row(r.id, r.title, r.strength.value, r.origin.value, str(count) if count else "not tested")
    Console().print(table)
