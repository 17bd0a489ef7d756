"""One scenario's part of report.html: steps, timeline, losses, faults, both sites side by side."""

from __future__ import annotations

import base64
import re
import shlex
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from jinja2 import Environment
from markupsafe import Markup

from conformance.model import Evidence, Outcome, ScenarioRecord
from conformance.model.results import CheckResult, RunInfo, ScenarioResult
from conformance.report.bothsites import NETWORK_KINDS, render_both_sites
from conformance.report.faultlog import fault_runs
from conformance.report.keyfigures import loss, recovery
from conformance.report.losses import OPERATION_KINDS, SHOWN, losses, told
from conformance.report.timeline import Timeline, build_timeline
from conformance.report.timeline_svg import draw
from conformance.report.trace import check_anchor
from conformance.report.wording import brief, counted, duration, figure, number, unit_of

_KEYWORDS = ("Given", "When", "Then", "And", "But", "*")


@dataclass(frozen=True)
class Step:
    """A step's keyword and text; the check that judged it, if it was one to judge, with the evidence to show, and the
    check's number in the scenario, from 1."""

    keyword: str
    text: str
    check: CheckResult | None = None
    number: int = 0

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence that has no table of its own."""
        if self.check is None:
            return ()
        elsewhere = (*OPERATION_KINDS, *NETWORK_KINDS)
        return tuple(e for e in self.check.verdict.evidence if e.kind not in elsewhere)[:SHOWN]

    @property
    def named_below(self) -> tuple[tuple[str, str], ...]:
        """Where in the scenario's part the evidence with a table of its own is: (how much, end of the anchor)."""
        kinds = [e.kind for e in self.check.verdict.evidence] if self.check else []
        operations, network = (sum(kind in own for kind in kinds) for own in (OPERATION_KINDS, NETWORK_KINDS))
        places = ((operations, "operation", "operations"), (network, "difference", "sites"))
        return tuple((counted(n, word), anchor) for n, word, anchor in places if n)

    @property
    def evidence_note(self) -> str:
        """How much evidence there is."""
        return counted(len(self.evidence), "item")


def render_section(
    templates: Environment,
    scenario: ScenarioResult,
    record: ScenarioRecord | None,
    run: RunInfo,
    *,
    anchor: str,
    max_bins: int,
    most: int,
    open_: bool,
    pack: bool,
    problem: str | None,
) -> Markup:
    """The scenario as HTML. Without a record it holds what the verdicts say; ``problem`` says why there is no more.

    ``most`` is how many operations are named for each check and kind, ``max_bins`` how many bins a timeline has. With
    ``pack`` all but the head line is compressed."""
    bracket = recovery(scenario)
    empty = ScenarioRecord(scenario.info, finished=scenario.finished)
    shown = _with_short_targets(record or empty, run.run_id)
    lost = loss(scenario)
    timeline = build_timeline(shown, bracket, lost, max_bins)
    origin = timeline.origin if timeline else 0
    caption = _caption(shown, timeline) if timeline else ""
    body = templates.get_template("body.html.j2").render(
        scenario=scenario,
        anchor=anchor,
        problems=[*([problem] if problem else []), *shown.problems],
        steps=steps(scenario),
        drawing=draw(timeline, f"{anchor}-timeline") if timeline else None,
        caption=caption,
        used=timeline is not None and timeline.used,
        origin=origin,
        losses=losses(scenario.checks, shown, origin, most),
        faults=fault_runs(shown.events),
        doings=[event for event in shown.events if event.kind in ("scheme", "observation")],
        both_sites=render_both_sites(templates.get_template("bothsites.html.j2"), scenario, shown, anchor),
        check_anchor=check_anchor,
        told=told,
        rerun=rerun_command(scenario, run),
        thresholds=_thresholds(scenario),
    )
    return Markup(
        templates.get_template("scenario.html.j2").render(
            scenario=scenario,
            anchor=anchor,
            open=open_,
            bracket=bracket,
            lost=f"lost {number(lost[0])}" if lost and lost[0] else None,
            took=f"took {duration(scenario.duration_s)}" if scenario.finished else "cut short",
            packed=_packed(body) if pack else None,
            body=Markup("") if pack else Markup(body),
        )
    )


