"""An instance's directory: what must survive a SIGKILL of nova, and what guest and harness read.

``spec.json``: who the guest is, its fixed IPs and volumes · ``pid.json``: its init · ``user_data`` · ``console.log`` ·
``dev/disk/by-id``: links to attached volumes, where a machine has them below /dev · ``on``, ``frozen``: files that are
there while it is switched on, and while it is paused; the network daemon looks at them.
"""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

from labcloud import processes

ON, FROZEN = "on", "frozen"
SERIAL_LENGTH = 20  # virtio-blk serials are cut to this length


def create(directory: Path, spec: dict, user_data: bytes | None) -> None:
    """Make or renew an instance's directory; every user may look into it (guests of root drop their privileges)."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o755)
    save(directory, spec)
    if user_data is not None:
        script = directory / "user_data"
        script.touch(mode=0o700)  # it may hold passwords
        script.write_bytes(_unpacked(user_data))
        script.chmod(0o700)


def _unpacked(user_data: bytes) -> bytes:
    """As cloud-init takes it: what is compressed with gzip is taken for what is in it."""
    if user_data[:2] != b"\x1f\x8b":
        return user_data
    try:
        return gzip.decompress(user_data)
    except (OSError, EOFError, zlib.error):
        return user_data


def load(directory: Path) -> dict | None:
    """The instance's spec, or None when there is no instance."""
    try:
        return json.loads((directory / "spec.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None


def save(directory: Path, spec: dict) -> None:
    """Write the spec and bring the links to the volumes in line with it."""
    _write(directory / "spec.json", spec)
    links = directory / "dev" / "disk" / "by-id"
    links.mkdir(parents=True, exist_ok=True)
    wanted = {f"virtio-{volume['id'][:SERIAL_LENGTH]}": volume["path"] for volume in spec["volumes"].values()}
    present = {link.name: link for link in links.iterdir()}
    for name in present.keys() - wanted.keys():
        present[name].unlink()
    for name in wanted.keys() - present.keys():
        (links / name).symlink_to(wanted[name])


def change(directory: Path, edit: Callable[[dict], object]) -> None:
    """Edit the spec of an instance, if there is one."""
    spec = load(directory)
    if spec:
        edit(spec)
        save(directory, spec)


def mark(directory: Path, name: str, value: bool) -> None:
    """Make or remove one of the files ``on`` and ``frozen``."""
    if value:
        (directory / name).touch()
    else:
        (directory / name).unlink(missing_ok=True)


def remember_init(directory: Path, pid: int, started: int) -> None:
    """Note the guest's init: a pid and its start time name one process for ever."""
    _write(directory / "pid.json", {"pid": pid, "started": started})


def init_pid(directory: Path) -> int | None:
    """Pid of the guest's init if it lives."""
    try:
        recorded = json.loads((directory / "pid.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return recorded["pid"] if processes.started_at(recorded["pid"]) == recorded["started"] else None


def _write(path: Path, value: dict) -> None:
    temporary = path.with_suffix(f".{threading.get_ident()}")
    temporary.write_text(json.dumps(value))
    temporary.replace(path)
