"""What is told of a run while it goes on: read from its folder, one stream, and writers that cannot hurt it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from report_run import made_run
from rich.console import Console

from conformance.model import Event, Probe
from conformance.progress import (
    CheckJudged,
    FaultChanged,
    Follower,
    PhaseChanged,
    Progress,
    ProgressEvent,
    RunEnded,
    RunPlanned,
    Said,
    Sample,
    ScenarioBegun,
    ScenarioEnded,
)
from conformance.progress.choice import for_people
from conformance.progress.jsonl import JsonLines, schema
from conformance.progress.live import LiveView, render, sparkline
from conformance.progress.plain import PlainLines
from conformance.progress.relay import Relayed, relay_writer
from conformance.progress.sampling import Sampler
from conformance.progress.tail import Tail
from conformance.progress.view import View, after
from conformance.store import EventLog, Outcome, RunFolder

ROOT = Path(__file__).parents[2]
KINDS = get_args(ProgressEvent)


class Heard:
    """A writer that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[ProgressEvent] = []

    def __enter__(self) -> Heard:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, elapsed_s: float, event: ProgressEvent) -> None:
        self.events.append(event)


class Broken(Heard):
    def write(self, elapsed_s: float, event: ProgressEvent) -> None:
        raise OSError(28, "No space left on device")


def an_event(kind: type[Any]) -> Any:
    """An event of ``kind`` with something in every field."""
    values: dict[str, Any] = {"verdict": "pass", "observed": {"rtt_ms": 1.5}, "requirements": ("MS-GR-01",)}
    values |= {"sites": ("site-a", "site-b"), "ok": True, "final": False, "finished": True}
    numbers = {"seed", "scenarios", "side_by_side", "number", "t", "probes", "probes_failed", "exit_code"}
    numbers |= {f.name for f in fields(Sample)} - {"scenario", "event"} | {"duration_s"}
    made = {f.name: values.get(f.name, 3 if f.name in numbers else f"a {f.name}") for f in fields(kind)}
    return kind(**{name: value for name, value in made.items() if name != "event"})


def record(folder: RunFolder, number: int = 1) -> Path:
    """One scenario of the made run, begun in ``folder``."""
    info = made_run(scenarios=number).result.scenarios[number - 1].info
    return folder.begin_scenario(info)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", made_run().result.info)


def followed(folder: RunFolder) -> list[ProgressEvent]:
    """Everything a follower tells of a folder that grows no more."""
    heard: list[ProgressEvent] = []
    follower = Follower(folder.path, heard.append)
    follower.start()
    follower.stop()
    return heard


def test_phases_and_faults_are_told_as_they_are_stored(folder: RunFolder) -> None:
    log = EventLog(record(folder) / "events.jsonl")
    for event in (
        Event(5, "phase", "load", "begin"),
        Event(6, "fault", "site-loss", "verified", "site-a", True, "No API answers."),
        Event(7, "scheme", "failover", "begin"),
    ):
        log.append(event)
    log.close()
    begun, phase, fault, noted, ended = followed(folder)
    assert isinstance(begun, ScenarioBegun) and begun.number == 1
    assert phase == PhaseChanged(begun.scenario, 5, "load", "begin", None, "")
    assert fault == FaultChanged(begun.scenario, 6, "site-loss", "site-a", "verified", True, "No API answers.")
    assert (noted.event, getattr(noted, "kind", "")) == ("noted", "scheme")
    assert ended == ScenarioEnded(begun.scenario, None, None)


def test_a_scenario_ends_with_the_outcome_that_was_written_last(folder: RunFolder) -> None:
    for number in (1, 2):
        record(folder, number)
    ids = folder.scenario_ids()
    folder.end_scenario(ids[0], Outcome(None, 1.0))
    folder.end_scenario(ids[0], Outcome("It could not be removed.", 2.0, closed=True))
    told = [e for e in followed(folder) if isinstance(e, (ScenarioBegun, ScenarioEnded))]
    assert [e.event for e in told] == ["scenario-begun", "scenario-ended"] * 2
    assert told[1] == ScenarioEnded(ids[0], "It could not be removed.", 2.0)


