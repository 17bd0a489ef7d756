"""The namespaces of a lab in namespaces mode: whether this machine has them, making them, finding and entering them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from conformance.lab.addressing import NamespaceAddresses
from conformance.lab.errors import LabError, LabUsageError
from conformance.lab.files import write_private
from conformance.lab.inside.netplane import kernel
from conformance.lab.procfs import is_exiting

if TYPE_CHECKING:
    from conformance.lab.site import LabSite

INSIDE = Path(__file__).with_name("inside")
RECORD = "netplane.json"
KEEPER = "netplane.keeper"
LEFTOVERS = ("netd.sock", "wan.sock", "wan-state.json")
MODES = ("auto", "namespaces", "loopback")
PREFERRED = "namespaces"
"""What ``auto`` is where namespaces are possible."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@cache
def missing() -> str | None:
    """None if this machine can have a data plane, else a sentence: what is missing and how to get it. 0.1 s, once."""
    done = subprocess.run(
        [sys.executable, "-S", str(INSIDE / "netplane" / "check.py")], capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return f"Trying out namespaces failed: {done.stderr.strip()[-300:] or f'exit status {done.returncode}'}."
    if found["missing"] is None:
        return None
    return f"This machine does not give us {found['missing']}. {found['how']}."


def choose(wanted: str) -> str:
    """The mode of a new lab. LabUsageError if it was asked for and cannot be had."""
    if wanted not in MODES:
        raise LabUsageError(f"A lab has one of the modes {', '.join(MODES)}; given was {wanted!r}.")
    if wanted == "auto":
        return "namespaces" if PREFERRED == "namespaces" and missing() is None else "loopback"
    reason = missing() if wanted == "namespaces" else None
    if reason:
        raise LabUsageError(f"A lab in namespaces mode was asked for. {reason} Or use --mode loopback.")
    return wanted


def keeper(directory: Path) -> psutil.Process | None:
    """The process that holds the namespaces of the lab in ``directory``, or None."""
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if KEEPER in words and words[-1:] == [str(directory)] and not _ends(process):
                return process
        except psutil.Error:
            continue
    return None


def _ends(process: psutil.Process) -> bool:
    """Whether it is dead, or was killed and is on its way out: what it holds goes with it in a moment."""
    try:
        exiting = is_exiting(process.pid)
        pending = [
            int(line.split()[1], 16)
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if line.startswith(("SigPnd", "ShdPnd"))
        ]
    except OSError:
        return True
    return exiting or any(signals >> (signal.SIGKILL - 1) & 1 for signals in pending)


def make(lab: str, directory: Path, sites: Sequence[LabSite]) -> None:
    """Make the lab's namespaces and start its daemons, unless they are there. LabError says why it cannot be done."""
    if keeper(directory):
        return
    described = {"lab": lab, "directory": str(directory), "sites": [_describe(site) for site in sites]}
    write_private(directory / RECORD, json.dumps(described, indent=1))
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", KEEPER, "--lab", lab, "--directory", str(directory)],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(INSIDE)},
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip() or f"The lab's keeper ended with exit status {done.returncode}."
        raise LabError(f"{said} {missing() or ''}".strip())


def command(directory: Path, words: Sequence[str]) -> list[str]:
    """The command line that runs ``words`` inside, as the operator."""
    pid = living_keeper(directory).pid
    return [sys.executable, "-S", str(INSIDE / "netplane" / "enter.py"), str(pid), "--", *words]


def inside(directory: Path) -> bool:
    """Whether this process is in the lab's operator namespace."""
    holder = keeper(directory)
    return holder is not None and kernel.same_namespace(holder.pid, "net")


def enter(directory: Path) -> None:
    """Move this process into the operator's namespace, for good. It must not have started any threads.

    Names of hosts are not looked up in there, and proxies of the environment cannot be reached: they are forgotten.
    """
    pid = living_keeper(directory).pid
    if kernel.same_namespace(pid, "net"):
        return
    # The kernel's count: libraries start threads that Python knows nothing of.
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise LabError(
            f"This process has {threads} threads, and only one with a single thread can move into the lab: enter it "
            "first, then start threads. Some libraries, such as numpy, start theirs as they are loaded."
        )
    try:
        kernel.enter(pid, ("user", "mnt", "net"))
        kernel.keep_capabilities()  # what is started from here may belong to the lab
    except OSError as error:
        raise LabError(f"This process cannot move into the lab: {error.strerror}.") from error
    for name in PROXIES:
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)


def living_keeper(directory: Path) -> psutil.Process:
    """The process that holds the namespaces; LabError when they are gone."""
    holder = keeper(directory)
    if holder is None:
        raise LabError(f"The namespaces of the lab in {directory} are gone. Make it anew: multisite-ha lab up.")
    return holder


def _describe(site: LabSite) -> dict[str, object]:
    addresses = site.addresses
    assert isinstance(addresses, NamespaceAddresses)
    return {
        "name": site.name,
        "number": addresses.number,
        "database": str(site.directory / "db" / "neutron.sqlite"),
        "instances": str(site.instances),
        "pools": [addresses.tenant_pool, addresses.tenant_pool6],
        "routed": [
            addresses.tenant_pool,
            addresses.tenant_pool6,
            addresses.external,
            addresses.external6,
            addresses.services,
        ],
        "services": addresses.services,
        "api": addresses.api,
        "operator": addresses.operator,
        "edge": addresses.edge,
    }
