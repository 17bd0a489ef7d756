"""What a profile is put together from: its file, the profile that it extends, and a Service Availability Level."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from conformance.errors import UsageError
from conformance.resources import find_fixture
from conformance.settings import Settings, read_mapping, settings_of

# Of ETSI NFV-REL 001 as OPNFV cites it: to detect within, to recover within (5 to 6 s, 10 to 15 s, 20 to 25 s).
LEVELS: dict[int, Mapping[str, float]] = {
    1: {"detect_s": 1, "rto_s": 6},
    2: {"detect_s": 5, "rto_s": 15},
    3: {"detect_s": 10, "rto_s": 25},
}
# What says which profile it is, and of what lists and limits: not those of the one that it extends.
OWN = ("name", "version", "description")

P = TypeVar("P", bound=Settings)


def read_profile(name_or_path: str, kind: type[P]) -> P:
    """The profile of a name or a file as ``kind``, at the level behind a colon if there is one, which goes into its
    name. UsageError."""
    plain, level = _split(name_or_path)
    path = find_fixture("profiles", plain, "profile")
    data = _read(path, ())
    if level is not None:
        data = _over(data, {"thresholds": filled({"sal": level})})
        data["name"] = f"{data.get('name')}:sal{level}"
    return settings_of(data, path, kind, "profile")


def filled(thresholds: Mapping[str, Any]) -> dict[str, Any]:
    """Thresholds with those that follow from others where they are not given: of the level (``sal``), and any number of
    lost writes where it is their age that is limited."""
    level = thresholds.get("sal")
    follows = dict[str, Any](LEVELS.get(level, {}) if isinstance(level, int) else {})
    if thresholds.get("rpo_s") is not None:
        follows["rpo_operations"] = None
    return {**follows, **thresholds}


def _split(name_or_path: str) -> tuple[str, int | None]:
    plain, colon, level = name_or_path.rpartition(":")
    if not colon or not level.startswith("sal"):
        return name_or_path, None
    levels = {f"sal{n}": n for n in LEVELS}
    if level not in levels:
        raise UsageError(f"There is no Service Availability Level {level!r}: {', '.join(levels)} can follow a profile.")
    return plain, levels[level]


def _read(path: Path, inside: tuple[Path, ...]) -> dict[str, Any]:
    """What a file says, over what the profile says that it extends. What follows from a level or an age does so where
    that is said: limits that the extended profile gives do not outlive it."""
    if path.resolve() in inside:
        raise UsageError(f"The profile file {path} extends itself, by way of {inside[-1]}.")
    data = read_mapping(path, "profile")
    if isinstance(data.get("thresholds"), dict):
        data["thresholds"] = filled(data["thresholds"])
    if "extends" not in data:
        return data
    base = data.pop("extends")
    if not isinstance(base, str):
        raise UsageError(f"The profile file {path} extends {base!r}: expected the name of a profile, or a file.")
    beside = path.parent / base
    found = beside if beside.suffix in {".yaml", ".yml"} else find_fixture("profiles", base, "profile")
    below = _read(found, (*inside, path.resolve()))
    return _over({key: value for key, value in below.items() if key not in OWN}, data)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, the upper one where both say something; what are mappings in both are put together the same way."""
    merged = {**below, **above}
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping):
            merged[key] = _over(below[key], value)
    return merged