def test_scenarios_that_go_on_side_by_side_are_told_each_with_its_own_end(folder: RunFolder) -> None:
    logs = [EventLog(record(folder, number) / "events.jsonl") for number in (1, 2)]
    first, second = folder.scenario_ids()
    for log in logs:
        log.append(Event(5, "phase", "load", "begin"))
    folder.end_scenario(second, Outcome(None, 1.0, closed=True))
    told = [(e.event, e.scenario) for e in followed(folder) if not isinstance(e, Said)]  # type: ignore[union-attr]
    begun = [("scenario-begun", first), ("phase", first), ("scenario-begun", second), ("phase", second)]
    assert told == [*begun, ("scenario-ended", second), ("scenario-ended", first)]


def test_what_several_processes_say_is_told_as_it_came(tmp_path: Path, folder: RunFolder) -> None:
    events: list[ProgressEvent] = [Said("[01] one"), CheckJudged("01-a", "c", "p", ("X",), "pass", "r", final=False)]
    for sender, event in zip(("gw0", "gw1"), events, strict=True):
        with relay_writer(tmp_path, sender) as writer:
            writer.write(1.0, event)
    heard: list[ProgressEvent] = []
    follower = Follower(folder.path, heard.append, Relayed(tmp_path))
    follower.start()
    follower.stop()
    assert heard == events


def test_a_damaged_folder_ends_the_following_and_nothing_else(folder: RunFolder) -> None:
    (record(folder) / "scenario.json").write_text("{")
    (told,) = followed(folder)
    assert isinstance(told, Said) and told.text.startswith("WARNING: The run can no longer be followed")


def test_a_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    tail = Tail(file)
    assert list(tail.lines()) == []
    file.write_text('{"a": 1}\n{"b"')
    assert list(tail.lines()) == [{"a": 1}]
    with file.open("a") as more:
        more.write(': 2}\nnot json\n[3]\n{"c": 3}\n')
    assert list(tail.lines()) == [{"b": 2}, {"c": 3}]
    assert list(tail.lines()) == []


def lines(path: Path, *objects: dict[str, Any]) -> None:
    with path.open("a") as file:
        file.writelines(json.dumps(o) + "\n" for o in objects)


def test_a_sample_counts_what_came_since_the_one_before(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path, "s")
    assert sampler.sample(1.0) is None
    asked = [{"i": i, "type": "invoke", "f": "write" if i else "open-session"} for i in range(5)]
    told = [{"i": 0, "type": "ok"}, {"i": 1, "type": "ok"}, {"i": 2, "type": "ok"}, {"i": 3, "type": "fail"}]
    lines(tmp_path / "history.jsonl", *asked, *told)
    probes = [asdict(Probe(n, 10**9, 10**9, 10**9 + ms * 10**6, ms < 9)) for n, ms in enumerate((1, 2, 3, 9))]
    lines(tmp_path / "probes.jsonl", *probes)
    assert sampler.sample(2.0) == Sample("s", 2.0, 1.0, 0.5, 4, 1, 0.25, 2.0, 3.0)
    lines(tmp_path / "history.jsonl", {"i": 4, "type": "ok"})
    assert sampler.sample(1.0) == Sample("s", 1.0, 1.0, 0.0, 0, 0, None, None, None)
    assert sampler.sample(1.0) is None


def test_a_writer_that_breaks_is_left_out_and_the_others_say_so() -> None:
    heard = Heard()
    with Progress(Broken(), heard) as progress:
        progress.emit(RunPlanned(3))
        progress.say("on we go")
    assert heard.events[0] == RunPlanned(3)
    assert isinstance(heard.events[1], Said) and "WARNING: Broken cannot go on" in heard.events[1].text
    assert heard.events[2:] == [Said("on we go")]


