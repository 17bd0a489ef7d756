"""Offloads of a network device: off, so that one frame is one packet with a checksum of its own."""

from __future__ import annotations

import array
import fcntl
import socket
import struct

_SIOCETHTOOL = 0x8946
# ETHTOOL_S...: transmit checksums, scatter-gather, TSO, GSO, GRO, receive checksums.
_SETTINGS = (0x17, 0x19, 0x1F, 0x24, 0x2C, 0x15)


def switch_off(device: str) -> None:
    """Switch off every offload of ``device`` in the calling thread's network namespace; one it does not have is off.

    To be called for both ends of a veth pair, each in its own namespace. OSError if there is no such device."""
    socket.if_nametoindex(device)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for setting in _SETTINGS:
            value = array.array("B", struct.pack("II", setting, 0))
            request = device.encode().ljust(16, b"\0") + struct.pack("P", value.buffer_info()[0])
            try:
                fcntl.ioctl(control, _SIOCETHTOOL, request)
            except OSError:
                continue  # the device has no such offload
