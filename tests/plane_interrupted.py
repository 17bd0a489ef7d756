"""A network daemon killed at every step of its work, and what its successor makes of it.

``unshare … python -S plane_interrupted.py DIRECTORY EVERY OFFSET``: one site's network goes from one state of Neutron
to another; the process that does it is killed at the step OFFSET, and then in each EVERY-th, also in the middle of
what it asks of ``ip``. Another process takes over and is to bring the second state, the first one again, or a third
into force. Prints JSON: how many steps there are, how many were tried, and by trial what differs from what somebody
makes who never was killed. Done with real namespaces, so that the kernel has the last word.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from plane_look import differences, fresh_pins, snapshot

# isort: split
from netplane import kernel, spaces, topology
from netplane.neutron import FloatingIp, Limit, Network, Port, Router, Rule, State, Subnet
from netplane.wiring import Fabric

POOLS = ("10.1.0.0/16",)
OWN = "10.1.5.99/32"  # an address that the guest "kept" has added by itself


def _port(number: int, network: str, address: str, device: str, owner: str = "compute:nova", **more: Any) -> Port:
    name = f"{number:x}port-{device}-{network}"
    mac = f"fa:16:3e:00:00:{number:02x}"
    return Port(name, network, mac, True, device, owner, True, ((address, f"{network}-subnet"),), ("g",), **more)


def _state(ports: list[Port], networks: dict[str, tuple[str, int]], **more: Any) -> State:
    made = {
        "networks": {name: Network(name, mtu, True, name == "public") for name, (_, mtu) in networks.items()},
        "subnets": {
            f"{name}-subnet": Subnet(f"{name}-subnet", name, cidr, cidr.replace("0/", "1/").partition("/")[0], 4)
            for name, (cidr, _) in networks.items()
        },
        "ports": {port.id: port for port in ports},
        "rules": (Rule("g", "ingress", "IPv4", "tcp", 22, 22),),
        "stateless": frozenset(),
        "address_groups": {},
        "routers": (),
        "floating_ips": (),
        "limits": (),
    }
    return State(**{**made, **more})


_NETWORKS = {"1inner": ("10.1.5.0/24", 1450), "2other": ("10.1.6.0/24", 1500), "public": ("198.18.16.0/20", 1500)}
_KEPT, _GONE = _port(1, "1inner", "10.1.5.9", "kept"), _port(2, "1inner", "10.1.5.10", "gone")
_TWO = [_port(3, "1inner", "10.1.5.11", "two"), _port(4, "2other", "10.1.6.11", "two")]
_ROUTER = [
    _port(5, "1inner", "10.1.5.1", "r", "network:router_interface"),
    _port(6, "public", "198.18.16.50", "r", "network:router_gateway"),
]
_LEADS = _ROUTER[1].id

FIRST = _state(
    [_KEPT, _GONE, *_TWO, *_ROUTER],
    _NETWORKS,
    routers=(Router("r", True, _LEADS, True, (("203.0.113.0/24", "10.1.5.9"),)),),
    floating_ips=(FloatingIp("198.18.16.60", "10.1.5.9", "r"),),
    limits=(Limit(_KEPT.id, "ingress", 1000, 800), Limit(_GONE.id, "ingress", 1000, 800)),
)
SECOND = _state(
    [_KEPT, _TWO[0], _port(7, "3new", "192.168.7.5", "fresh"), *_ROUTER],
    {"1inner": _NETWORKS["1inner"], "3new": ("192.168.7.0/24", 1400), "public": _NETWORKS["public"]},
    rules=(Rule("g", "ingress", "IPv4", "udp", 53, 53),),
    routers=(Router("r", False, _LEADS, False),),
    limits=(Limit(_KEPT.id, "ingress", 2000, 800), Limit(_TWO[0].id, "ingress", 1000, 800)),
)
DARK = replace(SECOND, ports={key: port for key, port in SECOND.ports.items() if port.device != "r"}, routers=())


class Steps:
    """Counts what is asked of the kernel and of the disk, and kills this process at the step ``fatal``."""

    def __init__(self, fatal: int) -> None:
        self.taken = 0
        self._fatal = fatal
        for owner, names in (
            (kernel, ("mount", "unmount", "unshare", "sysctl", "link_up")),
            (spaces._Rules, ("load",)),
            (Path, ("touch", "unlink", "replace", "write_text")),
        ):
            for name in names:
                setattr(owner, name, self._counted(getattr(owner, name)))
        self._run = subprocess.run
        subprocess.run = self._ip  # type: ignore[assignment]

    def _counted(self, action: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self._step()
            return action(*given, **named)

        return counted

    def _ip(self, words: list[str], *, input: str, **named: Any) -> Any:
        self._step()
        if self.taken == self._fatal:  # half of what was asked
            lines = input.splitlines(keepends=True)
            self._run(words, input="".join(lines[: len(lines) // 2]), **named)
        self._step()
        return self._run(words, input=input, **named)

    def _step(self) -> None:
        if self.taken == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self.taken += 1


class Site:
    """One site's network in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.pins = fresh_pins(directory)
        self._record = directory / "made"

    def apply(self, *states: State) -> None:
        fabric = Fabric("site", self.pins, self._record, spaces.Netns(self.pins, "edge-site"))
        for state in states:
            fabric.apply(topology.plan(state, lambda _: "on", POOLS, fabric.made.nodes))

    def add_own_address(self) -> None:
        spaces.Netns(self.pins, "guest-kept").ip(f"address add {OWN} dev eth0\n")

    def shown(self) -> dict[str, list[str]]:
        return snapshot(self.pins)