def test_the_published_schema_is_the_one_of_the_events() -> None:
    assert json.loads((ROOT / "docs" / "progress-events.schema.json").read_text()) == json.loads(json.dumps(schema()))
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_every_event_is_a_line_that_keeps_the_schema(kind: type[Any]) -> None:
    out = io.StringIO()
    JsonLines(out).write(1.2345, an_event(kind))
    (line,) = out.getvalue().splitlines()
    document = json.loads(line)
    jsonschema.validate(document, schema())
    assert document["event"] == kind.event and document["elapsed_s"] == 1.234
    for name in document:
        spoiled = {k: v for k, v in document.items() if k != name}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoiled, schema())


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_every_event_stands_in_the_documentation_with_its_fields(kind: type[Any]) -> None:
    text = (ROOT / "docs" / "progress-events.md").read_text()
    section = text[text.index(f"### {kind.event}\n") :].split("\n### ")[0]
    assert [f.name for f in fields(kind) if f.name != "event" and f"`{f.name}`" not in section] == []


def test_a_log_gets_lines_without_colour_codes_and_without_samples() -> None:
    out = io.StringIO()
    writer = for_people(Console(file=out))
    assert isinstance(writer, PlainLines)
    for kind in KINDS:
        writer.write(2.0, replace(an_event(kind), side_by_side=1) if kind is RunPlanned else an_event(kind))
    assert "\x1b" not in out.getvalue()
    said = out.getvalue().splitlines()
    assert "    2.0 s  a text" in said
    assert len(said) == 4  # the run, its plan, a verdict, a sentence; no samples


def terminal(out: io.StringIO, **environment: str) -> Console:
    return Console(file=out, force_terminal=True, width=100, _environ={"TERM": "xterm-256color", **environment})


def test_a_terminal_gets_the_live_view_and_a_dumb_one_plain_lines() -> None:
    assert isinstance(for_people(terminal(io.StringIO())), LiveView)
    assert isinstance(for_people(terminal(io.StringIO(), TERM="dumb")), PlainLines)


def test_no_color_leaves_colours_out_of_the_live_view() -> None:
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        out = io.StringIO()
        with LiveView(terminal(out, **environment)) as view:
            view.write(1.0, Said("WARNING: something"))
        assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", out.getvalue())) is coloured


