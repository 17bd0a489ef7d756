"""Ethernet frames as far as the WAN looks into them: whose business they are, and how long the packet in them is."""

from __future__ import annotations

ETHERNET = 14
IPV4 = 0x0800
IPV6 = 0x86DD
_IPV4_HEADER = 20
_ICMPV6 = 58
_IPV6_ADDRESSES = (22, 38)
_NEIGHBOUR_DISCOVERY = range(133, 138)

Frame = bytes | bytearray | memoryview


def ethertype(frame: Frame) -> int:
    """The frame's protocol; 0 of one that is too short to have one."""
    return frame[12] << 8 | frame[13] if len(frame) >= ETHERNET else 0


def is_link_scope(frame: Frame) -> bool:
    """Whether the frame belongs to the segment that stands for the WAN and not to what crosses the WAN: ARP, neighbour
    discovery, link-local addresses and multicast. A real WAN between two routers has no such thing, so no fault may act
    on it: a cut that also kept ARP from answering would be noticed by the near router, which a cut far away is not."""
    kind = ethertype(frame)
    if kind == IPV4:
        return bool(frame[0] & 1) or len(frame) < ETHERNET + _IPV4_HEADER
    if kind != IPV6 or len(frame) < ETHERNET + 40:
        return True
    if frame[0] & 1 or any(frame[at] == 0xFE and frame[at + 1] & 0xC0 == 0x80 for at in _IPV6_ADDRESSES):
        return True
    return frame[20] == _ICMPV6 and len(frame) > ETHERNET + 40 and frame[54] in _NEIGHBOUR_DISCOVERY


def packet_length(frame: Frame) -> int:
    """Bytes of the IP packet in a frame, as its own header says (a short frame may be padded)."""
    if ethertype(frame) == IPV4:
        return frame[16] << 8 | frame[17]
    return 40 + (frame[18] << 8 | frame[19])


def internet_checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
