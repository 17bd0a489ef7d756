"""DHCP for guests of subnets that have it: each is told what Neutron says of its port, and nobody else anything.

One socket per site hears what guests broadcast on any network; there is no pool and no lease to be kept. Guests are set
up without it: it is for those who ask.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from netplane.neutron import COMPUTE, State
from netplane.spaces import Netns

SERVER = "169.254.169.254"  # nobody's in any subnet; what a client sends there alone, it sends to everybody in the end
SERVER_MAC = bytes.fromhex("020000000043")
LEASE = 86400  # seconds, Neutron's default
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
MASK, ROUTER, DNS, MTU, ASKED, LASTS, KIND, IDENTIFIER, ROUTES, END = 1, 3, 6, 26, 50, 51, 53, 54, 121, 255
COOKIE = bytes([99, 130, 83, 99])
HEAD = struct.Struct("!BBBB4sHH4s4s4s4s16s64s128s4s")
BROADCAST = 0x8000
SO_ATTACH_FILTER = 26
TO_SERVERS = (  # Linux' socket filter: IPv4, UDP, no later fragment, to port 67
    (0x30, 0, 0, 23),
    (0x15, 0, 6, 17),
    (0x28, 0, 0, 20),
    (0x45, 4, 0, 0x1FFF),
    (0xB1, 0, 0, 14),
    (0x48, 0, 0, 16),
    (0x15, 0, 1, 67),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)


@dataclass(frozen=True)
class Lease:
    """What a port is told; ``routes`` are (destination, next hop)."""

    address: str
    cidr: str
    gateway: str | None
    dns: tuple[str, ...]
    routes: tuple[tuple[str, str], ...]
    mtu: int


def leases(state: State) -> dict[str, dict[str, Lease]]:
    """By network and MAC: the first IPv4 address of each guest's port on a subnet with DHCP."""
    found: dict[str, dict[str, Lease]] = {}
    for port in state.ports.values():
        if not port.owner.startswith(COMPUTE):
            continue
        for address, subnet_id in port.addresses:
            subnet = state.subnets[subnet_id]
            if subnet.version == 4 and subnet.dhcp:
                mtu = state.networks[port.network].mtu
                lease = Lease(address, subnet.cidr, subnet.gateway, subnet.dns, subnet.routes, mtu)
                found.setdefault(port.network, {}).setdefault(port.mac, lease)
    return found


def answer(message: bytes, known: Mapping[str, Lease]) -> bytes | None:
    """The answer to a client's message, both as they stand in a datagram; None if it gets none. ``known`` is by MAC."""
    try:
        operation, kind, length, _, number, _, flags, own, *_, hardware, _, _, cookie = HEAD.unpack_from(message)
        asked = options(message[HEAD.size :])
    except (struct.error, IndexError):
        return None
    lease = known.get(hardware[:6].hex(":"))
    if lease is None or (operation, kind, length, cookie) != (1, 1, 6, COOKIE):
        return None
    if asked.get(IDENTIFIER, _packed(SERVER)) != _packed(SERVER):
        return None  # it has chosen another server
    address = _packed(lease.address)
    what = asked.get(KIND, b"")[:1]
    if what == bytes([DISCOVER]):
        reply = OFFER
    elif what == bytes([REQUEST]):
        reply = ACK if asked.get(ASKED, own) == address else NAK
    else:
        return None
    yours = bytes(4) if reply == NAK else address
    head = HEAD.pack(2, 1, 6, 0, number, 0, flags, own, yours, bytes(4), bytes(4), hardware, b"", b"", COOKIE)
    told = {KIND: bytes([reply]), IDENTIFIER: _packed(SERVER)}
    if reply != NAK:
        told |= {LASTS: struct.pack("!I", LEASE), **_parameters(lease)}
    return head + b"".join(bytes([code, len(value)]) + value for code, value in told.items()) + bytes([END])


def options(raw: bytes) -> dict[int, bytes]:
    """Options by number. IndexError when they break off."""
    found = {}
    at = 0
    while raw[at] != END:
        if raw[at] == 0:
            at += 1
            continue
        length = raw[at + 1]
        found[raw[at]] = raw[at + 2 : at + 2 + length]
        at += 2 + length
    return found


def _parameters(lease: Lease) -> dict[int, bytes]:
    network = ipaddress.IPv4Network(lease.cidr)
    told = {MASK: network.netmask.packed, MTU: struct.pack("!H", lease.mtu)}
    if lease.gateway:
        told[ROUTER] = _packed(lease.gateway)
    if lease.dns:
        told[DNS] = b"".join(map(_packed, lease.dns))
    if lease.routes:  # who understands these does not look at the router
        everywhere = (("0.0.0.0/0", lease.gateway),) if lease.gateway else ()
        told[ROUTES] = b"".join(_route(to, hop) for to, hop in (*lease.routes, *everywhere))
    return told


def _route(destination: str, hop: str) -> bytes:
    network = ipaddress.IPv4Network(destination)
    return bytes([network.prefixlen]) + network.network_address.packed[: -(-network.prefixlen // 8)] + _packed(hop)


def _packed(address: str) -> bytes:
    return socket.inet_aton(address)


class Responder:
    """Answers on all networks of a site, whose bridges are in ``space``; ``known`` is by the name of the bridge."""

    def __init__(self, space: Netns) -> None:
        self.socket = space.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.setblocking(False)
        filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in TO_SERVERS))
        program = struct.pack("HP", len(TO_SERVERS), ctypes.addressof(filters))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        self.known: Mapping[str, Mapping[str, Lease]] = {}

    def serve(self) -> None:
        """Answer what has come."""
        while True:
            try:
                frame, (bridge, _, kind, *_) = self.socket.recvfrom(2048)
            except OSError:
                return  # nothing more, or the network is being taken away
            if kind != socket.PACKET_BROADCAST or bridge not in self.known:
                continue
            start = 14 + (frame[14] & 15) * 4 + 8
            reply = answer(frame[start:], self.known[bridge])
            if reply is not None:
                try:
                    self.socket.sendto(_frame(reply), (bridge, 0))
                except OSError:
                    pass  # its bridge has just gone

    def close(self) -> None:
        """Let go of the site's network."""
        self.socket.close()


def _frame(reply: bytes) -> bytes:
    """To the client alone, unless it has no use for that yet."""
    *_, flags, _, yours, _, _, hardware, _, _, _ = HEAD.unpack_from(reply)
    alone = yours != bytes(4) and not flags & BROADCAST
    target, to = (hardware[:6], yours) if alone else (b"\xff" * 6, b"\xff" * 4)
    datagram = struct.pack("!HHHH", 67, 68, 8 + len(reply), 0) + reply
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, _packed(SERVER), to)
    return target + SERVER_MAC + b"\x08\x00" + header[:10] + _checksum(header) + header[12:] + datagram


def _checksum(header: bytes) -> bytes:
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