def shown(view: View, elapsed_s: float, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(render(view, elapsed_s))
    return out.getvalue()


def folded(*events: tuple[float, ProgressEvent]) -> View:
    view = View()
    for elapsed, event in events:
        view = after(view, elapsed, event)
    return view


BEGUN = ScenarioBegun("s", 1, "The first site is lost", "Loss", ("MS-GR-01",))


def test_the_live_view_shows_scenario_phase_faults_and_service() -> None:
    view = folded(
        (1, RunPlanned(3)),
        (2, BEGUN),
        (3, PhaseChanged("s", 1, "failover", "begin", None, "")),
        (4, FaultChanged("s", 2, "site-loss", "site-a", "injected", None, "")),
        (5, FaultChanged("s", 3, "site-loss", "site-a", "verified", True, "")),
        (6, FaultChanged("s", 3, "link-stall", "b>a", "injecting", None, "")),
        (7, Sample("s", 1.0, 187.4, 0.0, 50, 25, 0.5, 2.04, 14.0)),
    )
    text = shown(view, 65)
    for said in (
        "1 of 3  The first site is lost", "failover", "site-loss site-a bites", "link-stall b>a not yet seen to bite",
        "187 writes/s", "latency 2.0 ms (slowest 14.0 ms)", "50.0% of probes failed", "1 min 05 s gone",
    ):  # fmt: skip
        assert said in text, said


def test_the_live_view_shows_every_scenario_that_goes_on() -> None:
    other = replace(BEGUN, scenario="t", number=2, name="The link is cut")
    view = folded(
        (1, RunPlanned(3, 2)),
        (2, BEGUN),
        (3, other),
        (4, FaultChanged("t", 3, "link-cut", "b>a", "verified", True, "")),
        (5, PhaseChanged("s", 1, "failover", "begin", None, "")),
    )
    text = shown(view, 65)
    for said in ("1 of 3  The first site is lost", "failover", "2 of 3  The link is cut", "link-cut b>a bites"):
        assert said in text, said
    assert "The link is cut" not in shown(after(view, 70, ScenarioEnded("t", None, 60.0)), 70)


def test_in_a_log_of_several_scenarios_every_verdict_says_whose_it_is() -> None:
    out = io.StringIO()
    log = PlainLines(out)
    check = CheckJudged("07-the-link", "c", "phrase", (), "fail", "Gone.", final=False)
    for event in (RunPlanned(1), check, RunPlanned(9, 2), check):
        log.write(1.0, event)
    alone, beside = [line for line in out.getvalue().splitlines() if "FAIL" in line]
    assert "[07]" not in alone and "[07]   FAIL" in beside


def test_in_a_narrow_terminal_the_words_on_the_left_stay_whole() -> None:
    view = folded(
        (1, RunPlanned(3)), (2, replace(BEGUN, name="A name that is much longer than the terminal is wide" * 3))
    )
    lines = shown(view, 65, width=60).splitlines()
    assert [line.split("  ")[0] for line in lines if line.strip()] == ["scenario", "phase", "faults", "service", "time"]


def test_a_fault_that_is_healed_is_no_longer_shown() -> None:
    view = folded(
        (1, BEGUN),
        (2, FaultChanged("s", 1, "site-loss", "site-a", "verified", True, "")),
        (3, FaultChanged("s", 2, "site-loss", "site-a", "healing", None, "")),
    )
    assert view.scenes[0].faults == (("site-loss site-a", True),)
    view = after(view, 4, FaultChanged("s", 3, "site-loss", "site-a", "healed", None, ""))
    assert view.scenes[0].faults == ()


def test_the_time_left_is_known_once_a_scenario_is_done() -> None:
    view = folded((0, RunPlanned(3)), (10, BEGUN))
    assert view.left_s(20) is None
    view = folded((0, RunPlanned(3)), (10, BEGUN), (70, ScenarioEnded("s", None, 60.0)), (70, BEGUN))
    assert view.left_s(90) == 100.0
    assert view.left_s(1000) == 60.0
    assert after(view, 90, RunEnded("pass", 0, True, "x")).left_s(90) is None


def test_verdicts_are_counted_once_though_they_are_told_again_at_the_end() -> None:
    check = CheckJudged("s", "c", "phrase", (), "fail", "Gone.", final=False)
    last = CheckJudged("s", "c", "phrase", (), "fail", "Gone.", final=True)
    assert folded((1, BEGUN), (2, check), (3, last)).verdicts == ("fail",)


def test_a_sparkline_marks_what_was_not_answered() -> None:
    assert sparkline((1.0, 8.0, None, 0.0)) == "▂█×▁"
    assert sparkline(()) == ""


def test_events_that_cannot_be_written_are_said_before_anything_is_started(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "conformance", "run", "--json-events", str(tmp_path / "no" / "x.jsonl")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "Cannot write the events to" in done.stderr and "Traceback" not in done.stderr
    assert done.returncode == 64
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_the_events_who_goes_away_costs_neither_the_run_nor_its_exit_code() -> None:
    told = (
        "from conformance.progress import Progress\n"
        "from conformance.progress.choice import choose_writers\n"
        "with choose_writers(quiet=True, json_events='-') as writers, Progress(*writers) as progress:\n"
        "    for n in range(3):\n"
        "        progress.say('x' * 100_000)\n"
        "    assert not progress.writers\n"
        "raise SystemExit(1)\n"
    )
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        done = subprocess.run([sys.executable, "-c", told], stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
