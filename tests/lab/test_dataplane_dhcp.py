"""A guest that asks for its address by DHCP is told what Neutron says of its port."""

from __future__ import annotations

import base64
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest
from plane import PATIENCE, Guest, Tenant

from conformance.lab import dataplane
from conformance.waiting import wait_until

pytestmark = pytest.mark.lab

IPV4 = 0x0800
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
FOREIGN = """#!/bin/sh
printf '#!/bin/sh\\necho "$1 $ip $subnet $router $mtu"\\n' > told
chmod 755 told
exec BUSYBOX udhcpc -i eth0 -f -n -q -O mtu -s ./told
"""


@pytest.fixture(scope="module")
def guests(plane: Tenant) -> Iterator[dict[str, Guest]]:
    """``asked`` is on a subnet with DHCP, ``silent`` on one without; their security group lets nothing in."""
    group = plane.group()
    base = f"10.{plane.number}"
    served = plane.network(
        f"{base}.31.0/24",
        mtu=1400,
        dns_nameservers=["192.0.2.54", "192.0.2.53"],
        host_routes=[{"destination": "192.0.2.128/25", "nexthop": f"{base}.31.9"}],
    )
    unserved = plane.network(f"{base}.32.0/24", is_dhcp_enabled=False)
    asked, neighbour, silent = plane.guests(
        ("asked", served, group), ("neighbour", served, group), ("silent", unserved, group)
    )
    yield {"asked": asked, "neighbour": neighbour, "silent": silent}
    plane.clean()


def message(guest: Guest, kind: int, **options: bytes) -> bytes:
    """A frame of a DHCP client on the guest's port; ``options`` are named ``o`` and their number."""
    mac = bytes.fromhex(guest.port.mac_address.replace(":", ""))
    body = struct.pack("!BBBBIHH16x16s192xI", 1, 1, 6, 0, 0xC0FFEE, 0, 0, mac, 0x63825363) + bytes([53, 1, kind])
    body += b"".join(bytes([int(name[1:]), len(value)]) + value for name, value in options.items()) + b"\xff"
    datagram = struct.pack("!HHHH", 68, 67, 8 + len(body), 0) + body
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack("!10H", header))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return b"\xff" * 6 + mac + b"\x08\x00" + header[:10] + struct.pack("!H", checksum) + header[12:] + datagram


def ask(plane: Tenant, guest: Guest, frame: bytes, timeout: float) -> tuple[str, dict[int, bytes]] | None:
    """The address in the server's answer, and its options; None when nothing came."""
    protocol = socket.htons(IPV4)
    with dataplane.open_socket(plane.lab.directory, guest.place, socket.AF_PACKET, socket.SOCK_RAW, protocol) as client:
        client.bind(("eth0", IPV4))
        client.settimeout(timeout)
        client.send(frame)
        while True:
            try:
                seen, (_, _, direction, *_) = client.recvfrom(2048)
            except TimeoutError:
                return None
            udp = 14 + (seen[14] & 15) * 4
            if direction == socket.PACKET_OUTGOING or seen[23] != 17 or seen[udp : udp + 4] != b"\x00\x43\x00\x44":
                continue
            reply = seen[udp + 8 :]
            options, at = {}, 240
            while reply[at] != 255:
                options[reply[at]] = reply[at + 2 : at + 2 + reply[at + 1]]
                at += 2 + reply[at + 1]
            return socket.inet_ntoa(reply[16:20]), options


def test_a_guest_gets_the_address_of_its_port_and_all_that_its_subnet_says(
    plane: Tenant, guests: dict[str, Guest]
) -> None:
    guest = guests["asked"]
    offered = ask(plane, guest, message(guest, DISCOVER), PATIENCE)
    assert offered is not None and (offered[0], offered[1][53]) == (guest.ip, bytes([OFFER]))
    asking = message(guest, REQUEST, o50=socket.inet_aton(guest.ip), o54=offered[1][54])
    granted = ask(plane, guest, asking, PATIENCE)
    assert granted is not None
    address, told = granted
    prefix = f"10.{plane.number}.31"
    assert (address, told[53], told[1]) == (guest.ip, bytes([ACK]), socket.inet_aton("255.255.255.0"))
    assert told[3] == socket.inet_aton(f"{prefix}.1")
    assert told[6] == socket.inet_aton("192.0.2.54") + socket.inet_aton("192.0.2.53")
    assert told[26] == struct.pack("!H", 1400)
    first = bytes([25]) + socket.inet_aton("192.0.2.128") + socket.inet_aton(f"{prefix}.9")
    assert told[121] == first + bytes([0]) + socket.inet_aton(f"{prefix}.1")


def test_a_guest_cannot_have_the_address_of_another(plane: Tenant, guests: dict[str, Guest]) -> None:
    wanted = socket.inet_aton(guests["neighbour"].ip)
    refused = ask(plane, guests["asked"], message(guests["asked"], REQUEST, o50=wanted), PATIENCE)
    assert refused is not None and (refused[0], refused[1][53]) == ("0.0.0.0", bytes([NAK]))


def test_nobody_answers_where_neutron_says_that_there_is_no_dhcp(plane: Tenant, guests: dict[str, Guest]) -> None:
    guest = guests["silent"]
    assert ask(plane, guest, message(guest, DISCOVER), 1) is None
    (subnet,) = {fixed["subnet_id"] for fixed in guest.port.fixed_ips}
    plane.cloud.network.update_subnet(subnet, is_dhcp_enabled=True)
    wait_until(lambda: ask(plane, guest, message(guest, DISCOVER), 1) is not None, timeout=PATIENCE, what="an offer")


def test_a_foreign_client_in_a_guest_gets_its_lease(plane: Tenant, guests: dict[str, Guest]) -> None:
    busybox = shutil.which("busybox")
    if busybox is None or "udhcpc" not in subprocess.check_output([busybox, "--list"], text=True):
        pytest.skip("busybox with udhcpc is not installed")
    script = FOREIGN.replace("BUSYBOX", busybox)
    words = {"user_data": base64.b64encode(script.encode()).decode()}
    group = plane.group()
    subnet = plane.network(f"10.{plane.number}.33.0/24", mtu=1380)
    (guest,) = plane.guests(("foreign", subnet, group), server=words)

    def console() -> str:
        return str(plane.cloud.compute.get_server_console_output(guest.id)["output"])

    wait_until(lambda: "user_data ended" in console(), timeout=PATIENCE, what="udhcpc to end")
    assert f"bound {guest.ip} 255.255.255.0 10.{plane.number}.33.1 1380" in console(), console()
