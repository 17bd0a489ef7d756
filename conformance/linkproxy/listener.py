"""A listening socket that can be closed at any moment without leaving anybody between it and the proxy.

asyncio's own server takes a connection in one step of its loop and hands it over in a later one. Closed in between, it
fails to hand it over and forgets it: the socket stays open, unanswered, until the garbage collector comes across it.
A client without a time limit, such as PostgreSQL's standby, waits for that long.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

_TOO_MANY = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_S = 1.0


class Listener:
    """Hands every connection that comes to ``arrived`` in the very step of the loop in which it is taken."""

    def __init__(self, sock: socket.socket, arrived: Callable[[socket.socket], None]) -> None:
        """``sock`` listens already. Only inside a running loop."""
        self._sock = sock
        self._arrived = arrived
        self._loop = asyncio.get_running_loop()
        self._resumption: asyncio.TimerHandle | None = None
        sock.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Listen no more. The kernel resets those who were not taken yet."""
        if self._resumption is not None:
            self._resumption.cancel()
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _listen(self) -> None:
        self._loop.add_reader(self._sock, self._take)

    def _take(self) -> None:
        try:
            taken, _ = self._sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in _TOO_MANY:
                raise
            # Out of descriptors: who waits is served when some are free again, and until then the loop must not spin.
            self._loop.remove_reader(self._sock)
            self._resumption = self._loop.call_later(_PAUSE_S, self._listen)
            return
        taken.setblocking(False)
        self._arrived(taken)