def _packed(html: str) -> str:
    """HTML that the page's script unfolds: raw deflate in base64, a quarter of its size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(packer.compress(html.encode()) + packer.flush()).decode()


def _with_short_targets(record: ScenarioRecord, run_id: str) -> ScenarioRecord:
    """Links are named after the run; a reader of its report knows which run that is."""
    ending = re.compile(rf"-{re.escape(run_id)}([-.]\d+)?$")
    events = tuple(replace(e, target=ending.sub("", e.target)) if e.target else e for e in record.events)
    return replace(record, events=events)


def steps(scenario: ScenarioResult) -> tuple[Step, ...]:
    """The scenario's steps, each Then with the check that judged it; a check that no step names comes last."""
    left = list(enumerate(scenario.checks, start=1))
    found = []
    for line in scenario.info.steps:
        keyword, text = _split(line)
        numbered = next((item for item in left if item[1].phrase in (text, line)), None)
        if numbered:
            left.remove(numbered)
        number, check = numbered or (0, None)
        found.append(Step(keyword, text, check, number))
    return (*found, *(Step("Then", check.phrase, check, number) for number, check in left))


def rerun_command(scenario: ScenarioResult, run: RunInfo) -> str:
    """The command that runs this scenario alone with the same VNF, scheme, profile, sites and seed."""
    words = ["multisite-ha", "run", scenario.info.name, "--profile", _given(run, "profile") or run.profile]
    words += ["--vnf", _given(run, "vnf") or run.vnf, "--scheme", run.scheme, "--seed", str(run.seed)]
    for option in ("sites", "lab", "toxiproxy"):
        if value := _given(run, option):
            words += [f"--{option}", value]
    return shlex.join(words)


def _given(run: RunInfo, option: str) -> str | None:
    """What the run's own command line gave for an option: a file's path, where the run itself only knows the name."""
    line = run.command_line
    for n, word in enumerate(line):
        for flag in (f"--{option}", f"--ms-{option}"):
            if word == flag and n + 1 < len(line):
                return line[n + 1]
            if word.startswith(f"{flag}="):
                return word.removeprefix(f"{flag}=")
    return None


def _split(line: str) -> tuple[str, str]:
    first, _, rest = line.partition(" ")
    return (first, rest) if first in _KEYWORDS and rest else ("", line)


def _thresholds(scenario: ScenarioResult) -> str:
    words = []
    for name, value in asdict(scenario.info.thresholds).items():
        if isinstance(value, dict):  # limits by name, for example of each plane
            label, unit = unit_of(name)
            words += [f"{label} of {key} {brief(inner)} {unit}".strip() for key, inner in value.items()]
        elif value is not None:  # None is no limit
            words.append(" ".join(figure(name, value)))
    return ", ".join(words)


def _caption(record: ScenarioRecord, timeline: Timeline) -> str:
    """The timeline in words: also what a screen reader says of it."""
    if not timeline.used:
        return f"The scenario's record spans {duration(timeline.length_s)}. Nobody used or probed the service."
    writes = [o.outcome for o in record.history if o.f == "write"]
    bad = sum(not probe.ok for probe in record.probes)
    parts = [
        "Drawn is the time in which the service was used; the scenario's record spans "
        f"{duration(timeline.length_s)}, and all times count from its begin.",
        f"Writes: {number(writes.count(Outcome.OK))} acknowledged, {number(writes.count(Outcome.FAIL))} refused, "
        f"{number(writes.count(Outcome.INFO))} of unknown outcome.",
        f"Probes: {number(len(record.probes))} sent, {number(bad)} failed.",
        *_loss_words(timeline),
        f"Decimated to {number(timeline.bins.count)} bins of {number(timeline.bins.width_s)} s: each keeps its slowest "
        "and fastest answer and counts every write and every failure; quantiles are of the bin.",
    ]
    return " ".join(parts)


def _loss_words(timeline: Timeline) -> Iterable[str]:
    if timeline.site_loss:
        yield f"{timeline.site_loss}."
    if timeline.recovery:
        yield f"Recovery: {timeline.recovery.bracket} after the loss; dark is certain, hatched is the uncertainty."
