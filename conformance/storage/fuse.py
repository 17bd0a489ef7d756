"""A volume's own path leading through the storage daemon (FUSE), so that whoever opens it goes through the mirror."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from conformance.storage.daemon import StorageDaemon
from conformance.storage.errors import NotApplicable, StorageError
from conformance.storage.qmp import CommandFailed

_DEVICE = Path("/dev/fuse")


class FuseMount:
    """The volume's file replaced by the export at an NBD socket.

    A daemon of its own does it: one that mirrors a volume may not offer it as a file, whose size a guest could change.
    The mount stays when its daemon is killed, and then answers nobody: release() it.
    """

    def __init__(self, path: Path, nbd: Path, export: str, home: Path) -> None:
        """NotApplicable where this machine has no FUSE for us."""
        if not _DEVICE.exists():
            raise NotApplicable(f"{_DEVICE} is not on this machine: guests can write to the volume's NBD export only.")
        self._path = path
        node = (
            f"driver=nbd,node-name={export},export={export},server.type=unix,server.path={os.path.relpath(nbd, home)}"
        )
        self._daemon = StorageDaemon(home, ["--blockdev", node])
        try:
            self._daemon.qmp.execute(
                "block-export-add",
                **{"type": "fuse", "id": "file", "node-name": export, "mountpoint": str(path), "writable": True},
            )
        except CommandFailed as error:
            self._daemon.kill()
            raise NotApplicable(
                f"The volume cannot be mounted over {path}: {error} Install fuse3 or run as root, or have guests write "
                "to the volume's NBD export."
            ) from error

    def release(self) -> None:
        """Kill its daemon and take the mount away. Done already if there is none."""
        self._daemon.kill()
        unmount(self._path)


def unmount(path: Path) -> None:
    """Take away what is mounted over the file, whether its daemon lives or not. Done already if nothing is.

    StorageError when it cannot be done.
    """
    if not _mounted(path):
        return
    # Detached: a guest that was killed a moment ago may still have it open.
    for command in (["umount", "--lazy", str(path)], ["fusermount3", "-u", "-z", str(path)]):
        try:
            subprocess.run(command, check=False, capture_output=True, timeout=10)
        except (FileNotFoundError, subprocess.TimeoutExpired):
            continue
        if not _mounted(path):
            return
    raise StorageError(f"The volume's file {path} is still mounted. Unmount it: umount --lazy {path}")


def _mounted(path: Path) -> bool:
    escaped = str(path).replace("\\", r"\134").replace(" ", r"\040")
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.split()[4] == escaped for line in mounts)
