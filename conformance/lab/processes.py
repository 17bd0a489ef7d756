"""Finding and killing every process of a site: site loss, and nothing left behind.

In namespaces mode the kernel kills a site with its init. Everywhere else, and for what is left of a lab, there are
three nets, since guests run programs that go their own ways: the titles of the lab's own processes and the trees below
them (a guest's init keeps its daemons below itself), the marker in the environment of guests' programs, and a working
directory below an instance directory without a terminal (PostgreSQL overwrites its environment; a person's shell has a
terminal and is left alone).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import psutil

from conformance.lab.addressing import PORTS
from conformance.lab.errors import LabError
from conformance.lab.guests import instances_directory
from conformance.lab.procfs import command_line
from conformance.lab.site import LabSite
from conformance.waiting import NotReached, wait_until

MARKER = "MULTISITE_HA_GUEST"  # set by labcloud.guest
HYPERVISOR = "hypervisor"
INIT = "init"  # of a site in namespaces mode
SERVICES = (*PORTS, HYPERVISOR)
SUPERVISOR_MODULE = "labcloud.supervisor"
DATA_PLANE = "netplane."  # and the names of its modules
END_TIMEOUT = 10.0  # seconds for killed processes to be gone


def lab_title(lab: str, directory: Path, what: str) -> str:
    """Command line of a process of a lab; the directory makes it unique on the machine."""
    return f"multisite-ha lab {lab}: {what} [{directory}]"


def title(site: LabSite, what: str) -> str:
    """Command line of a process of a site."""
    return lab_title(site.lab, site.directory, f"{site.name} {what}")


def titled(start: str, end: str) -> list[psutil.Process]:
    """Living processes whose command line begins and ends like this."""
    return [
        process
        for process in psutil.process_iter()
        if (words := command_line(process)).startswith(start) and words.endswith(end) and _lives(process)
    ]


def services(site: LabSite) -> dict[str, psutil.Process]:
    """Living service processes of the site by service name."""
    titles = {title(site, service): service for service in SERVICES}
    return {titles[line]: process for process in psutil.process_iter() if (line := command_line(process)) in titles}


def init(site: LabSite) -> psutil.Process | None:
    """The first process of the site's PID namespace; None in loopback mode, or when it does not run."""
    wanted = title(site, INIT)
    return next(iter(titled(wanted, wanted)), None)


def supervisors(lab: str, directory: Path) -> list[psutil.Process]:
    """The fork server of the lab in ``directory``, its nurseries and their jobs; the fork server first."""
    start, _, end = lab_title(lab, directory, "\0").partition("\0")
    found = [
        process
        for process in psutil.process_iter()
        if ((words := command_line(process)).startswith(start) and words.endswith(end))
        or (_is_supervisor(words, directory) and DATA_PLANE not in words)
    ]
    own = lab_title(lab, directory, "supervisor")
    return sorted((process for process in found if _lives(process)), key=lambda process: command_line(process) != own)


def of_sites(sites: Sequence[LabSite]) -> list[psutil.Process]:
    """All living processes of the sites: services, guests, everything below them, and strays."""
    frames = [title(site, "\0").partition("\0")[::2] for site in sites]
    return _members(
        lambda words: any(words.startswith(start) and words.endswith(end) for start, end in frames),
        tuple(f"{site.instances}/" for site in sites),
    )


def of_lab(lab: str, directory: Path) -> list[psutil.Process]:
    """All living processes of the lab in ``directory``, whatever its sites are called."""
    start = lab_title(lab, directory, "\0").partition("\0")[0]
    inside = (f" [{directory}]", f" [{directory}/")
    sites = (directory / "sites").glob("*")
    return _members(
        lambda words: (
            _is_supervisor(words, directory) or (words.startswith(start) and any(part in words for part in inside))
        ),
        tuple(f"{instances_directory(site)}/" for site in sites),
    )


def kill_sites(sites: Sequence[LabSite]) -> int:
    """SIGKILL all processes of the sites at once; returns how many there were."""
    return _kill_all(lambda: of_sites(sites), f"site {', '.join(site.name for site in sites)}")


def kill_by_init(first: psutil.Process) -> int:
    """SIGKILL a site's init, and with it all of the site in one moment; returns how many processes there were."""
    namespace = _pid_namespace(first.pid)
    members = [pid for pid in psutil.pids() if _pid_namespace(pid) == namespace]
    kill([first])
    return len(members)


def _pid_namespace(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}/ns/pid").stat().st_ino
    except OSError:
        return None  # it is gone, or somebody else's


def kill_lab(lab: str, directory: Path) -> int:
    """SIGKILL all processes of a lab, its supervisor included; returns how many there were."""
    return _kill_all(lambda: of_lab(lab, directory), f"lab {lab}")


def _kill_all(members: Callable[[], list[psutil.Process]], what: str) -> int:
    """Kill until nobody is left. They are stopped first: none reacts to another's death or forks away meanwhile."""
    killed: set[int] = set()
    stopped: set[int] = set()

    def nobody_left() -> bool:
        while fresh := [process for process in members() if process.pid not in stopped]:
            send(fresh, signal.SIGSTOP)
            stopped.update(process.pid for process in fresh)
        left = members()
        send(left, signal.SIGKILL)
        killed.update(process.pid for process in left)
        return not left

    try:
        wait_until(nobody_left, timeout=END_TIMEOUT, what="killed processes to be gone", interval=0.02)
    except NotReached as error:
        left = [f"{process.pid} ({command_line(process)[:60]})" for process in members()]
        raise LabError(
            f"{len(left)} processes of {what} survived SIGKILL for {END_TIMEOUT:g} s: {', '.join(left[:5])}. "
            "Look at what keeps them: ps -o pid,stat,wchan -p PID"
        ) from error
    return len(killed)


def _members(belongs: Callable[[str], bool], below: tuple[str, ...]) -> list[psutil.Process]:
    """Living processes whose command line belongs, or of guests in a directory ``below``; and all their descendants."""
    everything = list(psutil.process_iter())
    found: dict[int, psutil.Process] = {}
    children: dict[int, list[psutil.Process]] = {}
    for process in everything:
        if belongs(command_line(process)) or _is_guests(process, below):
            found[process.pid] = process
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


def kill(processes: Sequence[psutil.Process]) -> None:
    """SIGKILL these processes and wait until they are gone."""
    send(processes, signal.SIGKILL)
    wait_until(
        lambda: not any(_lives(process) for process in processes),
        timeout=END_TIMEOUT,
        interval=0.01,
        what=f"processes {[process.pid for process in processes]} to be gone",
    )


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Signal processes; those that have gone meanwhile are fine."""
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied as error:
            raise LabError(
                f"Process {process.pid} belongs to the lab but may not be signalled ({error}). Try again as its owner."
            ) from error


def _is_supervisor(words: str, directory: Path) -> bool:
    """A fork server that has not set its title yet, or a process of the data plane."""
    known = f" -m {SUPERVISOR_MODULE} " in words or f" -m {DATA_PLANE}" in words
    return known and words.endswith(f" --directory {directory}")


def _is_guests(process: psutil.Process, below: tuple[str, ...]) -> bool:
    try:
        if process.environ().get(MARKER, "").startswith(below):
            return True
        return f"{process.cwd()}/".startswith(below) and process.terminal() is None
    except (psutil.Error, OSError):
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
