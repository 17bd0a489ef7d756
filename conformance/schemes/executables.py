"""Running an executable of the user's: a question on its stdin, lines of answer from its stdout as they come.

It is the leader of a process group, and none of that outlives the call: not when it ends, not when its time is up, not
when the caller has heard enough, and not when the caller itself is killed.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from conformance.errors import HarnessError
from conformance.redaction import redact

LINE_LIMIT = 1 << 20
# What a tool's own children, gone to a session of their own, may still hold open after it has ended.
_DRAIN_S = 0.5
_CHUNK = 1 << 16
# Kills a group when nobody is left who could write to its stdin. The kernel's own means (PR_SET_PDEATHSIG) ends a child
# with the thread that started it, and reaches nothing of what the child has started.
_WATCH = ("/bin/sh", "-c", 'read -r nothing; kill -s KILL -- "-$1"', "watch")


class HookError(HarnessError):
    """A hook could not be called, or did not keep to the contract of docs/how-to-scheme.md."""


class Lines:
    """Bytes in, whole lines out. HookError when a line is too long to be one."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if max(map(len, (*whole, self._rest))) > LINE_LIMIT:
            raise HookError(
                f"{self._shown} wrote a line of more than {LINE_LIMIT} bytes: expected one JSON object a line."
            )
        return whole

    def rest(self) -> list[bytes]:
        """What was not ended by a newline."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


class Log:
    """Where a tool's stderr goes, without secrets. Without a path it goes nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def write(self, lines: list[bytes]) -> None:
        """Write lines down. HookError when that is not possible."""
        if self._path is None or not lines:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(redact(line.decode("utf-8", "replace")) + "\n" for line in lines)
        except OSError as error:
            raise HookError(f"Cannot write {self._path}, where stderr of a scheme's tools goes: {error}.") from None


class Execution:
    """One call of an executable. Iterate over ``lines`` once, and close it in any case."""

    def __init__(
        self,
        arguments: tuple[str, ...],
        question: bytes,
        *,
        timeout_s: float,
        folder: Path,
        environment: Mapping[str, str],
        log: Path | None,
        shown: str,
    ) -> None:
        self._shown = shown
        self._timeout_s = timeout_s
        self._question = question
        self._log = Log(log)
        self._log.write([f"== {shown}".encode()])
        self._deadline = time.monotonic() + timeout_s
        try:
            self._child = subprocess.Popen(
                arguments,
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise HookError(f"Cannot run {shown}: {error.strerror}.") from None
        try:
            self._watch = subprocess.Popen(
                (*_WATCH, str(self._child.pid)),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
            raise HookError(f"Nothing could be made to end {shown} with this run: {error.strerror}.") from None
        self.status: int | None = None
        """Its exit status, when all lines have been read."""

    def close(self) -> None:
        """End whatever is left of it."""
        self._kill()
        self.status = self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr, self._watch.stdin):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def lines(self) -> Generator[bytes, None, None]:
        """Lines of its stdout as they come, until it has ended. HookError when its time is up."""
        stdin, stdout, stderr = self._child.stdin, self._child.stdout, self._child.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        said, complained = Lines(self._shown), Lines(self._shown)
        ended = os.pidfd_open(self._child.pid)
        with selectors.DefaultSelector() as open_ends:
            try:
                os.set_blocking(stdin.fileno(), False)
                open_ends.register(stdin, selectors.EVENT_WRITE)
                for source in (stdout, stderr, ended):
                    open_ends.register(source, selectors.EVENT_READ)
                while {stdout, ended} & {key.fileobj for key in open_ends.get_map().values()}:
                    left = self._deadline - time.monotonic()
                    ready = open_ends.select(max(0.0, left))
                    if not ready or left < 0:  # also of what never stops writing
                        if self.status is not None:
                            break  # somebody else holds its stdout open
                        raise HookError(
                            f"{self._shown} did not end within {self._timeout_s:g} s; it and all it started were "
                            "killed. What it had done by then is unknown."
                        )
                    for key, _ in ready:
                        if key.fileobj is stdin:
                            self._ask(open_ends, stdin)
                        elif key.fileobj == ended:
                            open_ends.unregister(ended)
                            self._kill()
                            self.status = self._child.wait()
                            self._deadline = min(self._deadline, time.monotonic() + _DRAIN_S)
                        elif key.fileobj is stdout:
                            yield from said.feed(self._read(open_ends, stdout))
                        else:
                            self._log.write(complained.feed(self._read(open_ends, stderr)))
                yield from said.rest()
            finally:
                os.close(ended)
                self._log.write(complained.rest())

    def _ask(self, open_ends: selectors.BaseSelector, stdin: IO[bytes]) -> None:
        """As much of the question as fits; it may not care to hear all of it."""
        try:
            written = os.write(stdin.fileno(), self._question[:_CHUNK])
        except BlockingIOError:
            return
        except OSError:
            written = len(self._question)
        self._question = self._question[written:]
        if not self._question:
            open_ends.unregister(stdin)
            stdin.close()

    def _read(self, open_ends: selectors.BaseSelector, source: IO[bytes]) -> bytes:
        data = os.read(source.fileno(), _CHUNK)
        if not data:
            open_ends.unregister(source)
        return data

    def _kill(self) -> None:
        """Kill the group. Only before its leader is waited for: then the number is certainly still its own."""
        self._watch.kill()
        self._watch.wait()
        if self._child.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
