"""SIGKILL at random moments: of the network daemon, of all of a cloud, of the whole lab; then all is compared.

    python benchmarks/dataplane_kills.py [--kills 30] [--seed 1]

Starts a lab named ``bench-kills`` in namespaces mode and changes things in one cloud all the time: servers, rules,
floating IPs, routers, networks. After each kill what the kernel holds (interfaces, addresses, routes, NAT, security
groups, anti-spoofing, in all namespaces of the lab) is compared with what is built anew, beside the lab, from Neutron's
databases. A third of the kills each; the order and the moments are drawn from the seed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lab"))

from plane import Guest, Tenant, adapter
from plane_state import compared, crash, daemon, holders, names_of_namespaces, remains, settled

from conformance.dataplane import Flow, Place, send_bursts
from conformance.errors import HarnessError
from conformance.lab import Lab, processes
from conformance.lab.dataplane import open_socket
from conformance.waiting import wait_until

LAB = "bench-kills"
SITE = "site-a"
KINDS = ("netd", "cloud", "lab")
ANSWER = 15.0  # seconds for one answer to who changes things: nobody resets the connections of a lab that was killed
INTERVAL = 0.004  # seconds between two packets while netd is killed


def main() -> None:
    """Kill, compare, print a line each and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    victims = [KINDS[number % len(KINDS)] for number in range(options.kills)]
    chance.shuffle(victims)
    lab = Lab(LAB, mode="namespaces")
    lab.down()
    outcomes: list[dict[str, Any]] = []
    names: set[str] = set()
    try:
        lab.up()
        base = Base(lab)
        for number, victim in enumerate(victims, start=1):
            outcome = kill(lab, base, victim, random.Random(f"{options.seed}/{number}"))
            outcomes.append({"victim": victim, **outcome})
            print(f"{number} {victim}: {outcome}, load {os.getloadavg()[0]:.1f}", flush=True)
            names = names_of_namespaces(lab)
    finally:  # also of those that there were until Ctrl-C
        lab.down()
        print(f"\nleft after lab down: {remains(lab, names) or 'nothing'}\n")
        table(outcomes)


