"""block-writes.jsonl: every write to a volume, recorded before it is asked for and again when it is answered.

Two lines per write; the second is missing when the writer never learned what became of it:

    {"seq":1,"type":"invoke","volume":"journal","offset":4096,"length":4096,"digests":"91ab…","t":3166754893595}
    {"seq":1,"type":"ok","t":3166757001021}

``type`` of the second is ``ok`` (acknowledged as on stable storage) or ``info`` (an error: it may have happened).
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance.model import BlockWrite
from conformance.workloads.recording import Lines

BLOCK_WRITES_FILE = "block-writes.jsonl"
_ANSWERS = {"ok": True, "info": False}


class BlockWriteRecorder:
    """A new block-writes.jsonl, for any number of writers in this process. WorkloadError when it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def invoke(self, volume: str, offset: int, length: int, digests: str) -> int:
        """Record that a write is about to be asked for; its number."""
        with self._lock:  # numbers rise with time, whoever writes
            seq = next(self._numbers)
            line = {"seq": seq, "type": "invoke", "volume": volume, "offset": offset, "length": length}
            self._lines.append(line | {"digests": digests, "t": time.monotonic_ns()})
        return seq

    def complete(self, seq: int, acknowledged: bool) -> None:
        """Record the answer to write ``seq``."""
        with self._lock:
            kind = "ok" if acknowledged else "info"
            self._lines.append({"seq": seq, "type": kind, "t": time.monotonic_ns()})


def read_block_writes(path: Path) -> tuple[tuple[BlockWrite, ...], tuple[str, ...]]:
    """The writes in the order of their numbers, and sentences about lines that no recorder wrote. No file is no write.

    A last line without its newline was cut by a kill: it is left out and is no problem.
    """
    if not path.exists():
        return (), ()
    found: dict[int, BlockWrite] = {}
    problems: list[str] = []
    latest = 0
    with path.open("rb") as lines:
        for number, raw in enumerate(lines, start=1):
            if not raw.endswith(b"\n"):
                break
            try:
                latest = _take(found, json.loads(raw), latest)
            except KeyError as error:
                problems.append(f"{path.name} line {number}: the field {error} is missing.")
            except (TypeError, ValueError, AttributeError, RecursionError) as error:
                problems.append(f"{path.name} line {number}: {error}.")
    if found and len(found) != max(found):
        missing = next(n for n in itertools.count(1) if n not in found)
        problems.append(f"{path.name}: write {missing} is missing, though write {max(found)} is there.")
    return tuple(found[seq] for seq in sorted(found)), tuple(problems)


def _take(found: dict[int, BlockWrite], line: dict[str, Any], latest: int) -> int:
    """Take one more line and return its time; ValueError when it does not follow from those before."""
    seq, kind, t = line["seq"], line["type"], line["t"]
    if type(seq) is not int or seq < 1 or type(t) is not int:
        raise ValueError("seq and t must be integers, seq from 1 on")
    if t < latest:
        raise ValueError(f"its time is {latest - t} ns before that of an earlier line")
    known = found.get(seq)
    if kind == "invoke":
        if known is not None:
            raise ValueError(f"write {seq} was begun before")
        where, digests = (line["offset"], line["length"]), line["digests"]
        if not all(type(n) is int for n in where) or type(digests) is not str or type(line["volume"]) is not str:
            raise ValueError(f"write {seq} needs the integers offset and length, and the words volume and digests")
        found[seq] = BlockWrite(seq, line["volume"], *where, digests, t)
    elif kind in _ANSWERS:
        if known is None or known.completed is not None:
            raise ValueError(f"write {seq} was {'never begun' if known is None else 'answered before'}")
        found[seq] = replace(known, completed=t, acknowledged=_ANSWERS[kind])
    else:
        raise ValueError(f"type is {kind!r}, expected invoke, ok or info")
    return t
