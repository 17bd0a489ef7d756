"""What a person sees while a run goes on: a live line in a terminal, plain timestamped lines everywhere else."""

from __future__ import annotations

import time
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.status import Status


class Progress:
    """A context manager; ``say`` may be called from any thread. Writes to stderr, so that stdout stays for results."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._began = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()

    def expect(self, scenarios: int) -> None:
        """Say how much is to come."""
        self.say(f"{scenarios} scenario{'' if scenarios == 1 else 's'} to carry out")

    def say(self, text: str) -> None:
        """One line, with the seconds since the start; in a terminal it is also what the live line shows."""
        elapsed = time.monotonic() - self._began
        with suppress(OSError):  # a full disk behind a redirected log must not stop a run from cleaning up
            self._console.print(f"[dim]{elapsed:7.1f} s[/dim]  {_coloured(text)}", soft_wrap=True)
        if self._status is not None:
            self._status.update(f"{elapsed:.0f} s  {escape(text.strip())}")


_COLOURS = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow", "ERROR": "bold red", "WARNING": "yellow"}


def _coloured(text: str) -> str:
    shown = escape(text)
    word = text.split(maxsplit=1)[0].rstrip(":") if text.strip() else ""
    colour = _COLOURS.get(word)
    return shown.replace(word, f"[{colour}]{word}[/{colour}]", 1) if colour else shown
