"""When things happened, on the wall clock: the record counts on a monotonic one, and run.json holds both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from conformance.model.results import RunInfo
from conformance.records import EVENTS_FILE, read_events
from conformance.report.formats.base import JudgedRun


def wall(info: RunInfo, monotonic_ns: int) -> datetime:
    """The wall-clock time (UTC) of an instant of the record."""
    begin = datetime.fromisoformat(info.started_wall)
    if begin.tzinfo is None:
        begin = begin.replace(tzinfo=UTC)
    return begin.astimezone(UTC) + timedelta(microseconds=(monotonic_ns - info.started) / 1000)


def span(run: JudgedRun, scenario_id: str) -> tuple[datetime, datetime] | None:
    """First and last event of a scenario; None when it has none. Only its events are read."""
    events, _ = read_events(run.folder / "scenarios" / scenario_id / EVENTS_FILE)
    if not events:
        return None
    instants = [event.t for event in events]
    return wall(run.result.info, min(instants)), wall(run.result.info, max(instants))


def run_span(run: JudgedRun) -> tuple[datetime, datetime]:
    """The run's start, and its last recorded event."""
    info = run.result.info
    begin = wall(info, info.started)
    last = [s for scenario in run.result.scenarios[-1:] if (s := span(run, scenario.info.id))]
    return begin, max([begin, *(end for _, end in last)])
