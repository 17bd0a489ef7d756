"""DHCP as the lab's networks speak it: messages in, messages out."""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import conformance.lab

sys.path.insert(0, str(Path(conformance.lab.__file__).parent / "inside"))

from netplane import dhcp  # noqa: E402
from netplane.dhcp import ACK, ASKED, COOKIE, DISCOVER, IDENTIFIER, KIND, MASK, NAK, OFFER, REQUEST  # noqa: E402
from netplane.neutron import Network, Port, State, Subnet  # noqa: E402

MAC = "fa:16:3e:00:00:05"
LEASE = dhcp.Lease("10.1.5.7", "10.1.5.0/24", "10.1.5.1", ("192.0.2.53", "192.0.2.54"), (), 1450)


def packed(address: str) -> bytes:
    return socket.inet_aton(address)


def message(kind: int, *, mac: str = MAC, own: str = "0.0.0.0", **asked: str) -> bytes:
    """What a client says; ``asked`` are ``address`` and ``server``."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    nothing = packed("0.0.0.0")
    head = dhcp.HEAD.pack(1, 1, 6, 0, b"1234", 0, 0, packed(own), nothing, nothing, nothing, hardware, b"", b"", COOKIE)
    told = {KIND: bytes([kind])}
    if "address" in asked:
        told[ASKED] = packed(asked["address"])
    if "server" in asked:
        told[IDENTIFIER] = packed(asked["server"])
    return head + b"".join(bytes([code, len(value)]) + value for code, value in told.items()) + b"\xff"


def answered(said: bytes, lease: dhcp.Lease = LEASE) -> tuple[str, dict[int, bytes]] | None:
    """The address that is granted, and the options."""
    reply = dhcp.answer(said, {MAC: lease})
    if reply is None:
        return None
    fields = dhcp.HEAD.unpack_from(reply)
    assert (fields[0], fields[4], fields[11][:6]) == (2, b"1234", bytes.fromhex(MAC.replace(":", "")))
    return socket.inet_ntoa(fields[8]), dhcp.options(reply[dhcp.HEAD.size :])


def test_who_looks_for_a_server_is_offered_what_neutron_says_of_its_port() -> None:
    found = answered(message(DISCOVER))
    assert found is not None
    address, told = found
    assert (address, told[KIND]) == ("10.1.5.7", bytes([OFFER]))
    assert told[MASK] == packed("255.255.255.0")
    assert told[dhcp.ROUTER] == packed("10.1.5.1")
    assert told[dhcp.DNS] == packed("192.0.2.53") + packed("192.0.2.54")
    assert told[dhcp.MTU] == struct.pack("!H", 1450)


@pytest.mark.parametrize(
    ("said", "address", "kind"),
    [
        (message(REQUEST, address="10.1.5.7", server=dhcp.SERVER), "10.1.5.7", ACK),
        (message(REQUEST, address="10.1.5.7"), "10.1.5.7", ACK),  # it remembers its address
        (message(REQUEST, own="10.1.5.7"), "10.1.5.7", ACK),  # it wants to keep it
        (message(REQUEST, address="10.1.5.8"), "0.0.0.0", NAK),
        (message(REQUEST), "0.0.0.0", NAK),
    ],
)
def test_who_asks_for_its_own_address_gets_it_and_no_other(said: bytes, address: str, kind: int) -> None:
    found = answered(said)
    assert found is not None and (found[0], found[1][KIND]) == (address, bytes([kind]))
    assert (MASK in found[1]) == (kind == ACK)


@pytest.mark.parametrize(
    "said",
    [
        message(DISCOVER, mac="fa:16:3e:00:00:06"),
        message(REQUEST, address="10.1.5.7", server="10.1.5.9"),
        message(4),
        message(DISCOVER)[:100],
        message(DISCOVER)[:-1],
        message(DISCOVER).replace(COOKIE, b"none"),
        b"",
    ],
    ids=["unknown", "other server", "decline", "cut short", "no end", "no DHCP", "nothing"],
)
def test_others_are_told_nothing(said: bytes) -> None:
    assert answered(said) is None


def test_host_routes_come_with_the_default_route_that_they_would_hide() -> None:
    found = answered(message(DISCOVER), replace(LEASE, routes=(("192.0.2.0/25", "10.1.5.9"),)))
    assert found is not None
    assert found[1][dhcp.ROUTES] == (
        bytes([25]) + packed("192.0.2.0") + packed("10.1.5.9") + bytes([0]) + packed("10.1.5.1")
    )


def test_only_guests_of_subnets_with_dhcp_have_a_lease() -> None:
    def port(name: str, subnet: str, owner: str = "compute:nova") -> Port:
        return Port(name, "net", f"mac of {name}", True, name, owner, True, ((f"address of {name}", subnet),))

    ports = [port("one", "with"), port("two", "without"), port("three", "six"), port("four", "with", "network:router")]
    nothing: dict[str, Any] = {
        "rules": (), "stateless": frozenset(), "address_groups": {}, "routers": (), "floating_ips": (), "limits": (),
    }  # fmt: skip
    state = State(
        networks={"net": Network("net", 1400, True, False)},
        subnets={
            "with": Subnet("with", "net", "10.1.5.0/24", "10.1.5.1", 4, (), True, ("192.0.2.53",)),
            "without": Subnet("without", "net", "10.1.6.0/24", "10.1.6.1", 4),
            "six": Subnet("six", "net", "fd00::/64", "fd00::1", 6, (), True),
        },
        ports={one.id: one for one in ports},
        **nothing,
    )
    expected = dhcp.Lease("address of one", "10.1.5.0/24", "10.1.5.1", ("192.0.2.53",), (), 1400)
    assert dhcp.leases(state) == {"net": {"mac of one": expected}}
