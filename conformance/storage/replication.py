"""A volume replicated to another site by the storage: qemu-storage-daemon's block mirror, over NBD, through a link.

    site A: guest ── export ── mirror ── volume's file        site B: replica's file
                                 └── NBD ── link ── (faults) ── NBD export ──┘

A replica is opened at B first; the link is laid to it; then the replication starts at A.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

from conformance.links import Link
from conformance.storage.daemon import StorageDaemon
from conformance.storage.errors import StorageError
from conformance.storage.fuse import FuseMount
from conformance.storage.qmp import CommandFailed
from conformance.waiting import NotReached, wait_until

EXPORT = "volume"
_JOB = "mirror"
_PACE = "pace"
_FINISHES_WITHIN_S = 10.0
# What the mirror sends waits for a broken link instead of failing: a failed mirror would let guests go on without.
_RECONNECT_S = 365 * 24 * 3600


class Mode(StrEnum):
    """How the mirror copies what a guest writes."""

    SYNCHRONOUS = "write-blocking"
    """A write is acknowledged when it is at both sites."""
    ASYNCHRONOUS = "background"
    """A write is acknowledged at once and copied later, in whatever order the mirror comes across it."""


@dataclass(frozen=True)
class StorageVolume:
    """A volume's file at a site, in raw format. ``name`` means the same volume at every site."""

    site: str
    name: str
    path: Path


@dataclass(frozen=True)
class ReplicationStatus:
    """How far the replica is. ``state`` is QEMU's word for the job (running, ready, paused, concluded …), or ``gone``
    when the daemon at the first site has.

    ``in_sync``: all of the volume was copied once, and ``remaining_bytes`` is what was written since and is not there
    yet. ``error`` is what made it end, else empty.
    """

    state: str
    in_sync: bool
    copied_bytes: int = 0
    remaining_bytes: int = 0
    error: str = ""


