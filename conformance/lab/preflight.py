"""What is looked at before anything is started, so that a full disk or a taken port is a sentence and not a wreck."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from conformance.lab.addressing import PORTS
from conformance.lab.errors import LabError
from conformance.lab.site import LabSite
from conformance.paths import make_folder

FULL = 4_000_000  # bytes; with less than this free, services fail in ways of their own
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def check_ports(sites: Sequence[LabSite]) -> None:
    """Raise LabError naming address, port and (if it can be seen) process of the first API port that is taken."""
    for site in sites:
        if site.addresses.packets:
            continue  # nobody else is where its services listen
        for service, port in PORTS.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the API server does
                try:
                    probe.bind((site.addresses.api, port))
                    probe.listen(1)
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise
                    raise LabError(
                        f"{service} of site {site.name} needs {site.addresses.api} port {port}, but "
                        f"{_holder(site.addresses.api, port)}. Stop that program and try again."
                    ) from error


def _holder(address: str, port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or connection.laddr.port != port:
            continue
        if connection.laddr.ip in (address, "0.0.0.0", "::") and connection.pid:
            try:
                name = psutil.Process(connection.pid).name()
            except psutil.Error:
                name = "name not visible"
            return f"process {connection.pid} ({name}) listens on {connection.laddr.ip} port {port}"
    return "a process that this user cannot see listens there"


def check_space(directory: Path, needed: int) -> None:
    """Raise LabError unless ``needed`` bytes are free where ``directory`` is or will be."""
    existing = next(step for step in (directory, *directory.parents) if step.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise LabError(
            f"The lab needs {needed / 1e6:.0f} MB in {directory}, but only {free / 1e6:.0f} MB are free there. "
            "Free some space, or set XDG_CACHE_HOME and XDG_STATE_HOME to a place that has it."
        )


@contextmanager
def full_disk_explained(directory: Path) -> Iterator[None]:
    """Turn "no space left" into a LabError, and say so when something else failed on a full disk."""
    try:
        yield
    except LabError as error:
        if shutil.disk_usage(directory).free > FULL:
            raise
        raise LabError(f"{error} The disk that holds {directory} is full.") from error
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        where = error.filename2 or error.filename or directory  # of a copy, the second is the target
        raise LabError(f"No space left while writing {where}. Free some space and try again.") from error


@contextmanager
def lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; it ends with this process, however that ends.

    ``waiting`` is called once if somebody else holds it.
    """
    make_folder(path.parent)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
