"""System calls about namespaces and capabilities that Python has no words for (or only since 3.12)."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)

NEWNS, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
FLAGS = {"user": NEWUSER, "mnt": NEWNS, "net": NEWNET, "pid": NEWPID}
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2

_PR_SET_PDEATHSIG, _PR_CAP_AMBIENT, _CAP_AMBIENT_RAISE, _CAP_AMBIENT_CLEAR = 1, 47, 2, 4
_CAPABILITY_VERSION_3 = 0x20080522
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
NET_BIND_SERVICE, NET_ADMIN, NET_RAW = 10, 12, 13


def _checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Give the calling process new namespaces of these kinds (NEWPID: its next child)."""
    _checked(LIBC.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Move the calling thread into a namespace (NEWPID: its next children)."""
    _checked(LIBC.setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    encoded = [word.encode() if word is not None else None for word in (source, target, kind)]
    _checked(LIBC.mount(*encoded, flags, data.encode() if data else None), f"mount {target}")


def unmount(target: str) -> None:
    """Take a mount away, now for new users, later for those who still use it."""
    _checked(LIBC.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def die_with_parent(number: int) -> None:
    """Receive a signal when the thread that forked this process ends."""
    _checked(LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl PDEATHSIG")


def keep_capabilities(only: tuple[int, ...] | None = None) -> None:
    """Let programs that are executed from here have our capabilities (all, or ``only`` these), whatever the uid."""
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    kept = tuple(range(last + 1)) if only is None else only
    permitted = (1 << (last + 1)) - 1
    inheritable = sum(1 << number for number in kept)
    words = [part >> shift & 0xFFFFFFFF for shift in (0, 32) for part in (permitted, permitted, inheritable)]
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _checked(LIBC.capset(header, struct.pack("6I", *words)), "capset")
    _checked(LIBC.prctl(_PR_CAP_AMBIENT, _CAP_AMBIENT_CLEAR, 0, 0, 0), "prctl ambient")
    for number in kept:
        _checked(LIBC.prctl(_PR_CAP_AMBIENT, _CAP_AMBIENT_RAISE, number, 0, 0), "prctl ambient")


def same_namespace(pid: int, kind: str) -> bool:
    """Whether this process is in the namespace of that kind of ``pid``."""
    try:
        return os.stat(f"/proc/{pid}/ns/{kind}").st_ino == os.stat(f"/proc/self/ns/{kind}").st_ino
    except PermissionError:  # its user namespace is none of ours: we are in another lab
        return False


def enter(pid: int, kinds: tuple[str, ...]) -> None:
    """Move this process into the namespaces of ``pid``; for "user" it must have one thread only.

    The working directory stays, also in another mount namespace.
    """
    here = os.getcwd()
    opened = [(kind, os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)) for kind in kinds]
    for kind, descriptor in opened:
        if kind == "pid" or not same_namespace(pid, kind):  # one's own user namespace cannot be entered again
            setns(descriptor, FLAGS[kind])
        os.close(descriptor)
    os.chdir(here)


def map_identity(pid: int) -> None:
    """Let every uid and gid that we can hand on be itself in the fresh user namespace of ``pid``.

    As root that is all of them (PostgreSQL's own uid too), otherwise it is our own.
    """
    if os.geteuid() == 0:
        uids, gids = (_identity(f"/proc/self/{name}") for name in ("uid_map", "gid_map"))
    else:
        uids, gids = f"{os.geteuid()} {os.geteuid()} 1\n", f"{os.getegid()} {os.getegid()} 1\n"
        Path(f"/proc/{pid}/setgroups").write_text("deny")
    Path(f"/proc/{pid}/uid_map").write_text(uids)
    Path(f"/proc/{pid}/gid_map").write_text(gids)


def _identity(own: str) -> str:
    ranges = [line.split() for line in Path(own).read_text().splitlines()]
    return "".join(f"{first} {first} {count}\n" for first, _, count in ranges)


def link_up(name: str) -> None:
    """Have an interface of the current network namespace up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        asked = struct.pack("16sh22x", name.encode(), 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(channel, _SIOCGIFFLAGS, asked), 16)
        fcntl.ioctl(channel, _SIOCSIFFLAGS, struct.pack("16sh22x", name.encode(), flags | _IFF_UP))


def sysctl(values: dict[str, object]) -> None:
    """Set ``net/`` sysctls of the current network namespace; those this kernel does not have are left out."""
    for name, value in values.items():
        try:
            Path("/proc/sys/net", name).write_text(f"{value}\n")
        except FileNotFoundError:
            continue
