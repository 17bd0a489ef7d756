"""What a router does with a packet that is longer than the next link's MTU (RFC 1191, RFC 791, RFC 8201, RFC 4443)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from netplane.wan.frames import ETHERNET, IPV4, Frame, ethertype, internet_checksum

_DONT_FRAGMENT = 0x4000
_MORE_FRAGMENTS = 0x2000
_OFFSET = 0x1FFF
_SMALLEST_HEADER = 20
_ICMP = 1
_ICMPV6 = 58
_ICMP_ERRORS = (3, 4, 5, 11, 12)
_IPV6_SMALLEST_MTU = 1280
_TTL = 64
_QUOTED = 548  # so that the whole reply stays within the 576 bytes that everybody takes


@dataclass(frozen=True)
class Router:
    """The addresses that the WAN's router answers from. 192.0.0.8 is the one reserved for a router without any (RFC
    7600); IPv6 has no such address."""

    ipv4: IPv4Address = IPv4Address("192.0.0.8")
    ipv6: IPv6Address = IPv6Address("fd65::8")


def too_big_reply(frame: Frame, mtu: int, router: Router) -> bytes | None:
    """The frame that tells the sender of ``frame`` about ``mtu``; None where a router must stay silent.

    IPv4: only to a packet that must not be fragmented. Never about an ICMP error or a later fragment."""
    return _reply4(bytes(frame), mtu, router) if ethertype(frame) == IPV4 else _reply6(bytes(frame), mtu, router)


def fragments(frame: Frame, mtu: int) -> list[bytes]:
    """An IPv4 frame cut into frames whose packets are at most ``mtu`` bytes; empty if the packet must not be cut."""
    whole = bytes(frame)
    if ethertype(whole) != IPV4:
        return []
    header_size = (whole[ETHERNET] & 15) * 4
    total, _, flags = struct.unpack_from(">HHH", whole, ETHERNET + 2)
    if flags & _DONT_FRAGMENT or header_size < _SMALLEST_HEADER or total > len(whole) - ETHERNET:
        return []  # or it is no packet that a router would take
    header, payload = whole[ETHERNET : ETHERNET + header_size], whole[ETHERNET + header_size : ETHERNET + total]
    room = (mtu - header_size) // 8 * 8
    if room < 8:
        return []
    cut = []
    for at in range(0, len(payload), room):
        piece = payload[at : at + room]
        more = _MORE_FRAGMENTS if at + room < len(payload) else flags & _MORE_FRAGMENTS
        offset = (flags & _OFFSET) + at // 8
        cut.append(whole[:ETHERNET] + _header4(header, header_size + len(piece), more | offset) + piece)
    return cut


def _header4(like: bytes, total: int, flags: int) -> bytes:
    header = bytearray(like)
    struct.pack_into(">H", header, 2, total)
    struct.pack_into(">HH", header, 6, flags, header[8] << 8 | header[9])
    header[10:12] = b"\0\0"
    header[10:12] = internet_checksum(bytes(header)).to_bytes(2, "big")
    return bytes(header)


def _back(frame: bytes) -> bytes:
    """The Ethernet header of an answer: from whom the frame was sent to, to who sent it."""
    return frame[6:12] + frame[:6] + frame[12:ETHERNET]


def _reply4(frame: bytes, mtu: int, router: Router) -> bytes | None:
    packet = frame[ETHERNET:]
    header_size = (packet[0] & 15) * 4
    flags = struct.unpack_from(">H", packet, 6)[0]
    about_error = packet[9] == _ICMP and len(packet) > header_size and packet[header_size] in _ICMP_ERRORS
    if not flags & _DONT_FRAGMENT or flags & _OFFSET or about_error:
        return None
    quoted = packet[:_QUOTED]
    message = struct.pack(">BBHHH", 3, 4, 0, 0, mtu) + quoted
    message = message[:2] + internet_checksum(message).to_bytes(2, "big") + message[4:]
    blank = struct.pack(">BBHHHBBH4s4s", 0x45, 0xC0, 0, 0, 0, _TTL, _ICMP, 0, router.ipv4.packed, packet[12:16])
    return _back(frame) + _header4(blank, 20 + len(message), 0) + message


def _reply6(frame: bytes, mtu: int, router: Router) -> bytes | None:
    packet = frame[ETHERNET:]
    if packet[6] == _ICMPV6 and len(packet) > 40 and packet[40] < 128:
        return None
    quoted = packet[: _IPV6_SMALLEST_MTU - 48]
    source, target = router.ipv6.packed, packet[8:24]
    message = struct.pack(">BBHI", 2, 0, 0, mtu) + quoted
    pseudo = source + target + struct.pack(">IxxxB", len(message), _ICMPV6)
    message = message[:2] + internet_checksum(pseudo + message).to_bytes(2, "big") + message[4:]
    return _back(frame) + struct.pack(">IHBB", 6 << 28, len(message), _ICMPV6, _TTL) + source + target + message
