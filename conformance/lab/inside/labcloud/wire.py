"""One JSON document per line over a socket, read without blocking on half a line."""

from __future__ import annotations

import json
import socket


class Lines:
    """Splits what a selector says is readable into messages (a buffered file would hide the second of two lines)."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self._rest = b""

    def read(self) -> list[dict] | None:
        """Messages complete by now, or None when the other end has closed. Call when the socket is readable."""
        try:
            data = self.channel.recv(65536)
        except ConnectionResetError:
            return None  # it closed without reading what we sent
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]


def tell(channel: socket.socket, message: dict) -> None:
    """Send one message."""
    channel.sendall(json.dumps(message).encode() + b"\n")
