"""Finding schemes by name: the entry points of group ``conformance.schemes``, ours and any other
package's. ``name:FILE`` gives a scheme its settings."""

from __future__ import annotations

from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from conformance.errors import HarnessError, UsageError
from conformance.resources import closest
from conformance.schemes.base import OnEvent, Prepared, Progress, Scheme

GROUP = "conformance.schemes"
OPERATIONS = frozenset({"protect", "failover", "migrate", "failback", "replication", "savepoint", "recover", "status"})
"""All that a scheme can be asked for."""


def scheme_names() -> list[str]:
    """The names of all schemes that are installed."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def offered(name: str) -> frozenset[str]:
    """The operations that a scheme can have at all, by its class attribute ``offers``; all where it has none."""
    point = next(point for point in entry_points(group=GROUP) if point.name == name)
    found: frozenset[str] = getattr(_load(point), "offers", OPERATIONS)
    return found


def read_scheme(choice: str) -> Prepared:
    """A scheme with its settings, ``name`` or ``name:FILE``, ready to be made; nothing is started.

    UsageError suggests the nearest name, or says what is wrong with the settings; HarnessError if the named one cannot
    be loaded. An entry point is a callable that takes ``on_event`` and ``progress`` and returns a Scheme. One with
    settings has beside it ``prepared``, which takes the path of its file, or None, and returns a Prepared.
    """
    name, colon, settings = choice.partition(":")
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        raise UsageError(f"There is no scheme named {name!r}. {closest(name, sorted(points))}")
    if colon and not settings:
        raise UsageError(f"After {choice!r} the file with the scheme's settings is missing: give {name}:FILE.yaml.")
    loaded = _load(points[name])
    if hasattr(loaded, "prepared"):
        prepared: Prepared = loaded.prepared(Path(settings) if settings else None)
        return prepared
    if settings:
        raise UsageError(f"The scheme {name} takes no settings; {settings!r} was given. Write --scheme {name}.")
    return Prepared(partial(_without_log, loaded))


def make_scheme(choice: str, *, on_event: OnEvent, progress: Progress | None = None, log: Path | None = None) -> Scheme:
    """A new scheme, for one VNF of one scenario. Errors as those of read_scheme."""
    return read_scheme(choice).make(on_event=on_event, progress=progress, log=log)


def _without_log(loaded: Any, *, on_event: OnEvent, progress: Progress | None, log: Path | None) -> Scheme:
    made: Scheme = loaded(on_event=on_event, progress=progress)
    return made


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        package = point.dist.name if point.dist else "an unknown package"
        raise HarnessError(
            f"Scheme {point.name!r} of {package} should be found at {point.value}, which cannot be loaded: "
            f"{error}. "
            "Reinstall that package, or correct its entry point."
        ) from None