def in_child(action: Callable[[], Any]) -> Any:
    """What it returns, from a process of its own with mounts of its own; None when that was killed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as told:
            json.dump(action(), told)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    _, status = os.waitpid(pid, 0)
    if status not in (0, signal.SIGKILL):
        raise RuntimeError(f"a trial ended with status {status}")
    return json.loads(text) if text else None


def trial(directory: Path, fatal: int, end: State) -> dict[str, Any]:
    """Go from FIRST to SECOND, be killed at a step, take over and go to ``end``."""
    site = Site(directory)

    def victim() -> int:
        fabric_steps = Steps(10**9)
        site.apply(FIRST)
        site.add_own_address()
        fabric_steps.taken, fabric_steps._fatal = 0, fatal
        site.apply(SECOND)
        return fabric_steps.taken

    steps = in_child(victim)
    if fatal >= 10**9:
        return {"steps": steps}
    site.apply(end)
    return {"shown": site.shown()}


def reference(directory: Path, end: State) -> dict[str, list[str]]:
    """What somebody makes who never is killed."""
    site = Site(directory)
    site.apply(end)
    site.add_own_address()
    return site.shown()


def main() -> None:
    """Try it and print what was found."""
    directory, every, offset = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

    def fresh() -> Path:
        return Path(tempfile.mkdtemp(dir=directory))

    kernel.sysctl(spaces.SYSCTLS)
    ends = {"the second state": SECOND, "the first state again": FIRST, "no router any more": DARK}
    wanted = {words: in_child(lambda e=end: reference(fresh(), e)) for words, end in ends.items()}
    steps = in_child(lambda: trial(fresh(), 10**9, SECOND))["steps"]
    tried, found = 0, {}
    for number, fatal in enumerate(range(offset % every, steps, every)):
        for words in [list(ends)[number % len(ends)]] if every > 1 else ends:
            tried += 1
            shown = in_child(lambda f=fatal, w=words: trial(fresh(), f, ends[w]))["shown"]
            if differing := differences(shown, wanted[words]):
                found[f"killed at step {fatal} of {steps}, then {words}"] = differing
    print(json.dumps({"steps": steps, "tried": tried, "found": found}))


if __name__ == "__main__":
    main()
