"""Where the features and fixtures that travel with the product are: in the wheel, or beside the package."""

from __future__ import annotations

import difflib
from pathlib import Path

from conformance.errors import UsageError

_PACKAGE = Path(__file__).parent


def _root() -> Path:
    packed = _PACKAGE / "_data"
    return packed if packed.is_dir() else _PACKAGE.parent


def features_dir() -> Path:
    """The features folder, with requirements.yaml in it."""
    return _root() / "features"


def fixtures_dir() -> Path:
    """The fixtures folder: profiles, sites, vnfs, histories."""
    return _root() / "fixtures"


def closest(name: str, known: list[str]) -> str:
    """A sentence that helps with a mistyped name: the nearest known one, or all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known)) or 'none'}."


def find_fixture(kind: str, name_or_path: str, what: str) -> Path:
    """The YAML file that a user named: a path if it looks like one or exists, else a shipped file of that name.

    ``kind`` is a folder below fixtures (profiles, vnfs, sites); ``what`` the noun for messages. UsageError if absent.
    """
    given = Path(name_or_path)
    if given.suffix in {".yaml", ".yml"} or given.is_file():
        if not given.is_file():
            raise UsageError(f"Expected the {what} file {given}, which is not there.")
        return given
    shipped = {p.stem: p for p in (fixtures_dir() / kind).glob("*.yaml")}
    if name_or_path in shipped:
        return shipped[name_or_path]
    raise UsageError(f"There is no {what} named {name_or_path!r}. {closest(name_or_path, list(shipped))}")
