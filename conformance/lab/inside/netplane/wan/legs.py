"""The WAN's ends: one network device per site, read and written as frames."""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import dataclass, field

from netplane.wan.frames import Frame
from netplane.wan.offloads import switch_off

_ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_IGNORE_OUTGOING = 23
_RECEIVE_BUFFER = 8 << 20
_SO_RCVBUFFORCE = 33
_GONE = (errno.ENETDOWN, errno.ENXIO, errno.ENODEV, errno.ENETUNREACH)


def check_permission() -> None:
    """PermissionError if this process may not read frames."""
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


@dataclass
class Leg:
    """``device`` of ``site``. A device that goes down, or away and comes back, is no error: see ``look``."""

    site: str
    device: str
    overrun: int = 0
    """Frames that came faster than they were read."""
    opened: int = 0
    _socket: socket.socket | None = field(default=None, repr=False)
    _index: int = 0

    def open(self) -> None:
        """OSError if there is no such device, or the caller may not read frames."""
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            opened.setblocking(False)
            opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            try:
                opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
            except PermissionError:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            index = socket.if_nametoindex(self.device)
            switch_off(self.device)
            opened.bind((self.device, _ETH_P_ALL))
        except BaseException:
            opened.close()
            raise
        self.close()
        self._socket, self._index = opened, index

    def close(self) -> None:
        """Let go of the device."""
        if self._socket is not None:
            self._count_overruns()
            self._socket.close()
            self._socket = None

    @property
    def descriptor(self) -> int | None:
        """To wait for frames on; None while the device is away."""
        return None if self._socket is None else self._socket.fileno()

    def look(self) -> None:
        """Take up a device that came back, or was made anew under the same name; to be called now and then."""
        try:
            there = socket.if_nametoindex(self.device)
        except OSError:
            self.close()
            return
        if self._socket is not None and there == self._index:
            return
        try:
            self.open()
        except OSError:
            return  # gone again: the next look finds out
        self.opened += 1

    def receive(self, buffer: memoryview) -> int:
        """The size of the next frame, put into ``buffer``; 0 if there is none."""
        if self._socket is None:
            return 0
        try:
            return self._socket.recv_into(buffer)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return 0  # said once when a device goes down; the socket works again when it is up

    def send(self, frame: Frame) -> bool:
        """Whether the device took the frame."""
        if self._socket is None:
            return False
        try:
            self._socket.send(frame)
        except OSError:
            return False  # down, full, or a frame longer than the device's MTU
        return True

    def shown(self) -> dict[str, object]:
        """As plain values."""
        self._count_overruns()
        return {
            "site": self.site,
            "device": self.device,
            "present": self._socket is not None,
            "overrun": self.overrun,
            "opened": self.opened,
        }

    def _count_overruns(self) -> None:
        if self._socket is not None:
            self.overrun += struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
