"""Reading what other runs published: their results.json, from a run folder, a bundle, or the file itself."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from conformance.bundle import check_record, opened
from conformance.errors import HarnessError, UsageError
from conformance.model import Waiver

RESULTS = "results.json"
Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Judged:
    """Something that has a verdict: a requirement, or one check of a scenario. ``figures`` holds floats (infinite and
    nan included), truth values, words and None."""

    name: str
    verdict: str
    reason: str
    figures: Figures


@dataclass(frozen=True)
class Published:
    """A run as it was published. ``place`` is where it was read from; ``checks`` are named by feature, scenario and
    sentence, so that the same check is found again in another run; ``waivers`` are those given, in words, by
    requirement."""

    place: Path
    run_id: str
    started: str
    verdict: str
    vnf: str
    scheme: str
    profile: str
    seed: int
    requirements: Mapping[str, Judged]
    checks: Mapping[str, Judged]
    profile_version: int | None = None
    waivers: Mapping[str, str] = field(default_factory=dict)


def read_published(path: Path) -> Published:
    """The results of a run. UsageError when there are none that can be read; BundleError when a bundle was altered."""
    if path.name == RESULTS and path.is_file():
        return _parse(path, path.parent)
    with opened(path) as folder:
        if not (folder / RESULTS).is_file():
            raise UsageError(f"There is no {RESULTS} in {path}. `multisite-ha judge` writes it from a stored run.")
        check_record(folder, RESULTS)
        return _parse(folder / RESULTS, path)


def find_runs(folder: Path) -> tuple[list[Published], list[str]]:
    """All runs and bundles directly in ``folder``, by the time they started, and sentences about what is not readable.

    UsageError when there is none."""
    if not folder.is_dir():
        raise UsageError(f"Expected a folder of runs at {folder}; there is none.")
    found: dict[str, Published] = {}
    problems = []
    for path in sorted(folder.iterdir()):
        if (path / RESULTS).is_file() or path.name.endswith(".tar.gz"):
            try:
                run = read_published(path)
            except HarnessError as error:
                problems.append(str(error))
            else:
                if run.run_id not in found or path.is_dir():  # a bundle beside its own run is that run
                    found[run.run_id] = run
    if not found:
        raise UsageError(f"No run with a {RESULTS} lies in {folder}. {' '.join(problems)}")
    return sorted(found.values(), key=lambda run: (run.started, run.run_id)), problems


def _parse(path: Path, place: Path) -> Published:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if not str(document["schema_version"]).startswith("1."):
            raise UsageError(f"{path} is of version {document['schema_version']}; this product reads version 1.")
        return Published(
            place=place,
            run_id=document["run_id"],
            started=document["started"],
            verdict=document["verdict"],
            vnf=document["vnf"],
            scheme=document["scheme"],
            profile=document["profile"],
            seed=document["seed"],
            requirements={r["id"]: _judged(r["id"], r) for r in document["requirements"]},
            checks=dict(_checks(document)),
            profile_version=document.get("profile_version"),
            waivers={w["requirement"]: str(Waiver(**w)) for w in document.get("waivers", ())},
        )
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a results.json of this product: {type(error).__name__} {error}.") from None


def _checks(document: Mapping[str, Any]) -> Iterator[tuple[str, Judged]]:
    seen: dict[str, int] = {}
    for scenario in document["scenarios"]:
        for check in scenario["checks"]:
            name = f"{scenario['feature']} / {scenario['name']} / {check['phrase']}"
            seen[name] = seen.get(name, 0) + 1
            key = name if seen[name] == 1 else f"{name} ({seen[name]})"
            yield key, _judged(key, check)


def _judged(name: str, entry: Mapping[str, Any]) -> Judged:
    figures = {key: _figure(value) for key, value in entry["figures"].items()}
    return Judged(name, str(entry["verdict"]), str(entry["reason"]), figures)


def _figure(value: Any) -> Any:
    # results.json has words for what JSON has no numbers for.
    if isinstance(value, str) and value in ("infinity", "-infinity", "nan"):
        return float(value.replace("infinity", "inf"))
    return value


def intervals(figures: Figures) -> dict[str, tuple[float, float]]:
    """The figures that come with their uncertainty: ``rto_low_s`` and ``rto_high_s`` are ``rto_s``: (low, high)."""
    found = {}
    for name, low in figures.items():
        words = name.split("_")
        if "low" not in words:
            continue
        place = words.index("low")
        high = figures.get("_".join([*words[:place], "high", *words[place + 1 :]]))
        if _number(low) and _number(high):
            found["_".join([*words[:place], *words[place + 1 :]])] = (float(low), float(high))
    return found


def single_figures(figures: Figures) -> dict[str, Any]:
    """The figures that are no end of an interval."""
    ends = set()
    for name in intervals(figures):
        ends |= {low for low in figures if _without_end(low) == name and low != name}
    return {name: value for name, value in figures.items() if name not in ends}


def _without_end(name: str) -> str:
    return "_".join(word for word in name.split("_") if word not in ("low", "high"))


def _number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
