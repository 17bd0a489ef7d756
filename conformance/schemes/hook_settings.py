"""What a user writes about the hooks of a scheme: executables or URLs of his own."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, StringConstraints, model_validator

from conformance.errors import UsageError
from conformance.redaction import remember_in
from conformance.resources import closest
from conformance.settings import Settings

OPERATIONS = ("protect", "failover", "migrate", "failback", "replication", "savepoint", "recover", "status")
PLACES = ("{source.management}", "{source.service}", "{target.management}", "{target.service}")
"""What stands in a look's URL for those of the VNF; where there are several, all must hold."""


HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]


class Hook(Settings):
    """Either ``run``, an argument list, or ``post``, a URL. ``headers`` of a URL are by name the environment variable
    that holds the value, so that no secret stands in the file."""

    run: tuple[str, ...] | None = Field(default=None, min_length=1)
    post: str | None = Field(default=None, pattern=r"^https?://[^/\s]+")
    headers: dict[HeaderName, str] = Field(default_factory=dict)
    timeout_s: float = Field(default=120, gt=0, le=3600)

    @model_validator(mode="after")
    def _one_of_both(self) -> Hook:
        given = [name for name in ("run", "post") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of run and post; seen: {', '.join(given) or 'none'}.")
        if self.headers and self.post is None:
            raise ValueError("headers are for post; a command finds what it needs in its environment.")
        if self.post is not None:
            check_url(self.post)
        return self

    @property
    def shown(self) -> str:
        """What may be said of it: neither arguments nor a query, for that is where passwords are."""
        if self.run is not None:
            return self.run[0]
        where = urlsplit(str(self.post))
        return f"{where.scheme}://{where.netloc}{where.path}"

    @property
    def sentence(self) -> str:
        """What calling it is, for a plan."""
        if self.run is None:
            return f"POST {self.shown}, at most {self.timeout_s:g} s"
        more = len(self.run) - 1
        arguments = f" with {more} argument{'' if more == 1 else 's'}" if more else ""
        return f"runs {self.shown}{arguments}, at most {self.timeout_s:g} s"


_NOT_IN_HEADERS = re.compile(r"[^\t\x20-\x7e\x80-\xff]")

Within = Annotated[float, Field(gt=0, le=3600)]
"""Seconds that something may take."""


class Look(Settings):
    """Something that can be seen to hold. ``get``, a URL, is answered 2xx; with ``path``, a field of its JSON (names
    with dots between) is ``equals``. Or ``run``, an argument list, exits with 0 (1: it does not hold)."""

    get: str | None = Field(default=None, pattern=r"^(https?://|\{)\S+$")
    path: str | None = None
    equals: str | int | float | bool = True
    run: tuple[str, ...] | None = Field(default=None, min_length=1)
    timeout_s: float = Field(default=2, gt=0, le=60)

    @model_validator(mode="after")
    def _one_of_both(self) -> Look:
        if (self.get is None) is (self.run is None):
            raise ValueError("expected exactly one of get and run.")
        if self.path is not None and self.get is None:
            raise ValueError("path is for what a URL answers; a command says what it found by its exit status.")
        for place in re.findall(r"\{[^}]*\}?", self.get or ""):
            if place not in PLACES:
                raise ValueError(f"{place} is no place. {closest(place, list(PLACES))}")
        if self.get is not None and not self.get.startswith("{"):
            check_url(re.sub(r"\{[^}]*\}", "", self.get))
        return self

    @property
    def sentence(self) -> str:
        """What looking is, for a plan."""
        if self.run is not None:
            return Hook(run=self.run, timeout_s=self.timeout_s).sentence
        wanted = "any 2xx" if self.path is None else f"{self.path} = {json.dumps(self.equals)}"
        return f"GET {str(self.get).partition('?')[0]}, waits for {wanted}"


class ObserveSettings(Settings):
    """The file of the scheme ``observe``. ``standby`` is how the VNF comes to the second site: deployed by the harness
    from its blueprint, or there already, as a hook says. The times are how long the system under test is watched for
    what it should do; ``interval_s`` is from one look to the next."""

    standby: Literal["blueprint"] | Hook = "blueprint"
    protected: Look = Look(get="{source.management}/status", path="protected")
    detected: Look | None = None
    replicated: Look | None = None
    serving: Look = Look(get="{target.service}/status", path="database", equals="writable")
    stopped: Look | None = None
    protect_within_s: Within = 120
    serve_within_s: Within = 60
    interval_s: Annotated[float, Field(ge=0.01, le=10)] = 0.05

    @model_validator(mode="after")
    def _order_can_be_seen(self) -> ObserveSettings:
        if self.stopped is not None and self.replicated is None:
            raise ValueError("stopped without replicated: a stop is judged by whether all had been replicated before.")
        return self

    @property
    def looks(self) -> Mapping[str, Look]:
        """The looks that are given, by name."""
        given = {name: getattr(self, name) for name in ("protected", "detected", "replicated", "serving", "stopped")}
        return {name: look for name, look in given.items() if look is not None}


class CommandSettings(Settings):
    """The file of the scheme ``command``. An operation that is not given is not supported. ``standby`` is who deploys
    the VNF at the second site: the harness, from the blueprint, before the hook ``protect`` is called, or that hook."""

    protect: Hook
    standby: Literal["blueprint", "hook"] = "hook"
    failover: Hook | None = None
    migrate: Hook | None = None
    failback: Hook | None = None
    replication: Hook | None = None
    savepoint: Hook | None = None
    recover: Hook | None = None
    status: Hook | None = None

    @property
    def hooks(self) -> Mapping[str, Hook]:
        """The hooks that are given, by operation."""
        given = {name: getattr(self, name) for name in OPERATIONS}
        return {name: hook for name, hook in given.items() if hook is not None}


def check_hooks(hooks: Mapping[str, Hook], path: Path) -> None:
    """UsageError unless everything that hooks name is there; what looks like a secret in them, or in the environment
    that they get, is remembered."""
    remember_in(os.environ)
    for name, hook in hooks.items():
        where = f"{name} in {path}"
        if hook.run is not None:
            check_executable(hook.run, path.parent, where)
        for header, variable in hook.headers.items():
            value = os.environ.get(variable)
            if not value:
                raise UsageError(
                    f"The header {header} of {where} is to come from the environment variable {variable}, "
                    "which is not set."
                )
            remember_in({"password": value})
            if _NOT_IN_HEADERS.search(value):
                raise UsageError(
                    f"The header {header} of {where} is to come from the environment variable {variable}, whose value "
                    "holds a line break or another character that no header can hold. Often it ends in one: a secret "
                    "that was made by echo, not by printf."
                )
        if hook.post is not None:
            remember_in(dict(parse_qsl(urlsplit(hook.post).query)))


def check_executable(arguments: tuple[str, ...], folder: Path, where: str) -> None:
    """UsageError unless it can be run from ``folder``; what looks like a secret in its arguments is remembered."""
    remember_in(_named_values(arguments))
    given = arguments[0]
    if os.sep not in given:
        if shutil.which(given) is None:
            raise UsageError(f"{given!r}, which is to be run for {where}, is not on the PATH.")
        return
    file = folder / given
    if not file.is_file():
        raise UsageError(f"{given!r}, which is to be run for {where}, is not there: expected the file {file}.")
    if not os.access(file, os.X_OK):
        raise UsageError(f"{file}, which is to be run for {where}, is not executable: chmod +x it.")


def check_url(url: str) -> None:
    """ValueError unless it is a URL that holds no password."""
    try:
        where = urlsplit(url)
        where.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise ValueError(f"it is no URL: {error}.") from None
    if where.username or where.password:
        raise ValueError("a URL of a hook must not hold a password; name a header and its environment variable.")
    if not where.hostname:
        raise ValueError("the URL names no host.")


def _named_values(arguments: tuple[str, ...]) -> dict[str, str]:
    """Values of arguments by their names, whether written ``--name=value`` or ``--name value``."""
    found: dict[str, str] = {}
    for argument, following in zip(arguments, (*arguments[1:], ""), strict=True):
        name, equals, value = argument.lstrip("-").partition("=")
        found[name] = value if equals else following
    return found
