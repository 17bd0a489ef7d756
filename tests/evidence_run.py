"""A finished run folder made of the stored scenarios under fixtures/histories: real records, judged for real."""

from __future__ import annotations

import shutil
from pathlib import Path

from conformance.model import ScenarioInfo
from conformance.model.results import RunInfo, SiteInfo
from conformance.records import SCENARIO_FILE, read_json
from conformance.resources import fixtures_dir
from conformance.store import End, Plan, PlannedScenario, RunFolder

HISTORIES = fixtures_dir() / "histories"
PASSING = ("good/clean", "good/stalled-link-synchronous")
FAILING = (*PASSING, "bad/lost-writes")


def stored_run(
    folder: Path, histories: tuple[str, ...] = FAILING, *, ended: bool = True, run_id: str = "run-1", seed: int = 7
) -> Path:
    """Make ``folder`` a run of these histories, not judged yet; ``ended`` False is a run that was killed."""
    scenarios = [read_json(HISTORIES / history / SCENARIO_FILE, ScenarioInfo) for history in histories]
    run = RunFolder.create(
        folder,
        RunInfo(
            run_id=run_id,
            product_version="0.1.0",
            profile="smoke",
            seed=seed,
            vnf="subscriber-db-sync",
            scheme="reference",
            started_wall="2026-11-22T16:30:00+00:00",
            started=91_000_000_000_000,
            sites=(SiteInfo("site-a", "lab-site-a"), SiteInfo("site-b", "lab-site-b")),
            command_line=("run", "--seed", str(seed)),
            environment={"python": "3.11.2", "link proxy": "embedded"},
            mandatory=("MS-GR-01", "MS-GR-02", "MS-GR-03", "MS-GR-05", "MS-GR-06"),
            optional=("MS-GR-07",),
        ),
    )
    for number, (history, info) in enumerate(zip(histories, scenarios, strict=True), start=1):
        place = run.scenario_folder(f"{number:02d}-{history.split('/')[1]}")
        shutil.copytree(HISTORIES / history, place, ignore=shutil.ignore_patterns("expected.json"))
        text = (place / SCENARIO_FILE).read_text()
        (place / SCENARIO_FILE).write_text(text.replace(f'"{info.id}"', f'"{place.name}"', 1))
    run.write_plan(Plan(tuple(PlannedScenario(i.name, i.requirements) for i in scenarios), len(scenarios)))
    if ended:
        run.write_end(End(False, ()))
    return folder
