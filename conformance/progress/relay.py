"""Events from processes that carry out scenarios side by side to the one that tells them: a file of JSON lines each.

What they store is read from the run folder as ever. These files hold what is only said, and verdicts as they are found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from conformance.progress.events import ProgressEvent
from conformance.progress.jsonl import JsonLines
from conformance.progress.tail import Tail

_SUFFIX = ".events.jsonl"
_EVENTS: TypeAdapter[ProgressEvent] = TypeAdapter(Annotated[ProgressEvent, Field(discriminator="event")])


def relay_writer(folder: Path, sender: str) -> JsonLines:
    """A writer whose events are told by whoever follows ``folder``; one for each ``sender``."""
    return JsonLines((folder / f"{sender}{_SUFFIX}").open("a", encoding="utf-8"))


class Relayed:
    """What was sent through a folder, as it comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tails: dict[Path, Tail] = {}

    def tell(self, emit: Callable[[ProgressEvent], None]) -> None:
        """Hand on what has come since the last call."""
        for event in self._news():
            emit(event)

    def _news(self) -> Iterator[ProgressEvent]:
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            for line in self._tails.setdefault(path, Tail(path)).lines():
                line.pop("elapsed_s")
                yield _EVENTS.validate_python(line)
