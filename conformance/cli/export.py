"""`multisite-ha export`: a stored history in another tool's form."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.bundle import check_record
from conformance.cli.targets import check_target
from conformance.errors import HarnessError, UsageError
from conformance.jepsen import PARTS, history_edn
from conformance.model import ScenarioRecord
from conformance.records import SCENARIO_FILE, load_scenario
from conformance.store import RunFolder


@click.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="SCENARIO_FOLDER|RUN")
@click.option("--format", "form", type=click.Choice(["edn"]), required=True, help="edn: as Jepsen's history.edn.")
@click.option("--part", type=click.Choice(PARTS), default="all", show_default=True, help="What of it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where to: a file; for a run of several scenarios a folder. Default: standard output.",
)
def export(path: Path, form: str, part: str, out: Path | None) -> int:
    """Write a stored history for Jepsen's checkers (Knossos, Elle).

    \b
    Examples:
      multisite-ha export --format edn RUN/scenarios/01-loss --part registers --out history.edn
      multisite-ha export --format edn RUN --out exported/
    """
    if out is not None:
        check_target(out)
    records = _records(path)
    if len(records) == 1 and (out is None or not out.is_dir()):
        lines = history_edn(_whole(path, records[0]), part)
        if out is None:
            for line in lines:
                click.echo(line, nl=False)
        else:
            _write(out, "".join(lines))
        return 0
    if out is None:
        raise UsageError(f"{path} holds {len(records)} scenarios: say with --out in which folder to put them.")
    for record in records:
        _write(out / f"{record.info.id}.edn", "".join(history_edn(_whole(path, record), part)))
    return 0


def _records(path: Path) -> list[ScenarioRecord]:
    if (path / SCENARIO_FILE).exists():
        return [load_scenario(path)]
    run = RunFolder(path)
    run.info()
    check_record(path)
    records = [run.load(scenario) for scenario in run.scenario_ids()]
    if not records:
        raise UsageError(f"The run in {path} holds no scenario.")
    return records


def _whole(path: Path, record: ScenarioRecord) -> ScenarioRecord:
    """The record, unless some of it could not be read: a checker elsewhere would not know of what is missing."""
    if record.problems:
        raise HarnessError(
            f"The record of {record.info.id} in {path} cannot be read in full, so it is not exported: "
            f"{' '.join(record.problems[:3])}"
        )
    return record


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}.") from None
    click.echo(file)
