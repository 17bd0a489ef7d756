"""What the lab's data plane costs: start, wiring per guest, rules, idle CPU, memory, and a restart with all guests.

    python benchmarks/dataplane.py [--guests 100]

Starts a lab named ``bench-plane`` in namespaces mode, prints a table, takes the lab down. The guests are spread over
its two sites and do nothing but sleep. Figures are of this machine as busy as it is: the load is printed with them.
What the data plane holds against SIGKILL is measured by dataplane_kills.py.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import statistics
import sys
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "lab"))

from plane import Tenant
from plane_state import crash, daemon, names_of_namespaces, remains, settled

from conformance.lab import Lab, dataplane, namespaces, processes
from conformance.lab.status import memory
from conformance.waiting import wait_until

LAB = "bench-plane"
SITES = ("site-a", "site-b")
IDLE_S = 60.0  # as long as the periods of Nova's own tasks
SLEEPER = base64.b64encode(b"#!/bin/sh\nexec sleep infinity\n").decode()
PATIENCE = 600.0  # seconds for all guests to be there, on a busy machine


def main() -> None:
    """Measure everything and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guests", type=int, default=100, help="servers, half of them at each site")
    options = parser.parse_args()
    each = options.guests // len(SITES)
    lab = Lab(LAB, mode="namespaces")
    lab.down()
    names: set[str] = set()
    try:
        lab.up()  # builds what is missing, once
        lab.down()
        say("both clouds up, warm", f"{timed(lab.up):.1f} s")
        tenants = [Tenant.of(lab, site, number) for number, site in enumerate(SITES, start=1)]
        wiring(tenants[0], each)
        tenants[0].clean()
        idle(lab, "without a guest")
        servers = start(lab, tenants, each)
        idle(lab, f"with {options.guests} guests")
        again(lab, servers)
        names = names_of_namespaces(lab)
    finally:
        lab.down()
    say("left after lab down", str(remains(lab, names) or "nothing"))


def say(what: str, figure: str) -> None:
    """A line of the table."""
    print(f"| {what} | {figure} | load {os.getloadavg()[0]:.1f} |", flush=True)


def timed(action: Any) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def spent(running: Iterable[psutil.Process]) -> dict[int, float]:
    """CPU seconds by process, of their children that have ended too."""
    found = {}
    for process in running:
        try:
            found[process.pid] = sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return found


def switch_on(lab: Lab, site: str, server: str) -> None:
    """Have a guest's namespace made without a guest: what wiring alone costs."""
    directory = next(s for s in lab._sites(lab._existing()) if s.name == site).instances / server
    directory.mkdir()
    (directory / "on").touch()


def wiring(tenant: Tenant, count: int) -> None:
    """Namespaces, links, addresses and rules without any guest in them."""
    subnet, group = tenant.network("10.1.60.0/22"), tenant.group()
    tenant.allow(group, remote_group_id=group.id)
    netd = daemon(tenant.lab)

    def prepare() -> None:
        server = str(uuid.uuid4())
        tenant.note(
            "port",
            tenant.cloud.network.create_port(
                network_id=subnet.network_id, security_groups=[group.id], device_id=server, device_owner="compute:x"
            ),
        )
        switch_on(tenant.lab, "site-a", server)

    single = []
    for _ in range(10):
        netd.suspend()
        prepare()
        netd.resume()
        single.append(timed(lambda: dataplane.sync(tenant.lab.directory, "site-a")))
    say("wiring one guest", f"{statistics.median(single) * 1e3:.0f} ms")
    netd.suspend()
    for _ in range(count):
        prepare()
    before = spent([netd])
    netd.resume()
    took = timed(lambda: dataplane.sync(tenant.lab.directory, "site-a"))
    cpu = spent([netd])[netd.pid] - before[netd.pid]
    per_guest = f"{took / count * 1e3:.1f} ms and {cpu / count * 1e3:.1f} ms CPU each"
    say(f"wiring {count} guests of a site at once", f"{took:.2f} s, {per_guest}")
    acting = []
    for port in range(5):
        tenant.allow(group, port_range_min=port + 1, port_range_max=port + 1, remote_ip_prefix="192.0.2.0/24")
        acting.append(timed(lambda: dataplane.sync(tenant.lab.directory, "site-a")))
    say(f"a rule for {count + 10} guests, from the API's answer to in force", f"{max(acting) * 1e3:.0f} ms at most")


