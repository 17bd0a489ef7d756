"""What the lab's data plane costs: start, wiring per guest, rules, idle CPU, memory; and what it holds against SIGKILL.

    python benchmarks/dataplane.py [--guests 50] [--kills 10]

Starts a lab named ``bench-plane`` in namespaces mode, prints a table, takes the lab down. Figures are of this machine
as busy as it is: the load is printed with them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "lab"))

from plane import Tenant  # noqa: E402

from conformance.errors import HarnessError
from conformance.lab import Lab, dataplane, namespaces, processes  # noqa: E402
from conformance.waiting import wait_until  # noqa: E402

LAB = "bench-plane"
IDLE_S = 10.0


def main() -> None:
    """Measure everything and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guests", type=int, default=50, help="servers for the figures per guest")
    parser.add_argument("--kills", type=int, default=10, help="how often something is killed at random")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lab = Lab(LAB, mode="namespaces")
    lab.down()
    try:
        lab.up()  # builds what is missing, once
        lab.down()
        say("both clouds up, warm", f"{timed(lab.up):.1f} s")
        tenant = Tenant.of(lab, "site-a", 1)
        wiring(tenant, options.guests)
        guests(tenant, options.guests)
        idle(lab)
        tenant.clean()
        robustness(lab, tenant, options.kills, random.Random(options.seed))
    finally:
        lab.down()
    say("processes left after lab down", str(len(processes.of_lab(lab.name, lab.directory))))
    say("network namespaces left that hold no process of ours", str(strays(lab)))


def say(what: str, figure: str) -> None:
    """A line of the table."""
    print(f"| {what} | {figure} | load {os.getloadavg()[0]:.1f} |", flush=True)


def timed(action: Any) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def daemon(lab: Lab) -> psutil.Process:
    """The network daemon."""
    holder = namespaces.keeper(lab.directory)
    assert holder is not None
    return next(child for child in holder.children() if "netplane.netd" in child.cmdline())


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
    before = netd.cpu_times()
    netd.resume()
    took = timed(lambda: dataplane.sync(tenant.lab.directory, "site-a"))
    after = netd.cpu_times()
    spent = sum(after[:4]) - sum(before[:4])
    each = f"{took / count * 1e3:.1f} ms and {spent / count * 1e3:.1f} ms CPU each"
    say(f"wiring {count} guests at once", f"{took:.2f} s, {each}")
    acting = []
    for port in range(5):
        tenant.allow(group, port_range_min=port + 1, port_range_max=port + 1, remote_ip_prefix="192.0.2.0/24")
        acting.append(timed(lambda: dataplane.sync(tenant.lab.directory, "site-a")))
    say(f"a rule for {count + 10} guests, from the API's answer to in force", f"{max(acting) * 1e3:.0f} ms at most")


def guests(tenant: Tenant, count: int) -> None:
    """Real servers, all at once."""
    subnet, group = tenant.network("10.1.70.0/24"), tenant.group()
    before = memory(tenant.lab)
    began = time.perf_counter()
    tenant.guests(*((f"guest-{number}", subnet, group) for number in range(count)))
    say(f"{count} servers ACTIVE", f"{time.perf_counter() - began:.1f} s")
    say("memory per guest", f"{(memory(tenant.lab) - before) / count / (1 << 20):.1f} MiB")


def memory(lab: Lab) -> int:
    """Of all processes of the lab, bytes."""
    return lab.status().memory


def idle(lab: Lab) -> None:
    """What watching costs while nothing happens."""
    def spent() -> float:
        holder = namespaces.keeper(lab.directory)
        assert holder is not None
        return sum(sum(child.cpu_times()[:2]) for child in (holder, *holder.children()))

    before = spent()
    time.sleep(IDLE_S)  # nothing happens: that is what is measured
    say("idle CPU of the data plane", f"{(spent() - before) / IDLE_S * 100:.1f} % of a core")


def robustness(lab: Lab, tenant: Tenant, kills: int, chance: random.Random) -> None:
    """Kill the daemon, a site or everything at random moments of change; then compare with what Neutron says."""
    for number in range(kills):
        victim = chance.choice(["netd", "netd", "site", "lab"])
        subnet, group = tenant.network("10.1.80.0/24"), tenant.group()
        tenant.allow(group, None)
        ours = tenant.guests(("one", subnet, group), ("two", subnet, group))
        netd = daemon(lab)
        tenant.allow(group, "udp", port_range_min=1, port_range_max=chance.randint(2, 60000))
        time.sleep(chance.random() * 0.3)  # a random moment in the pass that follows
        if victim == "netd":
            netd.send_signal(signal.SIGKILL)
        elif victim == "site":
            lab.kill_site("site-a")
            lab.start_site("site-a")
        else:
            processes.kill_lab(lab.name, lab.directory)
            lab.up()
        tenant = reconnected(tenant)
        dataplane.sync(lab.directory, "site-a")
        try:
            wait_until(
                lambda o=ours, t=tenant: t.says(o[0].place, o[1].ip) == "two", timeout=30, what="a guest to answer"
            )
            found = compared(lab, tenant)
        except HarnessError as error:
            found = [str(error)]
        say(f"SIGKILL {number + 1}: {victim}", f"{len(found)} differences {found[:3] or ''}")
        tenant.clean()


def reconnected(tenant: Tenant) -> Tenant:
    """The tenant with connections of now."""
    fresh = Tenant.of(tenant.lab, "site-a", 1)
    fresh.made = tenant.made
    return fresh


def compared(lab: Lab, tenant: Tenant) -> list[str]:
    """What differs between Neutron's ports of running servers and the interfaces that are there."""
    found = []
    running = {server.id for server in tenant.cloud.compute.servers() if server.status == "ACTIVE"}
    for port in tenant.cloud.network.ports(device_owner="compute:nova"):
        if port.device_id not in running:
            continue
        place = lab.directory / "netns" / f"guest-{port.device_id}"
        command = namespaces.command(lab.directory, ["nsenter", f"--net={place}", "ip", "-j", "address"])
        there = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        known = {(link["address"], entry["local"]) for link in there for entry in link["addr_info"]}
        found += [
            f"{fixed['ip_address']} of {port.id} is not there"
            for fixed in port.fixed_ips
            if (port.mac_address, fixed["ip_address"]) not in known
        ]
    places = {name for name in dataplane.status(lab.directory)["netns"] if name.startswith("guest-")}
    found += [f"{name} is a stray" for name in places - {f"guest-{server}" for server in running}]
    return found


def strays(lab: Lab) -> int:
    """Mounts of the lab's namespaces that are left on the machine."""
    return sum(str(lab.directory / "netns") in line for line in Path("/proc/mounts").read_text().splitlines())


if __name__ == "__main__":
    main()
