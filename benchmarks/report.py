"""What report.html costs: seconds, megabytes and memory, for one scenario and for hundreds, from a real run folder.

    python benchmarks/report.py [--operations 1000000] [--scenarios 1 50 500]

A run with that many scenarios and operations is made up (the one of the tests of the reports, one scenario in two
losing writes), written to a temporary folder as a run writes it, and reported on by a process of its own. Reading the
records is counted apart from drawing them; nothing is judged, because that costs the same without a report. Times are
CPU seconds of the one thread that does it, so that what else the machine does hardly counts; the wall clock stands
beside.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from report_run import catalogue, made_scenario, run_of

from conformance.model import Operation, Probe, ScenarioRecord
from conformance.model.results import RunResult
from conformance.records import EVENTS_FILE, HISTORY_FILE, PROBES_FILE
from conformance.report.html import render_html
from conformance.store import EventLog, Outcome, RunFolder, write_inventory

SERVED_S = 12.0
"""About as long as the made-up service is in use, which turns a number of operations into a rate."""
TARGET_S, TARGET_MB = 15, 10


def main() -> None:
    """Read the options, make and measure each run, print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--operations", type=int, default=1_000_000, help="of the run with the most scenarios")
    options.add_argument("--scenarios", type=int, nargs="+", default=[1, 50, 500])
    given = options.parse_args()
    each = given.operations // max(given.scenarios)
    print(f"{platform.platform()}, Python {platform.python_version()}\n")
    print("| scenarios | operations | reading (CPU s) | drawing (CPU s) | wall (s) | report.html (MB) | peak (MiB) |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    worst = (0.0, 0.0)
    for scenarios in given.scenarios:
        with tempfile.TemporaryDirectory() as place:
            operations, result = make(Path(place), scenarios, each)
            cost = measured(Path(place), result)
        print(
            f"| {scenarios} | {operations:,} | {cost.reading_s:.1f} | {cost.drawing_s:.1f} | {cost.wall_s:.1f} | "
            f"{cost.size / 1e6:.2f} | {cost.memory_mib:.0f} |",
            flush=True,
        )
        worst = max(worst[0], cost.reading_s + cost.drawing_s), max(worst[1], cost.size / 1e6)
    held = worst[0] <= TARGET_S and worst[1] <= TARGET_MB
    print(f"\nTarget: at most {TARGET_S} s and {TARGET_MB} MB: {'held' if held else 'NOT HELD'}.")


def make(place: Path, scenarios: int, operations_each: int) -> tuple[int, RunResult]:
    """Write a run folder; how many operations are in it, and its result."""
    results, operations, folder = [], 0, None
    for number in range(1, scenarios + 1):
        lost = 20 if number % 2 == 0 else 0
        result, record = made_scenario(number, round(operations_each / SERVED_S), lost)
        folder = folder or RunFolder.create(place, run_of(()).info)
        write(folder, record)
        operations += len(record.history)
        results.append(replace(result, finished=True))
    return operations, run_of(tuple(results))


def write(folder: RunFolder, record: ScenarioRecord) -> None:
    """One scenario as a run leaves it."""
    path = folder.begin_scenario(record.info)
    log = EventLog(path / EVENTS_FILE)
    for event in record.events:
        log.append(event)
    log.close()
    lines(path / HISTORY_FILE, [line for o in record.history for line in history_lines(o)])
    lines(path / PROBES_FILE, [asdict(p) if isinstance(p, Probe) else p for p in record.probes])
    for name, inventory in record.inventories.items():
        write_inventory(path, name, inventory)
    folder.end_scenario(record.info.id, Outcome(None, 20.0))


def history_lines(o: Operation) -> list[dict[str, Any]]:
    """An operation's invoke line and, if its outcome was known, its second one."""
    asked = {"i": o.id, "p": o.id, "type": "invoke", "f": o.f, "key": o.key, "value": o.value, "t": o.invoked}
    told = {"i": o.id, "p": o.id, "type": o.outcome.value, "t": o.completed, "error": o.error}
    return [{**asked, "site": o.site}, *([told] if o.completed is not None else [])]


def lines(path: Path, objects: list[dict[str, Any]]) -> None:
    """JSON lines in order of time, as they are written while things happen."""
    objects.sort(key=lambda line: line.get("t", line.get("due", 0)))
    path.write_text("".join(json.dumps(o, separators=(",", ":")) + "\n" for o in objects))


@dataclass(frozen=True)
class Cost:
    """What one page cost: CPU seconds of reading and of drawing, seconds in all, bytes, and MiB at the most."""

    reading_s: float
    drawing_s: float
    wall_s: float
    size: int
    memory_mib: float


def measured(place: Path, result: RunResult) -> Cost:
    """The cost in a process that does nothing but write the page."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(report, (place, result))


def report(place: Path, result: RunResult) -> Cost:
    """Write the page in this process."""
    folder, reading = RunFolder(place), 0.0

    def load(name: str) -> ScenarioRecord:
        nonlocal reading
        began = time.process_time()
        record = folder.load(name)
        assert not record.problems, record.problems[:3]
        reading += time.process_time() - began
        return record

    began, wall = time.process_time(), time.perf_counter()
    page, problems = render_html(result, load, catalogue())
    assert not problems, problems[:3]
    (place / "report.html").write_text(page, encoding="utf-8")
    whole = time.process_time() - began
    return Cost(
        reading_s=reading,
        drawing_s=whole - reading,
        wall_s=time.perf_counter() - wall,
        size=(place / "report.html").stat().st_size,
        memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


if __name__ == "__main__":
    main()
