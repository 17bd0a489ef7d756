"""Asks addresses all the time, in a process of its own, and writes down who said what and when.

It knows nothing of faults: what it saw is measured by other means than a fault's own verify. Run by itself it reads
targets as JSON from the first line of stdin, writes a line of JSON for each answer, and ends with stdin.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import urlsplit

TIMEOUT_S = 2.0
SILENT_EVERY_S = 0.25
"""Who does not answer is asked no more often than this: questions that pile up would be a fault of their own."""


@dataclass(frozen=True)
class Target:
    """What is asked, and how often while it answers."""

    name: str
    url: str
    every_s: float


@dataclass(frozen=True)
class Asked:
    """One question: CLOCK_MONOTONIC seconds, and what came: a status code, ``refused``, ``hangs`` (the connection was
    taken), ``reset`` or ``no connection``."""

    name: str
    sent: float
    done: float
    said: str

    @property
    def answered(self) -> bool:
        """Whether anybody answered."""
        return self.said.isdigit()


class Watch:
    """The asking process, as a context manager; ``file`` is where its answers go."""

    def __init__(self, targets: Collection[Target], file: Path) -> None:
        self._targets = tuple(targets)
        self.file = file
        self._read: IO[str]
        self._seen: list[Asked] = []

    def __enter__(self) -> Watch:
        with self.file.open("w") as file:
            self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=file, text=True)
        self._read = self.file.open()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([asdict(target) for target in self._targets]) + "\n")
        self._process.stdin.flush()
        return self

    def since(self, began: float) -> list[Asked]:
        """All questions that were sent since, as far as it is known what came of them."""
        for line in self._read:  # whole lines: each is written at once
            self._seen.append(Asked(**json.loads(line)))
        return [asked for asked in self._seen if asked.sent >= began]

    def forget(self, began: float) -> None:
        """Nobody wants to know any more what was asked before."""
        self._seen = self.since(began)

    def answered_since(self, began: float) -> Mapping[str, float]:
        """When each target answered for the first time a question that was sent since."""
        first: dict[str, float] = {}
        for asked in sorted(self.since(began), key=lambda asked: asked.done):
            if asked.answered:
                first.setdefault(asked.name, asked.done)
        return first

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._read.close()


async def ask(url: str) -> str:
    """One GET on a connection of its own."""
    parts = urlsplit(url)
    hangs = "no connection"
    writer = None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            hangs = "hangs"
            writer.write(f"GET {parts.path or '/'} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
            words = (await reader.readline()).split()
            return words[1].decode() if len(words) > 1 else "closed"
    except TimeoutError:
        return hangs
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"
    except OSError as error:
        return type(error).__name__
    finally:
        if writer is not None:
            writer.close()


async def follow(target: dict[str, Any]) -> None:
    """Ask one target for ever: at its own pace while it answers, slowly while it does not, never waiting for one answer
    before the next question."""
    answers = True

    async def once() -> None:
        nonlocal answers
        sent = time.monotonic()
        said = await ask(target["url"])
        answers = said.isdigit()
        print(json.dumps({"name": target["name"], "sent": sent, "done": time.monotonic(), "said": said}), flush=True)

    under_way: set[asyncio.Task[None]] = set()
    while True:
        if len(under_way) < TIMEOUT_S / SILENT_EVERY_S:
            task = asyncio.create_task(once())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.sleep(target["every_s"] if answers and len(under_way) <= 1 else SILENT_EVERY_S)


async def main() -> None:
    """Follow all targets until stdin ends."""
    targets = json.loads(sys.stdin.readline())
    following = [asyncio.create_task(follow(target)) for target in targets]
    await asyncio.to_thread(sys.stdin.read)
    for task in following:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
