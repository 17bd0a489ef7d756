"""Feature files: what they promise, and whether they can be believed, before anything is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.catalogue import load_catalogue
from conformance.checkers.registry import all_checks, check_for_phrase
from conformance.errors import UsageError
from conformance.resources import closest, features_dir
from conformance.schedule import Schedule
from conformance.vocabulary import Loose, fault_during, faults_of

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario, ScenarioTemplate

TOPICS = {
    "single-dc": "use case 1, several clouds in one data centre",
    "geo-redundancy": "use case 2, geographic redundancy",
    "maintenance": "use case 3, planned maintenance",
}


def known_tags() -> dict[str, str]:
    """Every tag a feature may carry, with its meaning: the requirement ids and the topics."""
    return {**{r.id: r.title for r in load_catalogue().values()}, **TOPICS}


def scenario_id(number: int, name: str) -> str:
    """The name of a scenario's folder: its number in the run and its name in letters, digits and dashes."""
    return f"{number:02d}-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]


def then_phrases(scenario: Scenario) -> tuple[str, ...]:
    """The texts of a scenario's Then steps, in order."""
    return tuple(step.name for step in scenario.steps if step.type == "then")


def planned_faults(scenario: Scenario, scheduled: Callable[[str, Loose], Schedule] | None = None) -> tuple[str, ...]:
    """The faults that a scenario's steps inject, in order. ``scheduled`` says what a nemesis does in the scenario of a
    name; without it, only that there is one."""
    schedule = None if scheduled is None else partial(scheduled, scenario.name)
    return tuple(fault for step in scenario.steps for fault in faults_of(step.name, schedule))


def planned_during(scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """Those of the planned faults that are to strike during an operation of the scheme, each with that operation."""
    return tuple(planned for step in scenario.steps if (planned := fault_during(step.name)) is not None)


def requirement_tags(tags: set[str]) -> tuple[str, ...]:
    """The requirement ids among tags, sorted."""
    return tuple(sorted(tag for tag in tags if tag in load_catalogue()))


def scope_tags(tags: set[str]) -> tuple[str, ...]:
    """The ids among tags of requirements that every check of a scenario judges, sorted."""
    return tuple(r for r in requirement_tags(tags) if load_catalogue()[r].scope)


def check_feature(path: Path) -> None:
    """Refuse a feature that could mislead: UsageError names the file, the scenario and what is wrong.

    Refused are: text that is not Gherkin, two scenarios of one name (pytest-bdd leaves the first out), an unknown tag,
    a scenario without a Then (pytest-bdd passes it), a Then sentence no check stands behind, and tags that differ from
    the requirements which the Then sentences judge.
    """
    from pytest_bdd.exceptions import GherkinParseError
    from pytest_bdd.feature import get_feature

    _check_text(path)
    try:
        _check_names(path)
        feature = get_feature(str(path.parent), path.name)
    except GherkinParseError as error:
        raise UsageError(f"{path} is not Gherkin that can be read: {error}") from None
    if not feature.scenarios:
        raise UsageError(f"{path} holds no scenario: it would judge nothing. Is a keyword mistyped?")
    for scenario in feature.scenarios.values():
        _check_scenario(path, feature, scenario)


def _check_text(path: Path) -> None:
    """It is text, and more than comments."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageError(f"Cannot read the feature file {path}: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The feature file {path} is not text in UTF-8: {error.reason} at byte {error.start}."
        ) from None
    if text.startswith("\ufeff"):
        raise UsageError(f"The feature file {path} begins with a byte order mark. Save it as UTF-8 without one.")
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
        raise UsageError(f"The feature file {path} is empty: expected a line that begins with 'Feature:'.")


def _check_names(path: Path) -> None:
    """Every scenario has a name, and none has another's."""
    from pytest_bdd.gherkin_parser import get_gherkin_document

    seen: dict[str, int] = {}
    for child in get_gherkin_document(str(path.absolute())).feature.children:
        for part in (child, *(child.rule.children if child.rule else ())):
            if part.scenario is None:
                continue
            name, line = part.scenario.name, part.scenario.location.line
            if not name.strip():
                raise UsageError(f"{path}, line {line}: a scenario without a name could not be told from others.")
            if name in seen:
                raise UsageError(
                    f"{path}, line {line}: the scenario {name!r} has the name of the one in line {seen[name]}, which "
                    "would be left out. Give one of them another."
                )
            seen[name] = line


def _check_scenario(path: Path, feature: Feature, scenario: ScenarioTemplate) -> None:
    where = f"{path}, scenario {scenario.name!r}"
    tags = scenario.tags | feature.tags | (scenario.rule.tags if scenario.rule else set())
    known = known_tags()
    for tag in sorted(tags):
        if tag not in known:
            raise UsageError(f"{where}: the tag @{tag} is not known. {closest(tag, list(known))}")
    phrases = [step.name for step in scenario.steps if step.type == "then"]
    if not phrases:
        raise UsageError(f"{where} has no Then: it would judge nothing and pass.")
    kinds = [step.type for step in scenario.steps]
    if any(kind != "then" for kind in kinds[kinds.index("then") :]):
        raise UsageError(f"{where} does something after its first Then: by then the record is closed and judged.")
    judged: set[str] = set()
    for phrase in phrases:
        check = check_for_phrase(phrase)
        if check is None:
            near = closest(phrase, [c.phrase for c in all_checks().values()])
            raise UsageError(f"{where}: no check stands behind the sentence {phrase!r}. {near}")
        judged.update(check.requirements)
    scopes = set(scope_tags(tags))
    tagged = set(requirement_tags(tags)) - scopes
    judged -= scopes
    if tagged != judged:
        raise UsageError(
            f"{where}: its tags and its Then sentences disagree. "
            f"Tagged but not judged: {', '.join(sorted(tagged - judged)) or 'none'}; "
            f"judged but not tagged: {', '.join(sorted(judged - tagged)) or 'none'}."
        )


def scenarios_by_requirement() -> dict[str, list[str]]:
    """For each requirement id, the names of the shipped scenarios that judge it."""
    from pytest_bdd.feature import get_features

    found: dict[str, list[str]] = {}
    for path in sorted(features_dir().rglob("*.feature")):
        for feature in get_features([str(path)]):
            for scenario in feature.scenarios.values():
                rule = scenario.rule.tags if scenario.rule else set()
                for requirement in requirement_tags(scenario.tags | feature.tags | rule):
                    found.setdefault(requirement, []).append(f"{feature.name}: {scenario.name}")
    return found


def count_scenarios(paths: Iterable[Path]) -> int:
    """How many scenarios the feature files in ``paths``, files or folders, hold; an outline counts once per example."""
    from pytest_bdd.feature import get_features

    files = [f for p in paths for f in (sorted(p.rglob("*.feature")) if p.is_dir() else [p])]
    return sum(
        sum(len(e.examples) for e in scenario.examples) or 1
        for feature in get_features([str(f) for f in files])
        for scenario in feature.scenarios.values()
    )
