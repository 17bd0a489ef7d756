"""The requirement catalogue, read from features/requirements.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from conformance.errors import UsageError
from conformance.model import Requirement, Strength
from conformance.model.requirement import Origin, Source, Verification
from conformance.resources import features_dir
from conformance.settings import Settings, read_settings


class _Entry(Settings):
    id: str
    title: str
    statement: str
    use_case: str
    sentence: int | None
    origin: Origin
    strength: Strength
    verification: Verification = Verification.AUTOMATIC
    thresholds: tuple[str, ...] = ()
    scope: bool = False
    note: str = ""


class _Catalogue(Settings):
    document: str
    revision: str
    use_cases: dict[str, str]
    requirements: tuple[_Entry, ...]


def load_catalogue(path: Path | None = None) -> dict[str, Requirement]:
    """All requirements by id, in the catalogue's order. UsageError on a duplicate id or an unknown use case."""
    return dict(_read(path or features_dir() / "requirements.yaml"))


@cache
def _read(path: Path) -> dict[str, Requirement]:
    """Once: every tag of every scenario is looked up in it."""
    data = read_settings(path, _Catalogue, "requirement catalogue")
    found: dict[str, Requirement] = {}
    for entry in data.requirements:
        if entry.id in found:
            raise UsageError(f"{path} defines {entry.id} twice.")
        if entry.use_case not in data.use_cases:
            raise UsageError(
                f"{path}: {entry.id} names use case {entry.use_case!r}; known: {', '.join(data.use_cases)}."
            )
        found[entry.id] = Requirement(
            id=entry.id,
            title=entry.title,
            statement=entry.statement.strip(),
            use_case=f"{entry.use_case} {data.use_cases[entry.use_case]}",
            source=Source(data.document, entry.use_case, entry.sentence, data.revision),
            origin=entry.origin,
            strength=entry.strength,
            verification=entry.verification,
            thresholds=entry.thresholds,
            note=entry.note.strip(),
            scope=entry.scope,
        )
    return found
