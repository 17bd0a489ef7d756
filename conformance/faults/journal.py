"""The journal of undos: what a killed run left behind is healed by the next one.

Every fault, and every other thing that must not stay, is written here with its undo before it is done, and struck
out when it has been taken back. One file per run in the state directory; a file whose run is dead is a leftover.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.errors import HarnessError
from conformance.faults.base import Undo
from conformance.paths import make_folder, state_dir

UndoAction = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Leftover:
    """An undo that a dead run never carried out."""

    run_id: str
    path: Path
    entry: int
    undo: Undo


class Journal:
    """The journal of one run; keep it open as long as the run lives."""

    def __init__(self, run_id: str, folder: Path | None = None) -> None:
        folder = folder or journal_dir()
        make_folder(folder)
        self._path = folder / f"{run_id}.jsonl"
        # Under another name until it says whose it is: one that does not say so is taken for a dead run's.
        making = folder / f"{run_id}.making"
        self._fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._next = 0
        self._open: dict[int, Undo] = {}
        self._write({"owner": os.getpid(), "life": _life(os.getpid()), "run": run_id})
        making.rename(self._path)

    def record(self, undo: Undo) -> int:
        """Write an undo down, on disk before this returns; the number strikes it out later."""
        self._next += 1
        self._write({"entry": self._next, "action": undo.action, "arguments": dict(undo.arguments)})
        os.fsync(self._fd)
        self._open[self._next] = undo
        return self._next

    def done(self, entry: int) -> None:
        """The thing was taken back."""
        self._open.pop(entry, None)
        self._write({"done": entry})

    def gone(self, sites: Path) -> None:
        """The sites of this sites file are gone, with everything that was to be taken back there."""
        for entry in [entry for entry, undo in self._open.items() if undo.arguments.get("sites") == str(sites)]:
            self.done(entry)

    def close(self) -> None:
        """End the journal. The file goes only when nothing is left to undo."""
        os.close(self._fd)
        if not self._open:
            self._path.unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any]) -> None:
        os.write(self._fd, (json.dumps(line) + "\n").encode())


def journal_dir() -> Path:
    """Where journals are kept."""
    return state_dir() / "journal"


def leftovers(folder: Path | None = None) -> tuple[Leftover, ...]:
    """All undos of runs that are no longer alive, newest first within a run: the order in which to carry them out."""
    found: list[Leftover] = []
    for path in sorted((folder or journal_dir()).glob("*.jsonl")):
        lines = _lines(path)
        if lines and _alive(lines[0]):
            continue
        struck = {line["done"] for line in lines if "done" in line}
        pending = [line for line in lines if "entry" in line and line["entry"] not in struck]
        if not pending:
            path.unlink(missing_ok=True)
        for line in reversed(pending):
            undo = Undo(line["action"], line["arguments"])
            found.append(Leftover(path.stem, path, line["entry"], undo))
    return tuple(found)


def heal_leftovers(
    actions: Mapping[str, UndoAction], say: Callable[[str], None], folder: Path | None = None, *, run: str = ""
) -> tuple[str, ...]:
    """Carry out what dead runs left to undo, or what the dead processes of one ``run`` did. Returns sentences about
    what could not be undone; those stay journaled."""
    failed: list[str] = []
    for left in (one for one in leftovers(folder) if one.run_id.startswith(run)):
        action = actions.get(left.undo.action)
        try:
            if action is None:
                raise HarnessError(f"this version does not know the undo action {left.undo.action!r}")
            say(f"Healing what run {left.run_id} left behind: {left.undo.action} {_brief(left.undo.arguments)}")
            action(left.undo.arguments)
        except HarnessError as error:
            failed.append(f"Run {left.run_id} left {left.undo.action} behind, and undoing it failed: {error}")
            continue
        with left.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"done": left.entry}) + "\n")
    leftovers(folder)  # removes the files in which nothing is pending any more
    return tuple(failed)


def _brief(arguments: Mapping[str, Any]) -> str:
    return " ".join(str(v) for v in arguments.values() if isinstance(v, str | int))


def _lines(path: Path) -> list[dict[str, Any]]:
    """The readable lines; one cut short by a kill is the last and was not acted on yet. None of a file that is gone."""
    lines: list[dict[str, Any]] = []
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return lines
    for text in content.splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines


def _alive(header: Mapping[str, Any]) -> bool:
    try:
        return bool(_life(header["owner"]) == header["life"])
    except (OSError, KeyError):
        return False


def _life(pid: int) -> str:
    """What tells a process from all that had or will have its pid: the boot, and its start in ticks since then. Times
    of day do not: where the clock is set, those of everything that runs change. OSError when it is gone."""
    state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    if state in "ZXx":
        raise ProcessLookupError(pid)
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text(encoding='utf-8').strip()} {fields[18]}"
