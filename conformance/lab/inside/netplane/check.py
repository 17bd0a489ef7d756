"""Whether this machine lets us build the data plane: try it all once, in namespaces that vanish with this process.

`python -S check.py` prints one JSON line: ``{"missing": null}``, or what does not work as ``{"missing": "...", "how":
"..."}`` with a sentence about how to allow it. Takes some 50 ms.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from netplane import kernel  # noqa: E402

LINKS = "link set lo up\nlink add v0 type veth peer name v1\nlink add b0 type bridge\nlink set v0 master b0\n"
RULES = """
table inet f {
 chain c { type filter hook input priority 0; ct direction reply accept; }
}
table bridge b {
 chain c { type filter hook prerouting priority -300; ether saddr 02:00:00:00:00:01 drop; }
}
table ip n {
 chain c { type nat hook postrouting priority 100; oifname "v0" masquerade; }
}
"""
SEARCH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
CLONE = Path("/proc/sys/kernel/unprivileged_userns_clone")
LIMIT = Path("/proc/sys/user/max_user_namespaces")


def main() -> None:
    """Print the finding."""
    print(json.dumps(find()))


def find() -> dict[str, str | None]:
    """What is missing and how to get it."""
    if not shutil.which("ip", path=SEARCH):
        return _missing("the program ip", "Install it: apt install iproute2")
    try:
        ctypes.CDLL("libnftables.so.1")
    except OSError:
        return _missing("the library libnftables.so.1", "Install it: apt install libnftables1")
    reader, writer = os.pipe()
    maps, mapped = os.pipe()
    child = os.fork()
    if child == 0:
        _try(writer, maps)
    os.close(writer)
    told = os.read(reader, 4096).decode()
    if told == "unshared":
        try:
            kernel.map_identity(child)
        except OSError as error:
            told = f"user namespace: {error.strerror}"
        os.write(mapped, b"1")
        if told == "unshared":
            told = os.read(reader, 4096).decode()
    os.close(mapped)
    os.waitpid(child, 0)
    return {"missing": None} if told == "ok" else _missing(told or "the trial ended without a word", _how(told))


def _try(writer: int, maps: int) -> None:
    told = "ok"
    try:
        told = "user namespaces"
        kernel.unshare(kernel.NEWUSER | kernel.NEWNET | kernel.NEWNS)
        os.write(writer, b"unshared")
        os.read(maps, 1)
        told = "capabilities in a user namespace"
        kernel.keep_capabilities()
        told = "virtual links and bridges"
        subprocess.run(
            ["ip", "-batch", "-"],
            input=LINKS,
            text=True,
            check=True,
            env={"PATH": SEARCH},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        told = "nftables for bridges, connection tracking and address translation"
        _load(RULES)
        told = "a /proc of a site's own"
        _mount_proc()
        told = "ok"
    except (OSError, subprocess.SubprocessError) as error:
        told = f"{told} ({getattr(error, 'strerror', None) or error})"
    finally:
        os.write(writer, told.encode())
        os._exit(0)


def _load(rules: str) -> None:
    library = ctypes.CDLL("libnftables.so.1")
    library.nft_ctx_new.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.nft_ctx_new(0))
    library.nft_ctx_buffer_error(context)
    if library.nft_run_cmd_from_buffer(context, rules.encode()):
        library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        raise OSError(0, (library.nft_ctx_get_error_buffer(context) or b"refused").decode().strip().splitlines()[0])


def _mount_proc() -> None:
    kernel.unshare(kernel.NEWPID)  # not before: ip would have been its init, and the namespace would be gone with it
    child = os.fork()
    if child == 0:
        status = 1
        try:
            kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
            kernel.mount("proc", "/proc", "proc", 0)
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        raise OSError(0, "mounting is refused")


def _missing(what: str, how: str) -> dict[str, str | None]:
    return {"missing": what, "how": how}


def _how(told: str) -> str:
    if _is(CLONE, "0"):
        return "Allow them: sysctl kernel.unprivileged_userns_clone=1"
    if _is(LIMIT, "0"):
        return "Allow them: sysctl user.max_user_namespaces=10000"
    if _is(APPARMOR, "1") and os.geteuid():
        return "Allow them: sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu 24.04 and later)"
    if "nftables" in told or "links" in told:
        return "This kernel lacks them: load the modules nf_tables, nf_conntrack, nft_nat, bridge and veth"
    return "In a container, run it with --security-opt seccomp=unconfined --security-opt systempaths=unconfined"


def _is(path: Path, value: str) -> bool:
    try:
        return path.read_text().strip() == value
    except OSError:
        return False


if __name__ == "__main__":
    main()
