"""Reading the YAML files that a user edits, with one sentence per mistake."""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from conformance.errors import UsageError
from conformance.resources import closest


class Settings(BaseModel):
    """Base of everything read from YAML: immutable. An unknown field is a mistake, and so are an endless number, which
    would be a limit that nothing exceeds, and a truth value for a number, which would be 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, given: Any) -> Any:
        for name, field in cls.model_fields.items() if isinstance(given, dict) else ():
            value = given.get(name)
            if isinstance(value, bool) and not {bool, Any} & set(_plain(field.annotation)):
                raise ValueError(f"{name} is {str(value).lower()}, and no truth value is expected there.")
        return given


S = TypeVar("S", bound=Settings)


class _Loader(yaml.SafeLoader):
    """Of two fields of one name YAML's own loader takes the last, and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"there is a second {key.value!r} beside it", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_settings(path: Path, kind: type[S], what: str) -> S:
    """Read ``path`` as ``kind``. UsageError names file, place, what was expected and what was seen."""
    return settings_of(read_mapping(path, what), path, kind, what)


def settings_of(data: dict[str, Any], path: Path, kind: type[S], what: str) -> S:
    """What was read from ``path``, as ``kind``. UsageError as above."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"The {what} file {path} cannot be used: {mistakes(error, kind)}") from None


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping, whatever is in it. UsageError if it is not there or is anything else."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"Expected the {what} file {path}, which is not there.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"Cannot read the {what} file {path}: {error}.") from None
    try:
        data = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "an unknown place"
        problem = getattr(error, "problem", None) or "not YAML"
        raise UsageError(f"The {what} file {path} is not valid YAML at {where}: {problem}.") from None
    except ValueError as error:  # a date such as 30 February
        raise UsageError(f"The {what} file {path} holds a value that there is not: {error}.") from None
    if not isinstance(data, dict):
        raise UsageError(f"The {what} file {path} should hold a mapping of fields; it holds {type(data).__name__}.")
    return data


def mistakes(error: ValidationError, kind: type[BaseModel]) -> str:
    """What is wrong with data that should be a ``kind``, in sentences: place, what was expected, what was seen."""
    parts = []
    for item in error.errors()[:5]:
        place = ".".join(str(p) for p in item["loc"]) or "the top level"
        if item["type"] == "extra_forbidden":
            parts.append(f"field {place!r} is not known here. {_nearest(kind, item['loc'])}")
        elif item["type"] == "missing":
            parts.append(f"field {place!r} is missing.")
        elif item["type"] == "value_error":
            parts.append(f"{place}: {str(item['msg']).removeprefix('Value error, ')}")
        else:
            parts.append(f"{place}: {item['msg']} (seen: {item['input']!r}).")
    more = error.error_count() - len(parts)
    return " ".join(parts) + (f" And {more} more." if more > 0 else "")


def _nearest(kind: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Help for an unknown field: the nearest one that is known at its place."""
    here: list[Any] = [kind]
    for step in place[:-1]:
        chosen = [model for model in here if _is_model(model) and _is_tag(step, model)]
        here = chosen or [inner for outer in here for inner in _inside(outer, step)]
    known = sorted({name for model in here if _is_model(model) for name in model.model_fields})
    return closest(str(place[-1]), known)


def _inside(annotation: Any, step: int | str) -> list[Any]:
    """The types one step further into a type: those of a model's field, or of what a collection holds."""
    if _is_model(annotation):
        field = annotation.model_fields.get(str(step))
        return _plain(field.annotation) if field else []
    return [plain for held in get_args(annotation)[-2:] if held is not ... for plain in _plain(held)]


def _plain(annotation: Any) -> list[Any]:
    """A type without Annotated, or the members of a union."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [plain for member in get_args(annotation) for plain in _plain(member)]
    return [annotation]


def _is_tag(step: int | str, model: type[BaseModel]) -> bool:
    """Whether a step of a place is no field but the tag by which pydantic chose this one of a union's members."""
    fields = model.model_fields.values()
    return any(get_origin(f.annotation) is Literal and step in get_args(f.annotation) for f in fields)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