class Base:
    """Two guests that are left alone, one of them with a floating IP; and somebody who changes things beside them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        tenant = Tenant.of(lab, SITE, 1)
        subnet, self.group = tenant.network("10.1.80.0/24"), tenant.group()
        tenant.allow(self.group, None)
        tenant.router(subnet, external=True)
        self.one, self.two = tenant.guests(("one", subnet, self.group), ("two", subnet, self.group))
        public = tenant.cloud.network.find_network("public", ignore_missing=False)
        self.floating = tenant.cloud.network.create_ip(
            floating_network_id=public.id, port_id=self.two.port.id
        ).floating_ip_address

    def answers(self) -> bool:
        """Whether the guests do, from inside and by the floating IP."""
        tenant = Tenant.of(self.lab, SITE, 1)
        asked = ((self.one.place, self.two.ip), ("operator", self.floating), (self.one.place, self.floating))
        return all(tenant.says(source, address) == "two" for source, address in asked)


class Changes(threading.Thread):
    """Changes things through the API until told to stop; what fails because of a kill fails."""

    def __init__(self, lab: Lab, base: Base, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self._chance = chance
        self._base = base
        self._ended = threading.Event()
        self.tenant = Tenant.of(lab, SITE, 1)
        self.tenant.cloud.session.session.mount("http://", adapter(lab.directory, ANSWER))
        self.made = 0

    def run(self) -> None:
        """Until stopped."""
        while not self._ended.is_set():
            try:
                self._change()
                self.made += 1
            except Exception:  # noqa: S112 the cloud is being killed
                continue

    def _change(self) -> None:
        for _ in self._steps():
            if self._ended.is_set():
                return

    def _steps(self) -> Iterator[None]:
        tenant, network = self.tenant, self.tenant.cloud.network
        octet = self._chance.randrange(100, 250)
        subnet, group = tenant.network(f"10.1.{octet}.0/24"), tenant.group()
        yield
        tenant.allow(group, "udp", port_range_min=1, port_range_max=octet)
        tenant.allow(self._base.group, "udp", port_range_min=octet, port_range_max=self._chance.randrange(300, 60000))
        yield
        router = tenant.router(subnet, external=True)
        yield
        port = tenant.note("port", network.create_port(network_id=subnet.network_id, security_groups=[group.id]))
        server = tenant.cloud.compute.create_server(
            name="passing", image_id=tenant.image, flavor_id=tenant.flavor, networks=[{"port": port.id}]
        )
        tenant.note("server", server)
        yield
        public = network.find_network("public", ignore_missing=False)
        floating = network.create_ip(floating_network_id=public.id, port_id=port.id)
        tenant.allow(group, "tcp", port_range_min=octet, port_range_max=octet, remote_group_id=self._base.group.id)
        yield
        network.update_router(router, is_admin_state_up=False)
        yield
        tenant.cloud.compute.wait_for_server(server, interval=0.1, wait=ANSWER)
        yield
        network.update_port(port, allowed_address_pairs=[{"ip_address": f"10.1.{octet}.99"}])
        yield
        network.delete_ip(floating)
        yield
        tenant.cloud.compute.delete_server(server)

    def stop(self) -> None:
        """Return when nothing is changed any more: after the request that is under way."""
        self._ended.set()
        self.join(3 * ANSWER)

    def clean(self) -> None:
        """Remove what was made, as far as the cloud knows it."""
        fresh = Tenant.of(self.tenant.lab, SITE, 1)
        network, compute = fresh.cloud.network, fresh.cloud.compute
        servers = [server for server in compute.servers() if server.name == "passing"]
        for server in servers:
            compute.delete_server(server)
        for server in servers:
            compute.wait_for_delete(server, interval=0.2, wait=60)
        for floating in network.ips():
            if floating.floating_ip_address != self._base.floating:
                network.delete_ip(floating)
        for kind, thing in self.tenant.made:
            if kind == "router":
                for port in network.ports(device_id=thing.id, device_owner="network:router_interface"):
                    network.remove_interface_from_router(thing, port_id=port.id)
                network.delete_router(thing, ignore_missing=True)
        for kind in ("port", "network", "security_group"):
            for thing in [thing for what, thing in self.tenant.made if what == kind]:
                getattr(network, f"delete_{kind}")(thing, ignore_missing=True)


def kill(lab: Lab, base: Base, victim: str, chance: random.Random) -> dict[str, Any]:
    """Kill it amid changes, bring back what does not come back by itself, and compare."""
    changes = Changes(lab, base, chance)
    names = names_of_namespaces(lab)
    changes.start()
    moment = chance.uniform(0.2, 6.0)
    outcome: dict[str, Any] = {}
    began = time.monotonic()
    if victim == "netd":
        outcome["silent"] = _silence(lab, base.one, base.two, partial(_kill_daemon, lab, moment), moment + 2)
        changes.stop()
    else:
        time.sleep(moment)  # a moment drawn by chance
        if victim == "cloud":
            _kill_cloud(lab)
            began = time.monotonic()
            lab.start_site(SITE)
        else:
            crash(lab, chance)
            began = time.monotonic()
            lab.up()
        changes.stop()
    outcome["back"] = round(time.monotonic() - began, 1)
    tenants = [Tenant.of(lab, SITE, 1), Tenant.of(lab, "site-b", 2)]
    before = compared(lab, tenants)
    outcome["at once"] = len(before)
    found = settled(lab, tenants) if before else []
    try:
        wait_until(base.answers, timeout=60, what="the guests to answer")
    except HarnessError as error:
        found.append(str(error))
    if victim == "lab":
        found += holders(lab, names)
    changes.clean()
    found += [f"after cleaning: {line}" for line in settled(lab, tenants)]
    return {**outcome, "changes": changes.made, "differences": found[:5]}


def _kill_daemon(lab: Lab, moment: float) -> None:
    time.sleep(moment)  # a moment drawn by chance
    daemon(lab).send_signal(signal.SIGKILL)


def _kill_cloud(lab: Lab) -> None:
    site = next(site for site in lab._sites(lab._existing()) if site.name == SITE)
    first = processes.init(site)
    assert first is not None
    processes.kill_by_init(first)


def _silence(lab: Lab, one: Guest, two: Guest, act: Any, seconds: float) -> float:
    """The longest run of packets between two guests that were lost meanwhile, in milliseconds."""
    acting = threading.Thread(target=act)
    acting.start()
    flow = Flow(Place("one", one.place, one.ip), Place("two", two.place, two.ip))
    count = int(seconds / INTERVAL)
    (burst,) = send_bursts(partial(open_socket, lab.directory), [flow], count=count, interval=INTERVAL)
    acting.join()
    longest = run = 0
    last = None
    for number in burst.missing:
        run = run + 1 if last == number - 1 else 1
        last, longest = number, max(longest, run)
    return round(longest * INTERVAL * 1e3, 1)


def table(outcomes: list[dict[str, Any]]) -> None:
    """One row per victim."""
    print("| SIGKILL of | times | differences in the end | equal at the first look | back within | longest silence |")
    print("|---|---|---|---|---|---|")
    for victim in KINDS:
        rows = [outcome for outcome in outcomes if outcome["victim"] == victim]
        if not rows:
            continue
        silence = max((row["silent"] for row in rows if "silent" in row), default=None)
        print(
            f"| {victim} | {len(rows)} | {sum(len(row['differences']) for row in rows)} | "
            f"{sum(not row['at once'] for row in rows)} | {max(row['back'] for row in rows):.1f} s | "
            f"{'' if silence is None else f'{silence:.0f} ms'} |"
        )


if __name__ == "__main__":
    main()
