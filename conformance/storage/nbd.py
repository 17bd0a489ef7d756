"""A client of the network block device protocol (fixed newstyle): what a guest's disk driver is to its storage."""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path
from typing import BinaryIO

from conformance.storage.errors import StorageError
from conformance.storage.sockets import connect_unix

_GREETING = struct.Struct(">8s8sH")
_OPTION_REPLY = struct.Struct(">QIII")
_REQUEST = struct.Struct(">IHHQQI")
_REPLY = struct.Struct(">IIQ")
_REQUEST_MAGIC, _REPLY_MAGIC = 0x25609513, 0x67446698
_OPT_GO, _REP_ACK, _REP_INFO, _REP_ERROR = 7, 1, 3, 1 << 31
_READ, _WRITE, _DISCONNECT, _FLUSH = 0, 1, 2, 3
_FUA = 1
_CONNECT_S = 10.0


class NbdClient:
    """One connection to one export, one request at a time. StorageError when there is no such export.

    Requests raise OSError: with the errno that the server answered, or ConnectionError when it has gone; then it is not
    known whether the request was carried out. They wait for as long as the server takes.
    """

    def __init__(self, path: Path, export: str) -> None:
        try:
            self._socket = connect_unix(path, _CONNECT_S)
        except OSError as error:
            raise StorageError(f"No storage daemon can be reached at {path}: {error.strerror}.") from error
        self._stream: BinaryIO = self._socket.makefile("rb")
        self._cookie = 0
        self.size = 0
        """Bytes of the export."""
        try:
            self._choose(export.encode())
        except (OSError, struct.error) as error:
            self.close()
            raise StorageError(f"The export {export!r} at {path} cannot be opened: {error}.") from error
        self._socket.settimeout(None)

    def write(self, offset: int, content: bytes) -> None:
        """Write, and return when it is on stable storage (as O_DSYNC does)."""
        self._ask(_WRITE, offset, len(content), content, _FUA)

    def read(self, offset: int, length: int) -> bytes:
        """Read."""
        self._ask(_READ, offset, length)
        return self._exactly(length)

    def flush(self) -> None:
        """Return when everything that was written is on stable storage."""
        self._ask(_FLUSH, 0, 0)

    def abort(self) -> None:
        """Break the connection, from any thread: a request under way ends with ConnectionError."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was broken already

    def close(self) -> None:
        """Take leave and hang up."""
        try:
            self._socket.sendall(_REQUEST.pack(_REQUEST_MAGIC, 0, _DISCONNECT, 0, 0, 0))
        except OSError:
            pass  # the server has gone, which is leave enough
        self._stream.close()
        self._socket.close()

    def _choose(self, export: bytes) -> None:
        magic, options, _ = _GREETING.unpack(self._exactly(_GREETING.size))
        if (magic, options) != (b"NBDMAGIC", b"IHAVEOPT"):
            raise OSError("it does not speak the fixed newstyle of the protocol")
        wanted = struct.pack(">I", len(export)) + export + struct.pack(">H", 0)
        self._socket.sendall(struct.pack(">I8sII", 3, b"IHAVEOPT", _OPT_GO, len(wanted)) + wanted)
        while True:
            _, _, kind, length = _OPTION_REPLY.unpack(self._exactly(_OPTION_REPLY.size))
            told = self._exactly(length)
            if kind & _REP_ERROR:
                raise OSError(told.decode(errors="replace") or f"the server answered {kind:#x}")
            if kind == _REP_INFO and told[:2] == b"\0\0":
                self.size = struct.unpack(">Q", told[2:10])[0]
            if kind == _REP_ACK:
                return

    def _ask(self, kind: int, offset: int, length: int, content: bytes = b"", flags: int = 0) -> None:
        self._cookie += 1
        request = _REQUEST.pack(_REQUEST_MAGIC, flags, kind, self._cookie, offset, length)
        self._socket.sendall(request + content)
        magic, error, cookie = _REPLY.unpack(self._exactly(_REPLY.size))
        if (magic, cookie) != (_REPLY_MAGIC, self._cookie):
            raise ConnectionError("the storage daemon answered something else than what was asked")
        if error:
            raise OSError(error, os.strerror(error))

    def _exactly(self, length: int) -> bytes:
        content = self._stream.read(length)
        if len(content) < length:
            raise ConnectionResetError(errno.ECONNRESET, "the storage daemon hung up")
        return content
