"""One JSON object a line for programs, and the JSON Schema of those lines."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import asdict
from types import TracebackType
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from conformance.progress.events import ProgressEvent
from conformance.progress.plain import Stream
from conformance.redaction import redacted


class JsonLines(AbstractContextManager["JsonLines"]):
    """Every event as one line: ``event`` says which it is, ``elapsed_s`` when, the rest are its fields."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._stream.flush()

    def write(self, elapsed_s: float, event: ProgressEvent) -> None:
        """Write the event; each line is flushed, so that a reader at the other end of a pipe sees it at once."""
        line = {"event": event.event, "elapsed_s": round(elapsed_s, 3), **asdict(event)}
        self._stream.write(json.dumps(redacted(line), default=str) + "\n")
        self._stream.flush()


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one line, made from the events themselves."""
    made = TypeAdapter(Annotated[ProgressEvent, Field(discriminator="event")]).json_schema()
    for definition in made["$defs"].values():
        fields = definition["properties"]
        definition["properties"] = {
            "event": fields.pop("event"),
            "elapsed_s": {"type": "number", "minimum": 0, "description": "Seconds since the command was started."},
            **fields,
        }
        # Every field is always written; what has a default in Python is no option of a line.
        definition["required"] = list(definition["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of multisite-ha run --json-events",
        **made,
    }