def start(lab: Lab, tenants: Sequence[Tenant], each: int) -> int:
    """Real servers at all sites; returns how many."""
    before = lab.status().memory
    netd = daemon(lab)
    cpu = spent([netd])
    began = time.perf_counter()
    servers = []
    for tenant in tenants:
        subnet, group = tenant.network(f"10.{tenant.number}.70.0/24"), tenant.group()
        tenant.allow(group, None)
        tenant.router(subnet, external=True)
        for number in range(each):
            port = tenant.cloud.network.create_port(network_id=subnet.network_id, security_groups=[group.id])
            body = {"image_id": tenant.image, "flavor_id": tenant.flavor, "networks": [{"port": port.id}]}
            server = tenant.cloud.compute.create_server(name=f"guest-{number}", user_data=SLEEPER, **body)
            servers.append((tenant, server))
    for tenant, server in servers:
        tenant.cloud.compute.wait_for_server(server, interval=0.5, wait=PATIENCE)
    count = len(servers)
    say(f"{count} servers ACTIVE, asked for one by one", f"{time.perf_counter() - began:.1f} s")
    say(
        "of which CPU of the network daemon, per guest",
        f"{(spent([netd])[netd.pid] - cpu[netd.pid]) / count * 1e3:.0f} ms",
    )
    own = sum(memory(process) for init in inits(lab) for process in (init, *init.children(recursive=True)))
    say("memory per guest, its own processes", f"{own / count / (1 << 20):.1f} MiB")
    more = (lab.status().memory - before) / count / (1 << 20)
    say("memory per guest, with what the services grew by", f"{more:.1f} MiB")
    return count


def inits(lab: Lab) -> list[psutil.Process]:
    """The first process of each guest that runs."""
    return [psutil.Process(guest.pid) for site in lab.status().sites for guest in site.guests if guest.pid]


def idle(lab: Lab, words: str) -> None:
    """What there is to do while nothing happens."""
    holder = namespaces.keeper(lab.directory)
    assert holder is not None
    groups = {
        "the data plane": [holder, *holder.children()],
        "the whole lab": processes.of_lab(lab.name, lab.directory),
    }
    before = {name: spent(members) for name, members in groups.items()}
    time.sleep(IDLE_S)  # nothing happens: that is what is measured
    for name, members in groups.items():
        after = spent(members)
        used = {
            process.pid: after[process.pid] - before[name][process.pid] for process in members if process.pid in after
        }
        most = sorted(members, key=lambda process, used=used: -used.get(process.pid, 0.0))[:4]
        shares = ", ".join(f"{role(process)} {used.get(process.pid, 0.0) / IDLE_S * 100:.1f}" for process in most)
        say(f"idle CPU {words}, {name}", f"{sum(used.values()) / IDLE_S * 100:.1f} % of a core ({shares})")


def role(process: psutil.Process) -> str:
    """What a process of a lab is, by its title."""
    try:
        words = " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return "ended"
    return words.partition(": ")[2].partition(" [")[0] or words.partition(" -m ")[2].partition(" ")[0]


def again(lab: Lab, count: int) -> None:
    """Everything is killed and comes back, with its guests."""
    crash(lab, random.Random(1))
    began = time.perf_counter()
    lab.up()
    say(
        f"both clouds up again after SIGKILL of everything, with {count} guests", f"{time.perf_counter() - began:.1f} s"
    )
    wait_until(lambda: len(inits(lab)) == count, timeout=PATIENCE, interval=1.0, what=f"{count} guests to run")
    say("until all of them run", f"{time.perf_counter() - began:.1f} s")
    fresh = [Tenant.of(lab, site, number) for number, site in enumerate(SITES, start=1)]
    say("differences from what Neutron says then", str(len(settled(lab, fresh))))


if __name__ == "__main__":
    main()
