"""Reading the YAML files that a user edits, with one sentence per mistake."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from conformance.errors import UsageError


class Settings(BaseModel):
    """Base of everything read from YAML: immutable, and an unknown field is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


S = TypeVar("S", bound=Settings)


def read_settings(path: Path, kind: type[S], what: str) -> S:
    """Read ``path`` as ``kind``. UsageError names file, place, what was expected and what was seen."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"Expected the {what} file {path}, which is not there.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Cannot read the {what} file {path}: {error}.") from None
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "an unknown place"
        problem = getattr(error, "problem", None) or "not YAML"
        raise UsageError(f"The {what} file {path} is not valid YAML at {where}: {problem}.") from None
    if not isinstance(data, dict):
        raise UsageError(f"The {what} file {path} should hold a mapping of fields; it holds {type(data).__name__}.")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"The {what} file {path} cannot be used: {_sentences(error, kind)}") from None


def _sentences(error: ValidationError, kind: type[BaseModel]) -> str:
    parts = []
    for item in error.errors()[:5]:
        place = ".".join(str(p) for p in item["loc"]) or "the top level"
        if item["type"] == "extra_forbidden":
            parts.append(f"field {place!r} is not known here.")
        elif item["type"] == "missing":
            parts.append(f"field {place!r} is missing.")
        elif item["type"] == "value_error":
            parts.append(f"{place}: {str(item['msg']).removeprefix('Value error, ')}")
        else:
            parts.append(f"{place}: {item['msg']} (seen: {item['input']!r}).")
    more = error.error_count() - len(parts)
    return " ".join(parts) + (f" And {more} more." if more > 0 else "")
