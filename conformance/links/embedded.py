"""Our own link proxy as a child process, which never outlives the harness."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import IO

from conformance.links.adapter import ProxyServer
from conformance.links.transport import LinkError

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0


class EmbeddedProxy:
    """Context manager: ``python -m conformance.linkproxy`` on a free loopback port.

    The child ends when its standard input does, so it goes with the harness even if that is killed. It is in
    a session of its own: Ctrl-C must reach the harness, which still needs the proxy to heal the links.
    """

    def __init__(self, *, seed: int | None = None) -> None:
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self._server: ProxyServer | None = None

    @property
    def server(self) -> ProxyServer:
        """The running server; LinkError outside the ``with`` block."""
        if self._server is None:
            raise LinkError("The embedded link proxy is not running: it is used outside its with block.")
        return self._server

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return None if self._process is None else self._process.pid

    def __enter__(self) -> EmbeddedProxy:
        # -P: a folder named "conformance" where the user happens to be must not be taken for this package.
        command = [sys.executable, "-P", "-m", "conformance.linkproxy", "--port", "0", "--die-with-stdin"]
        if self._seed is not None:
            command += ["--seed", str(self._seed)]
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
        )
        try:
            self._server = ProxyServer(self._ready_url(self._process))
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _ready_url(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            ready = selector.select(START_TIMEOUT_S)
        line = process.stdout.readline() if ready else b""
        try:
            return str(json.loads(line)["url"])
        except (ValueError, KeyError, TypeError):
            seen = self._last_words() or f"nothing within {START_TIMEOUT_S:g} s"
            raise LinkError(f"The embedded link proxy should have said where it listens; it said: {seen}") from None

    def _last_words(self) -> str:
        assert self._stderr is not None
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace").strip()[-500:]

    def _stop(self) -> None:
        process, self._process, self._server = self._process, None, None
        if process is not None:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.close()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None
