"""One stream of events for a run; every writer is handed each of them, in order, from whatever thread it comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Protocol

from conformance.progress.events import ProgressEvent, Said


class Writer(Protocol):
    """Tells events to somebody. It is entered before the first event and left after the last."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None, /
    ) -> bool | None: ...

    def write(self, elapsed_s: float, event: ProgressEvent) -> None:
        """Tell one event that happened ``elapsed_s`` seconds after the start."""


class Progress:
    """A context manager over its writers. A writer that breaks is left out from then on and the others say so: what
    is told about a run can never cost the run anything."""

    def __init__(self, *writers: Writer) -> None:
        self._writers: list[Writer] = list(writers)
        self._lock = threading.RLock()
        self._stack = ExitStack()
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        for writer in self._writers:
            self._stack.enter_context(writer)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        with suppress(OSError):  # a full disk behind a redirected log
            self._stack.__exit__(kind, value, tb)

    @property
    def writers(self) -> Sequence[Writer]:
        """Those who still listen."""
        return tuple(self._writers)

    def say(self, text: str) -> None:
        """Tell a sentence for people."""
        self.emit(Said(text))

    def emit(self, event: ProgressEvent) -> None:
        """Tell an event of now; may be called from any thread."""
        with self._lock:
            elapsed = time.monotonic() - self._began
            broken = [(writer, error) for writer in self._writers if (error := _try(writer, elapsed, event))]
            for writer, error in broken:
                self._writers.remove(writer)
                name = type(writer).__name__
                self.say(f"WARNING: {name} cannot go on telling what happens ({type(error).__name__}: {error}).")


def _try(writer: Writer, elapsed_s: float, event: ProgressEvent) -> Exception | None:
    try:
        writer.write(elapsed_s, event)
    except Exception as error:  # no view of a run is worth the run
        return error
    return None
