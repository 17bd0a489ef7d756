"""Request bodies: read as leniently as Toxiproxy reads them, checked more strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from conformance.linkproxy.address import AddressError, split_address
from conformance.linkproxy.errors import ApiError
from conformance.linkproxy.toxics import TOXICS, AppliedToxic, Toxic

T = TypeVar("T")
_INT64_MAX = 2**63 - 1
_KINDS = {str: "a string", bool: "true or false", dict: "an object", list: "a list", int: "a whole number"}


@dataclass(frozen=True)
class ProxyInput:
    """What a client wants a proxy to be. ``dial_from`` is ours: the file of the network namespace from which the
    upstream is dialled, this process' own if empty; like the name, it cannot be changed."""

    name: str
    listen: str
    upstream: str
    enabled: bool = True
    dial_from: str = ""


def bad_body(why: str) -> ApiError:
    """400, worded as Toxiproxy begins it."""
    return ApiError(400, f"bad request body: {why}")


def parse_json(body: bytes) -> Any:
    """The first JSON value of the body; what follows it is ignored."""
    try:
        text = body.decode().lstrip()
    except UnicodeDecodeError as error:
        raise bad_body(str(error)) from error
    if not text:
        raise bad_body("EOF")
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (json.JSONDecodeError, RecursionError) as error:
        raise bad_body(str(error)) from error


def parse_proxy(body: bytes, default: ProxyInput | None = None) -> ProxyInput:
    """A proxy to create, or with ``default`` a change to an existing one (whose name cannot change)."""
    given = _object(parse_json(body), "the body")
    if default is not None:
        return _proxy(given, default, "")
    return _proxy(given, ProxyInput(name="", listen="", upstream=""), "")


def parse_population(body: bytes) -> list[ProxyInput]:
    """The proxies of a populate request or configuration file, all of them checked before any is created."""
    entries = _typed(parse_json(body), list, "the body")
    empty = ProxyInput(name="", listen="", upstream="")
    return [
        _proxy(_object(entry, f"proxy {number}"), empty, f" at proxy {number}")
        for number, entry in enumerate(entries, start=1)
    ]


def parse_new_toxic(body: bytes) -> AppliedToxic:
    """A toxic to add."""
    given = _object(parse_json(body), "the body")
    stream = _get(given, "stream", str, "downstream")
    if stream.lower() not in ("upstream", "downstream"):
        raise ApiError(400, "stream was invalid, can be either upstream or downstream")
    type_ = _get(given, "type", str, "")
    if type_ not in TOXICS:
        raise ApiError(400, "invalid toxic type")
    return AppliedToxic(
        name=_get(given, "name", str, "") or f"{type_}_{stream}",
        stream=stream,
        toxicity=_toxicity(given, 1.0),
        toxic=_toxic(TOXICS[type_], _get(given, "attributes", dict, {}), {}),
    )


def parse_toxic_change(body: bytes, current: AppliedToxic) -> AppliedToxic:
    """``current`` with new attributes and toxicity; those not named keep their values, the rest cannot
    change."""
    given = _object(parse_json(body), "the body")
    return replace(
        current,
        toxicity=_toxicity(given, current.toxicity),
        toxic=_toxic(type(current.toxic), _get(given, "attributes", dict, {}), attributes_of(current.toxic)),
    )


def attributes_of(toxic: Toxic) -> dict[str, int]:
    """The attributes as the API shows them."""
    return {field.name: getattr(toxic, field.name) for field in fields(toxic)}


def _proxy(given: Mapping[str, Any], default: ProxyInput, where: str) -> ProxyInput:
    wanted = ProxyInput(
        name=default.name or _get(given, "name", str, ""),
        listen=_get(given, "listen", str, default.listen),
        upstream=_get(given, "upstream", str, default.upstream),
        enabled=_get(given, "enabled", bool, default.enabled),
        dial_from=default.dial_from or _get(given, "dial_from", str, ""),
    )
    for field in ("name", "upstream"):
        if not getattr(wanted, field):
            raise ApiError(400, f"missing required field: {field}{where}")
    try:
        split_address(wanted.upstream)
    except AddressError as error:
        raise ApiError(400, f"upstream{where} must be host:port: {error}") from error
    return wanted


def _toxic(kind: type[Toxic], given: Mapping[str, Any], current: Mapping[str, int]) -> Toxic:
    known = [field.name for field in fields(kind)]
    values = dict(current)
    for key, value in _object(given, "attributes").items():
        if key not in known:
            has = ", ".join(known) or "none"
            raise bad_body(f"unknown attribute {key!r} of toxic {kind.type}; its attributes are: {has}")
        if value is None:
            continue
        number = _typed(value, int, f"attribute {key} of toxic {kind.type}")
        if not 0 <= number <= _INT64_MAX:
            raise bad_body(f"attribute {key} of toxic {kind.type} must be 0 or more, not {number}")
        values[key] = number
    try:
        return kind(**values)
    except ValueError as error:
        raise bad_body(f"toxic {kind.type}: {error}") from error


def _toxicity(given: Mapping[str, Any], default: float) -> float:
    value = given.get("toxicity")
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise bad_body(f"toxicity must be a number from 0 to 1, not {json.dumps(value)}")
    return float(value)


def _object(value: Any, what: str) -> dict[str, Any]:
    # Go's decoder matches keys without regard to case; clients in the wild rely on it.
    return {key.lower(): item for key, item in _typed(value, dict, what).items()}


def _get(given: Mapping[str, Any], key: str, kind: type[T], default: T) -> T:
    value = given.get(key)
    return default if value is None else _typed(value, kind, key)


def _typed(value: Any, kind: type[T], what: str) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise bad_body(f"{what} must be {_KINDS[kind]}, not {json.dumps(value)}")
    return value
