"""Finding schemes by name: the entry points of group ``conformance.schemes``, ours and any other
package's."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from conformance.errors import HarnessError, UsageError
from conformance.resources import closest
from conformance.schemes.base import OnEvent, Progress, Scheme

GROUP = "conformance.schemes"


def scheme_names() -> list[str]:
    """The names of all schemes that are installed."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def make_scheme(name: str, *, on_event: OnEvent, progress: Progress | None = None) -> Scheme:
    """A new scheme. UsageError suggests the nearest name; HarnessError if the named one cannot be loaded.

    An entry point is a callable that takes ``on_event`` and ``progress`` and returns a Scheme.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        raise UsageError(f"There is no scheme named {name!r}. {closest(name, sorted(points))}")
    return _load(points[name])(on_event=on_event, progress=progress)


class _Factory(Protocol):
    def __call__(self, *, on_event: OnEvent, progress: Progress | None) -> Scheme: ...


def _load(point: EntryPoint) -> _Factory:
    try:
        loaded: _Factory = point.load()
    except (ImportError, AttributeError) as error:
        package = point.dist.name if point.dist else "an unknown package"
        raise HarnessError(
            f"Scheme {point.name!r} of {package} should be found at {point.value}, which cannot be loaded: "
            f"{error}. "
            "Reinstall that package, or correct its entry point."
        ) from None
    return loaded
