"""Appending to history.jsonl and probes.jsonl while things happen.

Each line is one write() on an O_APPEND descriptor: what is written survives SIGKILL of any process (not a
power failure of this machine: nothing is fsynced).
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.model import Outcome, Probe
from conformance.workloads.plan import WorkloadError


class Lines:
    """A new file of JSON lines. Raises WorkloadError when it exists already or cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except FileExistsError:
            raise WorkloadError(
                f"{path} holds the record of another workload. Each workload needs a folder of its own."
            ) from None
        except OSError as error:
            raise WorkloadError(f"Cannot write {path}: {error.strerror}.") from None

    def append(self, line: dict[str, Any]) -> None:
        """Add one line; WorkloadError when it could not be written whole."""
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            raise WorkloadError(f"Cannot go on recording in {self.path}: {error.strerror}.") from None
        if written != len(data):
            raise WorkloadError(f"Cannot go on recording in {self.path}: only part of a line fitted.")


class HistoryRecorder:
    """Numbers operations and records what was asked, before it is, and what came of it, after."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._ids = itertools.count()

    def invoke(
        self,
        process: int,
        f: str,
        site: str,
        *,
        key: str | None = None,
        value: str | None = None,
        final: bool = False,
    ) -> int:
        """Record that ``process`` is about to ask ``site`` for ``f``; the operation's id."""
        i = next(self._ids)
        line = {"i": i, "p": process, "type": "invoke", "f": f, "key": key, "value": value}
        line |= {"t": time.monotonic_ns(), "site": site}
        self._lines.append(line | {"final": True} if final else line)
        return i

    def complete(
        self,
        i: int,
        process: int,
        outcome: Outcome,
        error: str | None,
        *,
        value: str | None = None,
        items: Sequence[Sequence[str]] | None = None,
        complete: bool = False,
    ) -> None:
        """Record the outcome of operation ``i``; ``value`` is the token of a session that was opened."""
        line: dict[str, Any] = {
            "i": i,
            "p": process,
            "type": outcome.value,
            "t": time.monotonic_ns(),
            "error": error,
        }
        if value is not None:
            line["value"] = value
        if items is not None:
            line |= {"items": items, "final": True, "complete": complete}
        self._lines.append(line)


class ProbeRecorder:
    """Records probes as they are answered."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)

    def completed(self, probe: Probe) -> None:
        """Record one probe."""
        line: dict[str, Any] = {
            "n": probe.n,
            "due": probe.due,
            "sent": probe.sent,
            "done": probe.done,
            "ok": probe.ok,
            "site": probe.site,
            "error": probe.error,
        }
        self._lines.append(line | {"extra": True} if probe.extra else line)