class Replica:
    """The volume at the receiving site, open to the other site's storage; ``address`` is its ``host:port``.

    The file is made, as big as ``size`` and empty, if it is not there. StorageError when it has another size.
    ``listening`` is handed to the daemon, wherever it listens, and closed here; ``home`` is the directory of the
    daemon's own. Use it as a context manager, or stop() it.
    """

    def __init__(self, volume: StorageVolume, *, size: int, listening: socket.socket, home: Path) -> None:
        self.volume = volume
        with listening:
            _prepare(volume.path, size)
            self.address = "{}:{}".format(*listening.getsockname())
            self.daemon = StorageDaemon(
                home,
                [
                    *("--blockdev", f"driver=file,node-name={EXPORT},filename={_quoted(volume.path)},discard=unmap"),
                    *("--nbd-server", f"addr.type=fd,addr.str={listening.fileno()}"),
                    *("--export", f"type=nbd,id={EXPORT},node-name={EXPORT},name={EXPORT},writable=on"),
                ],
                descriptors=(listening.fileno(),),
            )

    def stop(self) -> None:
        """Close the file, everything that arrived written out. May be called twice."""
        self.daemon.stop()

    def __enter__(self) -> Replica:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class StorageReplication:
    """The volume at the first site and its mirror to a replica. Use ``start``; a context manager, or stop() it."""

    def __init__(self, volume: StorageVolume, daemon: StorageDaemon, mount: FuseMount | None) -> None:
        self.volume = volume
        self.daemon = daemon
        self._mount = mount

    @classmethod
    def start(
        cls, volume: StorageVolume, link: Link, mode: Mode, *, home: Path, over_file: bool = False
    ) -> StorageReplication:
        """Open the volume and begin to mirror it through ``link``, which leads to a Replica of the same size.

        Guests write to the export at ``socket``; with ``over_file`` the volume's own path leads there too (FUSE), so
        that a guest to which the volume is attached already goes through the mirror without knowing. StorageError when
        the volume cannot be opened or the replica not reached.
        """
        if not volume.path.exists():
            raise StorageError(
                f"The volume {volume.name} of {volume.site} should be at {volume.path}; it is not there."
            )
        (home / "nbd").unlink(missing_ok=True)
        daemon = StorageDaemon(
            home,
            [
                *("--object", f"throttle-group,id={_PACE}"),
                *("--blockdev", f"driver=file,node-name=medium,filename={_quoted(volume.path)},discard=unmap"),
                *("--blockdev", f"driver=throttle,node-name={EXPORT},throttle-group={_PACE},file=medium"),
                *("--nbd-server", "addr.type=unix,addr.path=nbd"),
                *("--export", f"type=nbd,id={EXPORT},node-name={EXPORT},name={EXPORT},writable=on"),
            ],
        )
        try:
            server = {"type": "inet", "host": link.listen_host, "port": str(link.listen_port)}
            replica = {"driver": "nbd", "node-name": "replica", "export": EXPORT, "server": server}
            daemon.qmp.execute("blockdev-add", **replica, **{"reconnect-delay": _RECONNECT_S})
            daemon.qmp.execute(
                "blockdev-mirror",
                **{"job-id": _JOB, "device": EXPORT, "target": "replica", "sync": "full", "copy-mode": mode.value},
                **{"on-source-error": "report", "on-target-error": "stop", "auto-dismiss": False},
            )
            mount = FuseMount(volume.path, home / "nbd", EXPORT, home / "file") if over_file else None
        except CommandFailed as error:
            daemon.kill()
            where = f"{link.listen_host}:{link.listen_port}"
            raise StorageError(f"{volume.name} of {volume.site} cannot be replicated to {where}: {error}") from error
        except BaseException:
            daemon.kill()
            raise
        return cls(volume, daemon, mount)

    @property
    def socket(self) -> Path:
        """The Unix socket at which guests of the first site write, as NBD clients of the export ``volume``."""
        return self.daemon.home / "nbd"

    def pace(self, requests_per_s: int | None) -> None:
        """Have the first site's storage carry out so many requests a second at the most, or as many as it can."""
        limits = {"iops-total": requests_per_s or 0}
        self.daemon.qmp.execute("qom-set", path=f"/objects/{_PACE}", property="limits", value=limits)

    def status(self) -> ReplicationStatus:
        """How far the replica is; answers also while the link is stalled or cut."""
        if not self.daemon.alive():
            return ReplicationStatus("gone", False, error=f"the storage daemon of {self.volume.site} is gone")
        job = self._job()
        if job is None:
            return ReplicationStatus("null", False, error="there is no mirror any more")
        copied, total = int(job["current-progress"]), int(job["total-progress"])
        error = str(job.get("error", ""))
        return ReplicationStatus(job["status"], job["status"] == "ready" and not error, copied, total - copied, error)

    def await_in_sync(self, timeout: float = 60.0) -> ReplicationStatus:
        """Return when the whole volume has been copied once. StorageError when it fails or takes too long."""

        def seen() -> ReplicationStatus | None:
            now = self.status()
            if now.error:
                raise StorageError(f"{self.volume.name} should have been replicated; {now.error}.")
            return now if now.in_sync else None

        try:
            return wait_until(seen, timeout=timeout, what="the replica to be in sync", interval=0.02)
        except NotReached:
            now = self.status()
            raise StorageError(
                f"The replica of {self.volume.name} should be in sync after {timeout:g} s; it is {now.state}, "
                f"{now.copied_bytes} bytes copied, {now.remaining_bytes} to go. Is the link slow or cut?"
            ) from None

    def finish(self) -> bool:
        """Let the mirror copy what remains and end there: volume and replica are then the same, unless somebody writes
        on. False when it did not come to that within 10 s (a link that is cut, say); the mirror goes on then."""
        with suppress(CommandFailed):  # it is ending already
            self.daemon.qmp.execute("block-job-cancel", device=_JOB)
        try:
            job = wait_until(self._concluded, timeout=_FINISHES_WITHIN_S, what="the mirror to finish", interval=0.02)
        except NotReached:
            return False
        return "error" not in job

    def stop(self) -> None:
        """End the replication and close the volume; nothing is copied any more. May be called twice."""
        self._unmount()
        if self.daemon.alive():
            with suppress(StorageError):
                self.daemon.qmp.execute("block-job-cancel", device=_JOB, force=True)
        self.daemon.stop()

    def kill(self) -> None:
        """SIGKILL the first site's storage daemon, as the loss of the site would. May be called twice."""
        self.daemon.kill()
        self._unmount()

    def _unmount(self) -> None:
        if self._mount is not None:
            self._mount.release()

    def _job(self) -> dict[str, Any] | None:
        jobs = self.daemon.qmp.execute("query-jobs")
        return next((job for job in jobs if job["id"] == _JOB), None)

    def _concluded(self) -> dict[str, Any] | None:
        job = self._job()
        return job if job is not None and job["status"] == "concluded" else None

    def __enter__(self) -> StorageReplication:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _prepare(path: Path, size: int) -> None:
    """Make the replica's file if it is not there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            present = file.tell()
            if present not in (0, size):
                raise StorageError(
                    f"The replica at {path} should have {size} bytes, as the volume has; it has {present}."
                )
            file.truncate(size)
    except OSError as error:
        raise StorageError(f"The replica cannot be made at {path}: {error.strerror}.") from error


def _quoted(path: Path) -> str:
    """A file name in QEMU's key=value syntax, where a comma is doubled."""
    return str(path).replace(",", ",,")
