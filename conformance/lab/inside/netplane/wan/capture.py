"""What happens to packets, as a pcapng file: any tcpdump or Wireshark opens it, and each packet's comment says what the
WAN did with it."""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass, field
from typing import IO, Any

from netplane.wan.frames import Frame
from netplane.wan.impairments import BadRequest

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_COMMENT, _NAME, _RESOLUTION = 1, 2, 9
_ETHERNET = 1
_SNAP = 262_144


@dataclass
class Capture:
    """One interface per direction. Ends by itself at ``most_bytes``, so that a forgotten one does not fill a disk."""

    path: str
    directions: tuple[str, ...]
    most_bytes: int
    packets: int = 0
    written: int = 0
    full: bool = False
    _file: IO[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not os.path.isabs(self.path):
            raise BadRequest(f"path of a capture must be absolute, not {self.path!r:.200}.")
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise BadRequest(f"A capture cannot be written to {self.path}: {error.strerror}.") from error
        self._file = os.fdopen(descriptor, "wb")
        self._put(_block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for name in self.directions:
            options = _option(_NAME, name.encode()) + _option(_RESOLUTION, b"\x09") + _option(0, b"")
            self._put(_block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, _SNAP) + options))

    def write(self, direction: str, what: str, frame: Frame) -> None:
        """One packet, now; silently nothing once the capture is full or its disk is."""
        if self.full:
            return
        now, data = time.time_ns(), bytes(frame)
        interface, size = self.directions.index(direction), len(data)
        head = struct.pack("<IIIII", interface, now >> 32, now & 0xFFFFFFFF, size, size)
        comment = _option(_COMMENT, f"{direction} {what}".encode())
        block = _block(_PACKET, head + _padded(data) + comment + _option(0, b""))
        if self.written + len(block) > self.most_bytes:
            self.full = True
            return
        self.packets += 1
        self._put(block)

    def close(self) -> None:
        """Complete the file."""
        try:
            self._file.close()
        except OSError:
            self.full = True

    def shown(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "path": self.path,
            "directions": list(self.directions),
            "packets": self.packets,
            "bytes": self.written,
            "full": self.full,
        }

    def _put(self, block: bytes) -> None:
        try:
            self._file.write(block)
        except OSError:
            self.full = True
        self.written += len(block)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
