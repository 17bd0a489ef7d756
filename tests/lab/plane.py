"""A tenant in a cloud of a lab in namespaces mode, and packets between places of it, without entering any."""

from __future__ import annotations

import itertools
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openstack
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from conformance.lab import Lab, dataplane
from conformance.waiting import wait_until

PATIENCE = 60.0  # seconds for what a busy machine may need
SOON = 5.0  # seconds for a change at Neutron to be in force on one
SILENCE = 0.7  # seconds without an answer that count as none
IP_TRANSPARENT, IP_MTU_DISCOVER, IP_PMTUDISC_DO = 19, 10, 2


def adapter(lab: Path, patience: float = PATIENCE) -> HTTPAdapter:
    """requests, spoken in the lab's operator namespace; an answer may take that many seconds."""

    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            made = dataplane.open_socket(lab, "operator")
            made.settimeout(patience)
            made.connect((self.host, self.port))
            return made

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **more: Any) -> None:
            super().init_poolmanager(*args, **more)
            self.poolmanager.pool_classes_by_scheme = {"http": Pool}

    return Adapter()


@dataclass
class Guest:
    """A server that is ACTIVE; ``place`` is where its packets come from."""

    name: str
    id: str
    port: Any
    ip: str

    @property
    def place(self) -> str:
        return f"guest-{self.id}"


@dataclass
class Tenant:
    """One cloud. Everything made through it is removed by ``clean``."""

    lab: Lab
    cloud: Any
    number: int
    image: str
    flavor: str
    made: list[tuple[str, Any]] = field(default_factory=list)
    names: Any = field(default_factory=itertools.count)

    @classmethod
    def of(cls, lab: Lab, site: str, number: int) -> Tenant:
        config = openstack.config.OpenStackConfig(config_files=[str(lab.clouds_yaml)], load_envvars=False)
        cloud = openstack.connection.Connection(config=config.get_one(lab.clouds()[site]))
        cloud.session.session.mount("http://", adapter(lab.directory))
        image = cloud.image.find_image("tests", ignore_missing=True) or cloud.create_image(
            "tests", data=b"no disk", disk_format="raw", container_format="bare", wait=True
        )
        return cls(lab, cloud, number, image.id, cloud.compute.find_flavor("lab.tiny").id)

    def note(self, kind: str, thing: Any) -> Any:
        self.made.append((kind, thing))
        return thing

    def network(self, cidr: str, mtu: int | None = None, gateway: str | None = "", **more: Any) -> Any:
        """A network with one subnet, which is returned; its gateway is its first address unless that is None."""
        made = self.note("network", self.cloud.network.create_network(name="tests", **({"mtu": mtu} if mtu else {})))
        if gateway != "":
            more["gateway_ip"] = gateway
        version = 6 if ":" in cidr else 4
        return self.cloud.network.create_subnet(network_id=made.id, cidr=cidr, ip_version=version, **more)

    def router(self, *subnets: Any, external: bool = False) -> Any:
        public = self.cloud.network.find_network("public", ignore_missing=False)
        gateway = {"external_gateway_info": {"network_id": public.id}} if external else {}
        made = self.note("router", self.cloud.network.create_router(name="tests", **gateway))
        for subnet in subnets:
            self.cloud.network.add_interface_to_router(made, subnet_id=subnet.id)
        return made

    def group(self, **more: Any) -> Any:
        """A security group that lets nothing in."""
        return self.note("security_group", self.cloud.network.create_security_group(name="tests", **more))

    def allow(self, group: Any, protocol: str | None = "tcp", **more: Any) -> Any:
        body = {"direction": "ingress", "security_group_id": group.id, "protocol": protocol, **more}
        return self.cloud.network.create_security_group_rule(**body)

    def guests(self, *wanted: tuple[str, Any, Any], server: dict[str, Any] | None = None, **port: Any) -> list[Guest]:
        """Servers (name, subnet, security group), built at the same time; ``server`` and ``port`` say more of each."""
        building = []
        for name, subnet, group in wanted:
            made = self.cloud.network.create_port(
                network_id=subnet.network_id, fixed_ips=[{"subnet_id": subnet.id}], security_groups=[group.id], **port
            )
            self.note("port", made)
            built = self.cloud.compute.create_server(
                name=name,
                image_id=self.image,
                flavor_id=self.flavor,
                networks=[{"port": made.id}],
                **(server or {}),
            )
            building.append((name, self.note("server", built), made))
        return [
            Guest(name, self.active(built).id, made, made.fixed_ips[0]["ip_address"]) for name, built, made in building
        ]

    def active(self, server: Any) -> Any:
        return self.cloud.compute.wait_for_server(server, interval=0.1, wait=PATIENCE)

    def clean(self) -> None:
        network = self.cloud.network
        for server in [thing for kind, thing in self.made if kind == "server"]:
            self.cloud.compute.delete_server(server)
        for server in [thing for kind, thing in self.made if kind == "server"]:
            self.cloud.compute.wait_for_delete(server, interval=0.1, wait=PATIENCE)
        for address in network.ips():
            network.delete_ip(address)
        for router in [thing for kind, thing in self.made if kind == "router"]:
            for port in network.ports(device_id=router.id, device_owner="network:router_interface"):
                network.remove_interface_from_router(router, port_id=port.id)
            network.delete_router(router)
        for kind in ("port", "network", "security_group"):
            for thing in [thing for what, thing in self.made if what == kind]:
                getattr(network, f"delete_{kind}")(thing)
        self.made.clear()

    # Packets

    def says(self, source: str, address: str, port: int = 8080) -> str:
        """What a guest's own application says its name is, asked from ``source``; "silence", "refused" …"""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with dataplane.open_socket(self.lab.directory, source, family) as client:
            client.settimeout(SILENCE)
            try:
                client.connect((address, port))
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            except TimeoutError:
                return "silence"
            except OSError as error:
                return error.strerror or "silence"
        return str(json.loads(answer.partition(b"\r\n\r\n")[2])["name"])

    def eventually(self, source: str, address: str, what: str) -> None:
        """Wait until that is what is said."""
        wait_until(lambda: self.says(source, address) == what, timeout=SOON, what=f"{what!r} from {address}")

    def udp(self, place: str, *, port: int = 0, bound: bool = True) -> socket.socket:
        made = dataplane.open_socket(self.lab.directory, place, socket.AF_INET, socket.SOCK_DGRAM)
        made.settimeout(SILENCE)
        if bound:
            made.bind(("0.0.0.0", port))
        return made

    def arrives(self, sender: Guest, receiver: Guest, size: int = 10, source: str | None = None) -> bool:
        """Whether a datagram of ``size`` bytes with Don't Fragment gets there, from ``source`` if given."""
        with self.udp(receiver.place, port=7007) as inbox, self.udp(sender.place, bound=False) as outbox:
            outbox.setsockopt(socket.SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
            if source:
                outbox.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
                outbox.bind((source, 0))
            try:
                outbox.sendto(b"x" * size, (receiver.ip, 7007))
                return len(inbox.recv(65536)) == size
            except OSError:
                return False

    def pings(self, source: str, address: str) -> bool:
        """Whether an echo request is answered."""
        protocol = socket.IPPROTO_ICMPV6 if ":" in address else socket.IPPROTO_ICMP
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with dataplane.open_socket(self.lab.directory, source, family, socket.SOCK_DGRAM, protocol) as echo:
            echo.settimeout(SILENCE)
            try:
                echo.sendto(bytes([128 if ":" in address else 8]) + bytes(15), (address, 0))
                return echo.recv(1024)[0] == (129 if ":" in address else 0)
            except OSError:
                return False
