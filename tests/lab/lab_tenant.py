"""A tenant in one cloud of the tests' lab, and what its guests say."""

from __future__ import annotations

import base64
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from conformance.waiting import wait_until

PATIENCE = 60.0  # seconds for one server to change its state on a busy machine


@dataclass(frozen=True)
class Tenant:
    """A connection to one cloud with a network and an image; ``prefix`` is the first two octets of the site."""

    cloud: Any
    prefix: str
    network: str
    subnet: str
    image: str
    flavor: str

    def server(self, name: str, last_octet: int, user_data: str | None = None, **more: Any) -> Any:
        """A server that is ACTIVE, with the fixed IP ``<prefix>.10.<last_octet>``."""
        port = self.cloud.network.create_port(
            network_id=self.network, fixed_ips=[{"subnet_id": self.subnet, "ip_address": self.ip(last_octet)}]
        )
        if user_data is not None:
            more["user_data"] = base64.b64encode(user_data.encode()).decode()
        server = self.cloud.compute.create_server(
            name=name, image_id=self.image, flavor_id=self.flavor, networks=[{"port": port.id}], **more
        )
        return self.wait(server, "ACTIVE")

    def wait(self, server: Any, status: str) -> Any:
        """Wait for a server's status; fails at once when it is ERROR."""
        return self.cloud.compute.wait_for_server(server, status=status, interval=0.1, wait=PATIENCE)

    def delete(self, server: Any) -> None:
        """Delete a server and wait until it is gone."""
        self.cloud.compute.delete_server(server)
        self.cloud.compute.wait_for_delete(server, interval=0.1, wait=PATIENCE)

    def clean(self) -> None:
        """Delete all servers and ports."""
        for server in list(self.cloud.compute.servers()):
            self.delete(server)
        for port in self.cloud.network.ports(network_id=self.network):
            self.cloud.network.delete_port(port)

    def ip(self, last_octet: int) -> str:
        """An address in the tenant's subnet."""
        return f"{self.prefix}.10.{last_octet}"


def guest_answer(ip: str, port: int = 8080) -> dict[str, Any] | None:
    """What the default guest at ``ip`` says, or None when nobody answers within a second."""
    try:
        with urllib.request.urlopen(f"http://{ip}:{port}/", timeout=1) as answer:
            return json.load(answer)
    except OSError:
        return None


def eventually(ip: str) -> dict[str, Any]:
    """The guest's answer, as soon as there is one."""
    return wait_until(lambda: guest_answer(ip), timeout=20, what=f"the guest at {ip} to answer")
