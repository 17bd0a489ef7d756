"""Unix sockets below directories of any depth: a socket's path may have 107 bytes only."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def connect_unix(path: Path, timeout: float | None = None) -> socket.socket:
    """A stream connection to the socket at ``path``; OSError when there is none."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(timeout)
            connection.connect(f"/proc/self/fd/{directory}/{path.name}")
        except OSError:
            connection.close()
            raise
        return connection
    finally:
        os.close(directory)
