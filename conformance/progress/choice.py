"""Which writers tell of a run: a live view in a terminal, plain lines elsewhere, JSON lines where asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console

from conformance.errors import UsageError
from conformance.progress.jsonl import JsonLines
from conformance.progress.live import LiveView
from conformance.progress.plain import PlainLines
from conformance.progress.stream import Writer


@contextmanager
def choose_writers(*, quiet: bool, json_events: str | None) -> Iterator[tuple[Writer, ...]]:
    """The writers for a command; people are told on stderr, so that stdout stays for results and for programs.

    ``json_events`` is a file's path or ``-`` for stdout; UsageError when the file cannot be written.
    """
    people: tuple[Writer, ...] = () if quiet else (for_people(Console(stderr=True, highlight=False)),)
    if json_events is None:
        yield people
        return
    try:
        # Of stdout a file object of our own: a reader who has gone away must not cost the process its exit code.
        stdout = json_events == "-"
        file = open(1 if stdout else json_events, "w", encoding="utf-8", closefd=not stdout)  # noqa: PTH123, SIM115
    except OSError as error:
        raise UsageError(f"Cannot write the events to {json_events}: {error.strerror}.") from None
    try:
        yield (*people, JsonLines(file))
    finally:
        with suppress(OSError):
            file.close()


def for_people(console: Console) -> Writer:
    """A live view where lines can be redrawn, plain lines everywhere else."""
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainLines(console.file)
