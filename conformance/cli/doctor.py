"""`multisite-ha doctor`: is this machine ready, and if not, what to do."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import psutil

from conformance.faults.journal import leftovers
from conformance.lab import namespaces
from conformance.paths import cache_dir, state_dir

_NEEDED_DISK_GIB = 3
_NEEDED_MEMORY_GIB = 3


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``advice`` is what to do when it is not ``ok``."""

    what: str
    ok: bool
    seen: str
    advice: str = ""


@click.command()
def doctor() -> int:
    """Check what `run` needs on this machine: Python, disk, memory, loopback addresses, what earlier runs left."""
    findings = [check() for check in _CHECKS]
    for finding in findings:
        word = click.style("ok     ", fg="green") if finding.ok else click.style("problem", fg="red", bold=True)
        click.echo(f"{word}  {finding.what}: {finding.seen}")
        if not finding.ok:
            click.echo(f"         {finding.advice}")
    if all(f.ok for f in findings):
        click.echo("This machine is ready: type `multisite-ha run`.")
        return 0
    return 3


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "Use Python 3.11 or newer.")


def _folder(what: str, path: Path) -> Finding:
    place = next(p for p in (path, *path.parents) if p.exists())
    free = shutil.disk_usage(place).free / 2**30
    writable = os.access(place, os.W_OK)
    seen = f"{path}, {free:.1f} GiB free" + ("" if writable else ", not writable")
    advice = (
        f"Make {place} writable with {_NEEDED_DISK_GIB} GiB free, or point XDG_CACHE_HOME and XDG_STATE_HOME elsewhere."
    )
    return Finding(what, writable and free >= _NEEDED_DISK_GIB, seen, advice)


def _cache() -> Finding:
    return _folder("cache folder", cache_dir())


def _state() -> Finding:
    return _folder("state folder", state_dir())


def _memory() -> Finding:
    free = psutil.virtual_memory().available / 2**30
    return Finding(
        "free memory", free >= _NEEDED_MEMORY_GIB, f"{free:.1f} GiB", "Two clouds and a VNF need about 3 GiB."
    )


def _loopback() -> Finding:
    try:
        with socket.socket() as probe:
            probe.bind(("127.11.255.1", 0))
    except OSError as error:
        return Finding(
            "loopback addresses",
            False,
            f"127.11.255.1 cannot be bound: {error.strerror}",
            "The lab needs Linux with 127.0.0.0/8 on lo.",
        )
    return Finding("loopback addresses", True, "127.0.0.0/8 can be bound")


def _namespaces() -> Finding:
    reason = namespaces.missing()
    possible = "possible: the lab runs in namespaces mode, in which packets pass as Neutron says"
    seen = possible if reason is None else f"not possible, so the lab runs in loopback mode. {reason}"
    return Finding("namespaces for the lab's data plane", True, seen)  # the lab has another mode without them


def _journal() -> Finding:
    left = leftovers()
    seen = f"{len(left)} undone" if left else "nothing left by earlier runs"
    return Finding("journal of faults", not left, seen, "The next `multisite-ha run` heals this before it starts.")


_CHECKS: tuple[Callable[[], Finding], ...] = (_python, _cache, _state, _memory, _loopback, _namespaces, _journal)
