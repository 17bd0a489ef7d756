"""Which feature files and scenarios of a pytest session are ours, and where each scenario stands among them."""

from __future__ import annotations

import types
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.errors import UsageError

if TYPE_CHECKING:
    from pytest_bdd.parser import Scenario

    from conformance.joining import Place
    from conformance.request import Request


def is_ours(path: Path, config: pytest.Config) -> bool:
    """Whether a feature file is given to `multisite-ha run`, or lies in or below a folder with a catalogue."""
    if config.option.ms_run:
        return True
    folders = [f for f in path.parents if f.is_relative_to(config.rootpath)]
    return any((folder / "requirements.yaml").is_file() for folder in folders)


def holds_ours(argument: str, config: pytest.Config) -> bool:
    """Whether feature files of ours are in what an argument of pytest's command line names."""
    place = config.invocation_params.dir / argument.split("::")[0]
    found = place.rglob("*.feature") if place.is_dir() else [place]
    return any(path.suffix == ".feature" and is_ours(path, config) for path in found)


class FeatureFile(pytest.Module):
    """A feature file as a module: pytest-bdd's own scenarios() fills it."""

    def _getobj(self) -> types.ModuleType:
        from conformance.features import check_feature
        from conformance.sentences import check_sentences

        try:
            check_feature(self.path)
            check_sentences(self.path)
        except UsageError as error:
            raise self.CollectError(str(error)) from None
        module = types.ModuleType(self.path.stem)
        module.__file__ = str(self.path)
        here = str(self.path.parent)
        source = f"from pytest_bdd import scenarios\nscenarios({self.path.name!r}, features_base_dir={here!r})\n"
        exec(compile(source, str(self.path), "exec"), module.__dict__)
        return module


def is_named(item: pytest.Item, words: Sequence[str]) -> bool:
    """Whether all of these stand in the scenario's name, as a row of its outline completes it."""
    return names_hold(_scenario(item).name, words)


def names_hold(name: str, words: Sequence[str]) -> bool:
    """Whether all of these stand in a scenario's name, however they are spaced and capitalised."""
    plain = " ".join(name.lower().split())
    return all(" ".join(part.lower().split()) in plain for part in words)


def place_of(item: pytest.Item, number: int, request: Request) -> Place:
    """Where a scenario stands among those that were selected, and whether it needs the sites for itself."""
    from conformance.features import requirement_tags
    from conformance.joining import Place
    from conformance.neighbours import why_alone
    from conformance.store import PlannedScenario

    scenario = _scenario(item)
    planned = PlannedScenario(scenario.name, requirement_tags({mark.name for mark in item.iter_markers()}))
    return Place(item.nodeid, number, planned, alone=why_alone(scenario, request) is not None)


def _scenario(item: pytest.Item) -> Scenario:
    from pytest_bdd.scenario import scenario_wrapper_template_registry

    template = scenario_wrapper_template_registry[item.obj]  # type: ignore[attr-defined]
    example = item.callspec.params.get("_pytest_bdd_example", {}) if hasattr(item, "callspec") else {}
    scenario: Scenario = template.render(example)
    return scenario
