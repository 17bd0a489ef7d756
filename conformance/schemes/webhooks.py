"""Posting to a URL of the user's: a question in the body, lines of answer from the response as they come."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Generator, Mapping
from contextlib import suppress
from threading import Event, Timer
from urllib.parse import urlsplit

from conformance.schemes.executables import LINE_LIMIT, HookError


class Posting:
    """One call of a URL. Iterate over ``lines`` once, and close it in any case. No redirect is followed and no proxy of
    the environment used: a hook is called where the settings say."""

    def __init__(self, url: str, question: bytes, *, timeout_s: float, headers: Mapping[str, str], shown: str) -> None:
        where = urlsplit(url)
        kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(str(where.hostname), where.port, timeout=timeout_s)
        self._target = (where.path or "/") + (f"?{where.query}" if where.query else "")
        self._question = question
        self._headers = {"Content-Type": "application/json", **headers}
        self._timeout_s = timeout_s
        self._shown = shown
        self._late = Event()
        self._timer = Timer(timeout_s, self._cut)
        self._timer.daemon = True
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Hang up."""
        self._timer.cancel()
        self._connection.close()

    def lines(self) -> Generator[bytes, None, None]:
        """Lines of the response as they come; a response of type application/json is one. HookError when it is not 200,
        breaks off, or is not whole in time."""
        self._timer.start()
        try:
            self._connection.connect()
            self._socket = self._connection.sock
            self._connection.request("POST", self._target, self._question, self._headers)
            with self._connection.getresponse() as response:
                if response.status != 200:
                    raise HookError(f"{self._shown} was answered {response.status}: expected 200 and JSON lines.")
                yield from self._read(response)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, TimeoutError):
                self._late.set()
            self._raise_if_late()
            why = str(error) or type(error).__name__
            raise HookError(f"{self._shown} was not answered in full: {why}.") from None
        self._raise_if_late()

    def _read(self, response: http.client.HTTPResponse) -> Generator[bytes, None, None]:
        whole = response.headers.get_content_type() == "application/json"
        while line := (response.read if whole else response.readline)(LINE_LIMIT + 1):
            if len(line) > LINE_LIMIT:
                raise HookError(f"{self._shown} was answered more than {LINE_LIMIT} bytes in one JSON object.")
            yield line

    def _cut(self) -> None:
        self._late.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _raise_if_late(self) -> None:
        if self._late.is_set():
            raise HookError(
                f"{self._shown} was not answered in full within {self._timeout_s:g} s. "
                "What was done by then is unknown."
            )
