"""Plain lines, as a log keeps them: no colour codes, nothing that is overwritten."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from conformance.progress.events import CheckJudged, FaultChanged, ProgressEvent, RunPlanned, RunStarted, Said


class Stream(Protocol):
    """Where lines go: sys.stderr, or a file."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


class PlainLines(AbstractContextManager["PlainLines"]):
    """One line for everything a person wants in a log, with the seconds since the start."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._numbered = False

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._stream.flush()

    def write(self, elapsed_s: float, event: ProgressEvent) -> None:
        """Write the event's line, if it has one."""
        if isinstance(event, RunPlanned):
            self._numbered = event.side_by_side > 1
        text = sentence(event, numbered=self._numbered)
        if text is not None:
            self._stream.write(f"{elapsed_s:7.1f} s  {text}\n")
            self._stream.flush()


def sentence(event: ProgressEvent, *, numbered: bool = False) -> str | None:
    """An event in words; None for one that is only for programs and for live views. ``numbered`` where several
    scenarios go on at the same time: the words then say of which one they are, as those of a Said do by themselves."""
    words = _words(event)
    if words is None or not numbered or not isinstance(event, CheckJudged | FaultChanged):
        return words
    return numbered_as(int(event.scenario.partition("-")[0]), words)


def numbered_as(number: int, words: str) -> str:
    """What is said of one scenario among several."""
    return f"[{number:02d}] {words}"


def _words(event: ProgressEvent) -> str | None:
    match event:
        case Said(text):
            return text
        case RunStarted():
            return f"Run {event.run_id}: profile {event.profile}, VNF {event.vnf}, seed {event.seed}, in {event.folder}"
        case RunPlanned(scenarios, side_by_side):
            together = f", up to {side_by_side} of them side by side" if side_by_side > 1 else ""
            return f"{scenarios} scenario{'' if scenarios == 1 else 's'} to carry out{together}"
        case CheckJudged(final=False):
            return f"  {event.verdict.upper():13} {event.phrase}: {event.reason}"
        case FaultChanged(state="verified", ok=True):
            return f"  {event.name} on {event.target} bites: {event.detail}"
        case _:
            return None
