"""Finding and killing every process of a site: site loss, and nothing left behind.

Three nets, since guests run programs that go their own ways: the process trees below the site's services (a guest's init keeps
its daemons below itself), the marker in the environment of guests' programs, and a working directory below an instance
directory without a terminal (PostgreSQL overwrites its environment; a person's shell has a terminal and is left alone).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import psutil

from conformance.lab.addressing import PORTS
from conformance.lab.errors import LabError
from conformance.lab.site import LabSite

MARKER = "MULTISITE_HA_GUEST"  # set by labcloud.guest
HYPERVISOR = "hypervisor"
SERVICES = (*PORTS, HYPERVISOR)


def title(site: LabSite, service: str) -> str:
    """Command line of a service's process; the site's directory makes it unique on the machine."""
    return f"multisite-ha lab {site.lab}: {site.name} {service} [{site.directory}]"


def services(site: LabSite) -> dict[str, psutil.Process]:
    """Living service processes of the site by service name."""
    titles = {title(site, service): service for service in SERVICES}
    return {titles[words]: process for process in psutil.process_iter() if (words := _title(process)) in titles}


def of_site(site: LabSite) -> list[psutil.Process]:
    """All living processes of the site: services, guests, everything below them, and strays."""
    everything = list(psutil.process_iter())
    prefix, _, suffix = title(site, "\0").partition("\0")
    found: dict[int, psutil.Process] = {}
    for process in everything:
        words = _title(process)
        if (words.startswith(prefix) and words.endswith(suffix)) or _is_guests(process, site.instances):
            found[process.pid] = process
    children: dict[int, list[psutil.Process]] = {}
    for process in everything:
        try:
            children.setdefault(process.ppid(), []).append(process)
        except psutil.NoSuchProcess:
            continue
    queue = list(found)
    for pid in queue:
        for child in children.get(pid, []):
            if child.pid not in found:
                found[child.pid] = child
                queue.append(child.pid)
    found.pop(os.getpid(), None)
    return [process for process in found.values() if _lives(process)]


def kill(site: LabSite, timeout: float = 10) -> int:
    """SIGKILL all processes of the site at once; returns how many there were.

    They are stopped first, so that none reacts to another's death or forks away meanwhile.
    """
    killed: set[int] = set()
    for _ in range(20):
        members = of_site(site)
        fresh = [process for process in members if process.pid not in killed]
        if not members:
            return len(killed)
        _signal(fresh, signal.SIGSTOP)
        if any(process.pid not in {member.pid for member in members} for process in of_site(site)):
            continue
        _signal(members, signal.SIGKILL)
        killed.update(process.pid for process in members)
        psutil.wait_procs(members, timeout=timeout / 20)
    left = of_site(site)
    if not left:
        return len(killed)
    raise LabError(
        f"{len(left)} processes of site {site.name} survived SIGKILL for {timeout:g} s: "
        f"{', '.join(f'{process.pid} ({_title(process)[:60]})' for process in left[:5])}."
    )


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied as error:
            raise LabError(f"Process {process.pid} belongs to the lab but cannot be signalled: {error}. Try as its owner.") from error


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def _is_guests(process: psutil.Process, instances: Path) -> bool:
    below = f"{instances}/"
    try:
        if process.environ().get(MARKER, "").startswith(below):
            return True
        return process.terminal() is None and f"{process.cwd()}/".startswith(below)
    except (psutil.Error, OSError):
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
