"""report.html: one file that says everything, needs nothing from the network, and reads well on paper."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from conformance.model import Requirement, ScenarioRecord, Status
from conformance.model.results import RunResult, ScenarioResult
from conformance.report.figures import shown_figures
from conformance.report.formats.base import LoadRecord
from conformance.report.keyfigures import KeyFigure, key_figures, loss, recovery
from conformance.report.losses import SHOWN
from conformance.report.matrix import Row, matrix, use_cases
from conformance.report.section import render_section
from conformance.report.trace import traces
from conformance.report.wording import WORDS, brief, counted, duration, figure, number, profile_of

_FOLDER = Path(__file__).parent
_MANY_SCENARIOS = 50
_BINS, _BINS_OF_MANY = 240, 160
_NAMED_IN_ALL, _NAMED_AT_LEAST = 20_000, 10  # operations named one by one: in the whole page, and of one check

_ORIGINS = {
    "stated": "stated in the text",
    "comment": "a reviewer's comment",
    "derived": "derived by the authors",
}

_READING = {
    Status.PASS: "It was tried, the faults were seen to bite, and it held.",
    Status.FAIL: "It was tried and it is proven that it did not hold. No later trouble undoes that.",
    Status.INCONCLUSIVE: "It was tried and nothing was proven either way, for example because a fault did not bite or "
    "because the limit lies inside the uncertainty of the measurement. Not a pass.",
    Status.ERROR: "The harness or its infrastructure failed before it could be judged.",
    Status.NOT_APPLICABLE: "It does not apply to this system under test.",
    Status.NOT_TESTED: "No scenario of this run judged it. Not a pass.",
}


def render_html(
    result: RunResult, load_record: LoadRecord, catalogue: Mapping[str, Requirement]
) -> tuple[str, tuple[str, ...]]:
    """The page, and sentences about records that could not be shown in it.

    Records are loaded one at a time and only their drawing is kept. In a page of many scenarios what belongs to one is
    packed and the page's script unpacks it; every verdict and figure stands unpacked in it as well. A record that
    cannot be loaded costs its scenario the timeline and tables, never the page.
    """
    rows = matrix(result, catalogue)
    environment = page_environment()
    anchors = {scenario.info.id: f"s{n}" for n, scenario in enumerate(result.scenarios, start=1)}
    many = len(result.scenarios) > _MANY_SCENARIOS
    most = min(SHOWN, max(_NAMED_AT_LEAST, _NAMED_IN_ALL // max(1, len(result.scenarios))))
    sections, problems = [], []
    for scenario in result.scenarios:
        record, problem = _load(load_record, scenario.info.id)
        if problem:
            problems.append(problem)
        sections.append(
            render_section(
                environment,
                scenario,
                record,
                result.info,
                anchor=anchors[scenario.info.id],
                max_bins=_BINS_OF_MANY if many else _BINS,
                most=most,
                open_=len(result.scenarios) <= 6 or (scenario.status is not Status.PASS and not many),
                pack=many,
                problem=problem,
            )
        )
    page = environment.get_template("page.html.j2").render(
        result=result,
        info=result.info,
        word=WORDS[result.verdict],
        deciding=_deciding(rows, result),
        broken=[s for s in result.scenarios if s.error and s.finished],
        tiles=_tiles(result, rows),
        use_cases=use_cases(rows),
        traces=(found := traces(rows, result, anchors)),
        trace_counts=_counts(verdict for trace in found for verdict in trace.verdicts),
        row_counts=_counts(row.result.verdict for row in rows),
        scenario_counts=_counts(scenario.status for scenario in result.scenarios),
        index=[_index_line(scenario) for scenario in result.scenarios],
        many_features=len({scenario.info.feature for scenario in result.scenarios}) > 1,
        anchors=anchors,
        names={scenario.info.id: scenario.info.name for scenario in result.scenarios},
        origins=_ORIGINS,
        reading=_READING,
        sections=sections,
        packed=many,
        command_line=_command_line(result.info.command_line),
        limits=_limits(result),
        **_assets(),
    )
    return page, tuple(problems)


def page_environment() -> Environment:
    """The templates with the words and figures that every page of ours speaks in."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        words=WORDS,
        profile_of=profile_of,
        figure=figure,
        brief=brief,
        counted=counted,
        seconds=_seconds,
        shown_figures=shown_figures,
    )
    return environment


