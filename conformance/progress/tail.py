"""A file of JSON lines that somebody else appends to, read as it grows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Tail:
    """What has been appended since the last look. A line without its newline is left for the next one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """The new lines that are JSON objects. A damaged line is the reader's of the whole record to complain about:
        here it is left out. No file yet is no line yet."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._at += whole
        for text in data[:whole].splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line
