"""What a guest is told of itself at 169.254.169.254, and that nobody else is."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator

import pytest
from plane import PATIENCE, Guest, Tenant

from conformance.lab import Lab, dataplane

pytestmark = pytest.mark.lab

SERVICE = "169.254.169.254"
USER_DATA = b"no script, only words\n"


@pytest.fixture(scope="module")
def pair(plane: Tenant) -> Iterator[tuple[Guest, Guest]]:
    """Two guests of one network, of a security group that lets nothing in and nothing out."""
    subnet = plane.network(f"10.{plane.number}.30.0/24")
    group = plane.group()
    for rule in list(plane.cloud.network.security_group_rules(security_group_id=group.id)):
        plane.cloud.network.delete_security_group_rule(rule)
    words = {"user_data": base64.b64encode(USER_DATA).decode(), "metadata": {"role": "tests"}}
    one, other = plane.guests(("one", subnet, group), ("other", subnet, group), server=words)
    yield one, other
    plane.clean()


def told(plane: Tenant, place: str, path: str, headers: dict[str, str] | None = None) -> bytes:
    """The answer to a guest's question."""
    with dataplane.open_socket(plane.lab.directory, place) as client:
        client.settimeout(PATIENCE)
        client.connect((SERVICE, 80))
        asked = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: {SERVICE}\r\n{asked}\r\n".encode())
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert answer.status == 200, answer.status
        return answer.read()


def who(plane: Tenant, place: str, headers: dict[str, str] | None = None) -> str:
    """As whom a guest is addressed."""
    said = json.loads(told(plane, place, "/openstack/latest/meta_data.json", headers))
    return str(said["uuid"])


def test_each_guest_is_told_of_itself(plane: Tenant, pair: tuple[Guest, Guest]) -> None:
    for guest in pair:
        said = json.loads(told(plane, guest.place, "/openstack/latest/meta_data.json"))
        assert (said["uuid"], said["name"], said["meta"]) == (guest.id, guest.name, {"role": "tests"})
        assert told(plane, guest.place, "/openstack/latest/user_data") == USER_DATA
        assert told(plane, guest.place, "/latest/meta-data/local-ipv4") == guest.ip.encode()
        network = json.loads(told(plane, guest.place, "/openstack/latest/network_data.json"))
        assert [link["ethernet_mac_address"] for link in network["links"]] == [guest.port.mac_address]


def test_nobody_is_told_of_another(plane: Tenant, pair: tuple[Guest, Guest]) -> None:
    one, other = pair
    claims = {"X-Instance-ID": other.id, "X-Forwarded-For": other.ip, "X-Instance-ID-Signature": "0" * 64}
    assert who(plane, one.place, claims) == one.id
    with dataplane.open_socket(plane.lab.directory, "operator") as client, pytest.raises(OSError):
        client.settimeout(1)
        client.connect((SERVICE, 80))


def test_a_guest_that_was_stopped_is_told_again(plane: Tenant, pair: tuple[Guest, Guest]) -> None:
    one, _ = pair
    compute = plane.cloud.compute
    compute.stop_server(one.id)
    compute.wait_for_server(compute.get_server(one.id), status="SHUTOFF", interval=0.1, wait=PATIENCE)
    compute.start_server(one.id)
    plane.active(compute.get_server(one.id))
    assert who(plane, one.place) == one.id


def test_metadata_is_nova_s_and_comes_back_with_it(
    plane: Tenant, namespaces_lab: Lab, pair: tuple[Guest, Guest]
) -> None:
    one, _ = pair
    namespaces_lab.kill_service("site-a", "nova")
    with pytest.raises(OSError):
        who(plane, one.place)
    namespaces_lab.start_service("site-a", "nova")
    assert who(plane, one.place) == one.id
