"""Network namespaces with a name, each pinned by a file, so that they outlive the process that made them."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from netplane import kernel

SEARCH = "/usr/sbin:/sbin:/usr/bin:/bin"  # where Debian and others have ip; an ordinary user's PATH may lack it
PER_INTERFACE = ("conf/all", "conf/default")
SHOWN = 600  # characters of what was asked, in an error
SYSCTLS = {
    "ipv4/ip_unprivileged_port_start": 0,
    "ipv4/ping_group_range": f"{os.getgid()} {os.getgid()}",
    "bridge/bridge-nf-call-iptables": 0,  # else bridged frames pass the IP hooks of the namespace of the bridges
    "bridge/bridge-nf-call-ip6tables": 0,
    "bridge/bridge-nf-call-arptables": 0,
    **{f"ipv4/{part}/rp_filter": 0 for part in PER_INTERFACE},
    **{f"ipv4/{part}/arp_ignore": 1 for part in PER_INTERFACE},
    **{f"ipv4/{part}/arp_notify": 1 for part in PER_INTERFACE},
    **{f"ipv6/{part}/ndisc_notify": 1 for part in PER_INTERFACE},
    **{f"ipv6/{part}/keep_addr_on_down": 1 for part in PER_INTERFACE},
    **{f"ipv6/{part}/accept_ra": 0 for part in PER_INTERFACE},
    **{f"ipv6/{part}/accept_dad": 0 for part in PER_INTERFACE},
}


@cache
def home() -> int:
    """The network namespace in which this process was when it first touched another."""
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class ToolError(Exception):
    """`ip` or nftables refused; the text holds its words and what was asked."""


class Netns:
    """One network namespace. Making the object makes the namespace if it is not there; ``fresh`` tells."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.path = str(directory / name)
        self._rules: _Rules | None = None
        self.fresh = not is_pinned(directory / name)
        if self.fresh:
            Path(self.path).touch()
            try:
                home()
                kernel.unshare(kernel.NEWNET)
                kernel.sysctl(SYSCTLS)
                kernel.link_up("lo")
                # Last: what is pinned is complete, also for the successor of one who was killed here.
                kernel.mount(f"/proc/{os.getpid()}/ns/net", self.path, None, kernel.MS_BIND)
            finally:
                kernel.setns(home(), kernel.NEWNET)
        self.descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Have this thread in the namespace."""
        home()
        kernel.setns(self.descriptor, kernel.NEWNET)
        try:
            yield
        finally:
            kernel.setns(home(), kernel.NEWNET)

    def ip(self, batch: str, *, force: bool = False, options: tuple[str, ...] = ()) -> None:
        """Run lines of `ip -batch` inside. With ``force`` go on after a line that fails, and say nothing of it."""
        if not batch:
            return
        with self.inside():
            done = subprocess.run(
                ["ip", *options, *(["-force"] if force else []), "-batch", "-"],
                input=batch,
                text=True,
                capture_output=True,
                env={"PATH": SEARCH},
            )
        if done.returncode and not force:
            raise ToolError(f"ip in {self.name}: {done.stderr.strip()} (asked:\n{batch[:SHOWN]})")

    def links(self) -> list[str]:
        """Names of its interfaces."""
        with self.inside():
            return [name for _, name in socket.if_nameindex()]

    def rules(self, script: str) -> None:
        """Load an nftables script."""
        if self._rules is None:
            with self.inside():
                self._rules = _Rules()
        try:
            self._rules.load(script)
        except ToolError as error:
            raise ToolError(f"nftables in {self.name}: {error} (asked:\n{script[:SHOWN]})") from None

    def sysctl(self, values: dict[str, object]) -> None:
        """Set ``net/`` sysctls inside."""
        with self.inside():
            kernel.sysctl(values)

    def socket(self, family: int, kind: int, protocol: int) -> socket.socket:
        """A socket that lives inside; it may be used from anywhere."""
        with self.inside():
            return socket.socket(family, kind, protocol)

    def announce(self, interface: str, mac: str, address: str) -> None:
        """Tell the neighbours of an interface who has an IPv4 address now (gratuitous ARP)."""
        hardware, own = bytes.fromhex(mac.replace(":", "")), socket.inet_aton(address)
        request = b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + hardware + own + b"\xff" * 6 + own
        with self.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as channel:
            try:
                channel.bind((interface, 0))
                channel.send(b"\xff" * 6 + hardware + request)
            except OSError:
                pass  # the interface is down: nobody to tell

    def close(self) -> None:
        """Let go of it; it stays while it is pinned."""
        if self._rules is not None:
            self._rules.close()
            self._rules = None
        os.close(self.descriptor)

    def delete(self) -> None:
        """End it: its interfaces go now, the rest of it with the last process in it."""
        others = [name for name in self.links() if name != "lo"]
        self.ip("".join(f"link delete {name}\n" for name in others), force=True)
        self.unpin()

    def unpin(self) -> None:
        """Leave it to the processes in it: it ends with the last of them."""
        self.close()
        kernel.unmount(self.path)
        Path(self.path).unlink()


class _Rules:
    """A libnftables context. It is kept open: closing its socket waits for the kernel, 15 ms each time."""

    _library: ctypes.CDLL | None = None

    def __init__(self) -> None:
        if _Rules._library is None:
            library = ctypes.CDLL("libnftables.so.1")
            library.nft_ctx_new.restype = ctypes.c_void_p
            library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
            _Rules._library = library
        self._nft = _Rules._library
        self._context = ctypes.c_void_p(self._nft.nft_ctx_new(0))
        self._nft.nft_ctx_buffer_error(self._context)
        self._nft.nft_ctx_buffer_output(self._context)

    def load(self, script: str) -> None:
        if self._nft.nft_run_cmd_from_buffer(self._context, script.encode()):
            raise ToolError((self._nft.nft_ctx_get_error_buffer(self._context) or b"refused").decode().strip())

    def close(self) -> None:
        self._nft.nft_ctx_free(self._context)


def is_pinned(path: Path) -> bool:
    """Whether a namespace is pinned there (an empty file is what an interrupted start leaves)."""
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except FileNotFoundError:
        return False