def _load(load_record: LoadRecord, scenario_id: str) -> tuple[ScenarioRecord | None, str | None]:
    try:
        return load_record(scenario_id), None
    except Exception as error:  # whatever is wrong with one record must not cost the reader the other scenarios
        return None, f"The record of scenario {scenario_id} could not be read, so its timeline is missing: {error}"


def _assets() -> dict[str, Markup]:
    """Style and script with the hashes under which the page's own policy lets them, and nothing else, run."""
    assets: dict[str, Markup] = {}
    for name, file in (("style", "page.css"), ("script", "page.js")):
        text = (_FOLDER / "templates" / file).read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assets[name] = Markup(text)
        assets[f"{name}_hash"] = Markup(f"sha256-{digest}")
    return assets


def _deciding(rows: tuple[Row, ...], result: RunResult) -> list[Row]:
    """The requirements that keep the run from a pass: of those that count, the ones with the run's own verdict, and for
    an inconclusive run also those that it had to judge and did not."""
    if result.verdict is Status.PASS:
        return []
    wanted = {result.verdict}
    if result.verdict is Status.INCONCLUSIVE:
        wanted |= {Status.NOT_TESTED, Status.NOT_APPLICABLE}
    counting = [row for row in rows if row.demand == "mandatory"] or [row for row in rows if row.result.scenarios]
    return [row for row in counting if row.result.verdict in wanted or row.result.waiver]


def _tiles(result: RunResult, rows: tuple[Row, ...]) -> list[KeyFigure]:
    asked = [row for row in rows if row.demand == "mandatory"]
    held = [row for row in asked if row.result.verdict is Status.PASS]
    tested = [row for row in rows if row.result.verdict is not Status.NOT_TESTED]
    counts = _counts(scenario.status for scenario in result.scenarios)
    return [
        *key_figures(result),
        KeyFigure(
            "Mandatory requirements that hold",
            f"{len(held)} of {len(asked)}",
            f"{counted(len(tested), 'requirement')} of {len(rows)} in the catalogue tested",
        ),
        KeyFigure(
            "Scenarios",
            number(len(result.scenarios)),
            ", ".join(f"{n} {WORDS[status].text}" for status, n in counts.items()) or "none begun",
        ),
    ]


def _counts(statuses: Iterable[Status]) -> dict[Status, int]:
    found = list(statuses)
    return {status: found.count(status) for status in WORDS if status in found}


def _index_line(scenario: ScenarioResult) -> dict[str, Any]:
    bracket, lost = recovery(scenario), loss(scenario)
    held = sum(check.verdict.status is Status.PASS for check in scenario.checks)
    return {
        "id": scenario.info.id,
        "name": scenario.info.name,
        "feature": scenario.info.feature,
        "status": scenario.status,
        "checks": f"{held} of {len(scenario.checks)} hold",
        "recovery": str(bracket) if bracket else "–",
        "lost": number(lost[0]) if lost else "–",
        "took": duration(scenario.duration_s),
    }


def _command_line(words: tuple[str, ...]) -> str:
    if not words:
        return "not recorded"
    return shlex.join(["multisite-ha", *words] if words[0] == "run" else words)


def _limits(result: RunResult) -> list[str]:
    """What a reader must not take from this run, by the data plane that the run's environment names."""
    limits = []
    plane = next((v for k, v in result.info.environment.items() if k.replace("_", " ") == "data plane"), None)
    if plane is None:
        limits.append("The run does not say what data plane its sites had, so what was reachable is not vouched for.")
    elif "loopback" in plane:
        limits.append(
            f"Data plane: {plane}. Guests are processes bound to their fixed IPs; security groups, routers and the "
            "isolation of networks exist in the clouds' APIs only. They were compared as configured; no packet was "
            "filtered or routed."
        )
    elif "namespaces" in plane:
        limits.append(
            f"Data plane: {plane}. Packets really pass or are stopped, by the lab's own routers, security groups and "
            "WAN made from what Neutron states; that a production cloud does the same with its own is not shown."
        )
    else:
        limits.append(
            f"Data plane: {plane}. Networks were compared as configured; where what reaches what was observed, the "
            "scenario says so."
        )
    if result.info.environment.get("sites") == "lab":
        limits.append(
            "Both sites are OpenStack clouds on one machine: times include its load and say nothing of another's."
        )
    limits.append("A lost site is one whose processes all died at once. Power, cooling and people were not part of it.")
    return limits


def _seconds(t: int, origin: int) -> str:
    return f"{(t - origin) / 1e9:.3f} s"
