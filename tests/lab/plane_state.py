"""Whether a lab's data plane is what Neutron says, and whether anything of a lab is left; looked at from outside."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil
from plane import Tenant

from conformance.lab import Lab, namespaces, processes
from conformance.waiting import NotReached, wait_until

LOOK = Path(__file__).parents[1] / "plane_look.py"
KINDS = ("user", "mnt", "net", "pid")


def compared(lab: Lab, tenants: Sequence[Tenant]) -> list[str]:
    """What differs between the lab's namespaces and what Neutron says; empty when nothing does.

    Twice: everything against a data plane that is built anew from Neutron's databases, and the addresses of the servers
    that are ACTIVE against what the API says of their ports."""
    with tempfile.TemporaryDirectory() as scratch:
        command = lab.command([sys.executable, "-S", "-P", str(LOOK), str(lab.directory), scratch])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return [done.stderr.strip()[-600:]]
    seen = json.loads(done.stdout)
    found = [f"{place}: {line}" for place, lines in seen["differences"].items() for line in lines]
    for tenant in tenants:
        found += _missing_addresses(tenant, seen["there"])
    return found


def _missing_addresses(tenant: Tenant, there: dict[str, list[str]]) -> list[str]:
    found = []
    running = {server.id for server in tenant.cloud.compute.servers() if server.status == "ACTIVE"}
    for port in tenant.cloud.network.ports(device_owner="compute:nova"):
        lines = there.get(f"guest-{port.device_id}", [])
        if port.device_id not in running:
            continue
        if not any(port.mac_address in line for line in lines):
            found.append(f"{port.mac_address} of {port.id} is not there")
        for fixed in port.fixed_ips:
            if not any(line.startswith("address ") and f" {fixed['ip_address']}/" in line for line in lines):
                found.append(f"{fixed['ip_address']} of {port.id} is not there")
    return found


def settled(lab: Lab, tenants: Sequence[Tenant], timeout: float = 60.0) -> list[str]:
    """What still differs when nothing does any more, or after that time."""
    last: list[str] = []

    def equal() -> bool:
        last[:] = compared(lab, tenants)
        return not last

    try:
        wait_until(equal, timeout=timeout, what="the data plane to be what Neutron says", interval=0.2)
    except NotReached:
        pass
    return last


def daemon(lab: Lab, module: str = "netplane.netd") -> psutil.Process:
    """The network daemon of the lab, or another child of its keeper."""
    holder = namespaces.keeper(lab.directory)
    assert holder is not None
    return next(child for child in holder.children() if module in child.cmdline())


def crash(lab: Lab, chance: random.Random) -> None:
    """SIGKILL to every process of the lab, its keeper included, in any order."""
    members = processes.of_lab(lab.name, lab.directory)
    chance.shuffle(members)
    processes.kill(members)


def names_of_namespaces(lab: Lab) -> set[str]:
    """Every namespace of the lab, as /proc calls it: ``net:[4026532001]``."""
    holder = namespaces.keeper(lab.directory)
    assert holder is not None
    pins = Path(f"/proc/{holder.pid}/root{lab.directory}/netns")
    found = {f"net:[{path.stat().st_ino}]" for path in pins.iterdir() if path.stat().st_dev != pins.stat().st_dev}
    mine = {_link(f"/proc/self/ns/{kind}") for kind in KINDS}
    for process in processes.of_lab(lab.name, lab.directory):
        found |= {_link(f"/proc/{process.pid}/ns/{kind}") for kind in KINDS}
    return {name for name in found - mine if name}


def holders(lab: Lab, names: set[str]) -> list[str]:
    """What keeps any of these namespaces, which this lab had: a process in it, an open file, a mount.

    The kernel gives their numbers to new ones: what the lab has now, or is in another lab, is none of them."""
    if namespaces.keeper(lab.directory):
        names = names - names_of_namespaces(lab)
    words_of = {pid: " ".join(_words(pid)) for pid in psutil.pids()}
    keepers = [pid for pid, words in words_of.items() if namespaces.KEEPER in words and str(lab.directory) not in words]
    others = {_link(f"/proc/{pid}/ns/user") for pid in keepers}
    found = []
    for pid, words in words_of.items():
        if _link(f"/proc/{pid}/ns/user") in others:
            continue
        held = {_link(f"/proc/{pid}/ns/{kind}") for kind in KINDS}
        try:
            held |= {_link(descriptor) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
            mounted = Path(f"/proc/{pid}/mountinfo").read_text()
        except OSError:
            continue  # it has ended
        held |= {line.split()[3] for line in mounted.splitlines() if " - nsfs " in line}
        if kept := sorted(held & names):
            found.append(f"process {pid} ({words[:80]}) holds {', '.join(kept[:3])}")
    return found


def remains(lab: Lab, names: set[str]) -> list[str]:
    """Whatever there still is of a lab that was taken down: processes, holders of namespaces, mounts, sockets."""
    found = [f"process {process.pid}" for process in processes.of_lab(lab.name, lab.directory)]
    found += holders(lab, names)
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(lab.directory) in line]
    found += [f"socket {path}" for path in lab.directory.rglob("*") if path.is_socket()]
    return found


def _link(path: str | Path) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _words(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []
