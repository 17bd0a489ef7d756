"""What is in network namespaces, in the kernel's own words; and what a network daemon that never was killed would make
of what Neutron says, to be compared with it.

``python -S plane_look.py LAB-DIRECTORY SCRATCH``, inside a lab: prints as JSON what is there and what differs, lines by
place. What should be there is built a second time, beside the lab, out of nothing but Neutron's databases and who is
switched on; only the names of interfaces are taken from the lab's record.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance" / "lab" / "inside"))

from netplane import kernel, spaces, topology, wiring
from netplane.backbone import read_sites
from netplane.sites import Site

Snapshot = dict[str, list[str]]
"""Lines by place."""

NFT_JSON = 1 << 4
SYSCTLS = ("ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv4/conf/all/arp_ignore", "ipv4/conf/all/rp_filter")


def snapshot(pins: Path) -> Snapshot:
    """Everything of every namespace that is pinned there, without what differs by chance."""
    return {path.name: look(pins, path.name) for path in sorted(pins.iterdir()) if spaces.is_pinned(path)}


def look(pins: Path, name: str) -> list[str]:
    """Interfaces with their addresses, routes, policies, rules and forwarding of one namespace."""
    space = spaces.Netns(pins, name)
    with space.inside():
        lines = [f"sysctl {key} {Path('/proc/sys/net', key).read_text().strip()}" for key in SYSCTLS]
        lines += _links(name)
        for version in "46":
            for route in _tool("ip", f"-{version}", "-j", "route", "show", "table", "all"):
                lines += _route(version, route)
            for rule in _tool("ip", f"-{version}", "-j", "rule"):
                lines.append(f"policy {version} {json.dumps(rule, sort_keys=True)}")
        lines += _rules(_ruleset())
    space.close()
    return sorted(lines)


def _links(place: str) -> Iterable[str]:
    for link in _tool("ip", "-j", "address"):
        guest = place.startswith(("guest-", "router-"))
        words = [link["ifname"], link["address"] if guest else "", link["mtu"], "UP" in link["flags"]]
        yield f"link {' '.join(map(str, words))} master {link.get('master')}"
        for entry in link["addr_info"]:
            if entry["scope"] != "link" and link["ifname"] != "lo":  # on lo a guest has what it gives itself
                yield f"address {link['ifname']} {entry['local']}/{entry['prefixlen']}"


def _route(version: str, route: dict[str, Any]) -> Iterable[str]:
    if route.get("type") in ("local", "broadcast", "multicast", "anycast") or route["dst"].startswith("fe80"):
        return
    keys = ("type", "dst", "gateway", "dev", "table", "metric")
    yield f"route {version} " + " ".join(f"{key} {route[key]}" for key in keys if key in route)


def _rules(listed: list[dict[str, Any]]) -> Iterable[str]:
    """Rules in their order, everything else in any."""
    numbers: dict[tuple[str, ...], int] = {}
    for entry in listed:
        ((kind, what),) = entry.items()
        if kind == "metainfo":
            continue
        what.pop("handle", None)
        if "elem" in what:
            what["elem"] = sorted(what["elem"], key=json.dumps)
        number = ""
        if kind == "rule":
            chain = (what["family"], what["table"], what["chain"])
            numbers[chain] = numbers.get(chain, 0) + 1
            number = f" {numbers[chain]}"
        yield f"nft {kind}{number} {json.dumps(what, sort_keys=True)}"


def _ruleset() -> list[dict[str, Any]]:
    """What `nft -j list ruleset` says."""
    library = ctypes.CDLL("libnftables.so.1")
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
    context = ctypes.c_void_p(library.nft_ctx_new(0))
    try:
        library.nft_ctx_output_set_flags(context, NFT_JSON)
        library.nft_ctx_buffer_output(context)
        if library.nft_run_cmd_from_buffer(context, b"list ruleset"):
            raise RuntimeError("nftables does not list its rules")
        listed: list[dict[str, Any]] = json.loads(library.nft_ctx_get_output_buffer(context))["nftables"]
        return listed
    finally:
        library.nft_ctx_free(context)


def _tool(*words: str) -> Any:
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": spaces.SEARCH})
    return json.loads(done.stdout or "[]")


def differences(there: Snapshot, wanted: Snapshot) -> dict[str, list[str]]:
    """By place: ``+`` what should not be there, ``-`` what is missing."""
    found = {}
    for place in sorted(there.keys() | wanted.keys()):
        have, want = there.get(place), wanted.get(place)
        if have is None or want is None:
            found[place] = ["+ the whole place" if want is None else "- the whole place"]
        elif have != want:
            lines = [f"+ {line}" for line in have if line not in want]
            lines += [f"- {line}" for line in want if line not in have]
            found[place] = lines or ["the same lines, repeated"]
    return found


def as_neutron_says(lab: Path, scratch: Path) -> Snapshot:
    """Build what should be there once more, in ``scratch``. Interfaces keep the names they got in the lab."""
    pins = fresh_pins(scratch)
    records = read_sites(lab)
    operator, wan = spaces.Netns(pins, "operator"), spaces.Netns(pins, "wan")
    wan.sysctl({f"ipv6/conf/{part}/disable_ipv6": 1 for part in ("all", "default")})
    sites = [Site(record, records, pins) for record in records]
    for site in sites:
        site.edge.join(operator, wan)
        site.begin()
    for site in sites:
        assert site._fabric is not None
        names, _ = wiring._load(lab / f"{site.record.name}.made")
        site._database.changed()
        state = site._database.read()
        if state is not None:
            site._fabric.apply(topology.plan(state, site._power, site.record.pools, names.nodes))
    return snapshot(pins)


def fresh_pins(scratch: Path) -> Path:
    """A directory for namespaces that nobody else sees; they end with this process."""
    kernel.unshare(kernel.NEWNS)
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    pins = scratch / "netns"
    pins.mkdir(parents=True)
    kernel.mount("tmpfs", str(pins), "tmpfs", 0, "mode=700")
    return pins


def main() -> None:
    """Compare a lab with what Neutron says."""
    lab, scratch = Path(sys.argv[1]), Path(sys.argv[2])
    there = snapshot(lab / "netns")
    os.chdir(scratch)
    wanted = as_neutron_says(lab, scratch)
    print(json.dumps({"there": there, "differences": differences(there, wanted)}))


if __name__ == "__main__":
    main()
