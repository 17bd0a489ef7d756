"""QMP, the JSON protocol by which qemu-storage-daemon is told what to do."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from conformance.storage.errors import StorageError
from conformance.storage.sockets import connect_unix

_ANSWERS_WITHIN_S = 20.0


class CommandFailed(StorageError):
    """The daemon refused a command; ``kind`` is its error class, such as DeviceNotFound."""

    def __init__(self, command: str, kind: str, text: str) -> None:
        super().__init__(f"qemu-storage-daemon should have carried out {command}; it answered: {text}.")
        self.kind = kind


class Qmp:
    """One connection; may be used from several threads. OSError when nothing listens at ``path`` (yet)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._socket = connect_unix(path, _ANSWERS_WITHIN_S)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()  # its greeting
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        """Carry out a command and return its answer. CommandFailed when it is refused; StorageError when the daemon is
        gone or says nothing for 20 s."""
        request = json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
        with self._lock:
            try:
                self._socket.sendall(request)
                while line := self._lines.readline():
                    answer = json.loads(line)
                    if "return" in answer:
                        return answer["return"]
                    if "error" in answer:
                        raise CommandFailed(command, answer["error"]["class"], answer["error"]["desc"])
            except (OSError, ValueError) as error:
                raise StorageError(f"qemu-storage-daemon at {self._path} did not answer {command}: {error}.") from error
        raise StorageError(f"qemu-storage-daemon at {self._path} hung up instead of answering {command}.")

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()
