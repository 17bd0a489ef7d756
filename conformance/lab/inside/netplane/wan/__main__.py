"""``python -m netplane.wan --link SITE=DEVICE,SITE=DEVICE … --control SOCKET``: join sites, pair by pair.

Runs inside the network namespace that has the devices; needs CAP_NET_RAW and CAP_NET_ADMIN there. A device may come
later, go, and come again. Prints one line of JSON when it is ready. Ends with SIGTERM or SIGINT (exit code 0);
3: cannot start; 64: wrong usage."""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import select
import signal
import sys
import time
from ipaddress import IPv4Address, IPv6Address
from typing import NoReturn

from netplane.wan import state
from netplane.wan.control import Control
from netplane.wan.impairments import BadRequest
from netplane.wan.legs import Leg, check_permission
from netplane.wan.path import Path
from netplane.wan.too_big import Router
from netplane.wan.wan import Wan

_CANNOT_START, _USAGE = 3, 64
_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29
_LOOK_EVERY_S = 0.2


class _Stop(Exception):
    """A signal asked for the end."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See --help.", file=sys.stderr)
        raise SystemExit(_USAGE)


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; the exit code."""
    options = _parser().parse_args(arguments)
    pairs = [{site for site, _ in link} for link in options.link]
    devices = [device for link in options.link for _, device in link]
    if any(pairs.count(pair) > 1 for pair in pairs) or len(set(devices)) < len(devices):
        print("netplane.wan: two --link join the same sites or use the same device.", file=sys.stderr)
        return _USAGE
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_TIMERSLACK, 1)  # nanoseconds: a packet's time is kept as exactly as the kernel can
    parent = os.getppid()
    if options.die_with_parent:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if options.title:
        _set_title(options.title)
    links = [(Leg(*one), Leg(*other)) for one, other in options.link]
    wan = Wan(links, Router(options.router4, options.router6), options.seed)
    try:
        check_permission()
        wan.look()
        if options.state:
            state.load(wan, options.state)
        control = Control(options.control, wan, lambda: state.save(wan, options.state) if options.state else None)
    except (OSError, BadRequest) as error:
        print(f"netplane.wan cannot start: {error}", file=sys.stderr)
        return _CANNOT_START
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    gc.freeze()
    gc.disable()  # nothing here makes cycles, and a collection would hold packets up
    try:
        print(json.dumps({"control": options.control, "pid": os.getpid()}), flush=True)
        if options.die_with_parent and os.getppid() != parent:
            return 0  # it died before the kernel was told to watch it
        _forward(wan, control)
    except _Stop:
        wan.stop_capture()
        control.close()
    return 0


def _forward(wan: Wan, control: Control) -> NoReturn:
    look_at = 0.0
    ends: dict[int, tuple[Leg, Path]] = {}
    while True:
        now = time.monotonic()
        if now >= look_at:
            wan.look()
            ends = {leg.descriptor: (leg, path) for leg, path in wan.ends if leg.descriptor is not None}
            look_at = now + _LOOK_EVERY_S
        wait = wan.deliver()
        wait = _LOOK_EVERY_S if wait is None else min(wait, _LOOK_EVERY_S)
        # select, not epoll: its time-outs are in microseconds, and there are only a few descriptors.
        for descriptor in select.select([*ends, *control.descriptors()], (), (), wait)[0]:
            end = ends.get(descriptor)
            if end is None:
                control.serve(descriptor)
            else:
                wan.read(*end)


def _set_title(title: str) -> None:
    """How the process is listed, where Python can be told."""
    try:
        import setproctitle
    except ImportError:
        return
    setproctitle.setproctitle(title)


def _stop(number: int, _frame: object) -> NoReturn:
    raise _Stop(number)


def _link(text: str) -> tuple[tuple[str, str], tuple[str, str]]:
    ends = [end.partition("=") for end in text.split(",")]
    if len(ends) != 2 or any(not site or ">" in site or not 0 < len(device) < 16 for site, _, device in ends):
        raise argparse.ArgumentTypeError(f"{text!r} should be SITE=DEVICE,SITE=DEVICE")
    (one, _, its), (other, _, others) = ends
    if one == other:
        raise argparse.ArgumentTypeError(f"{text!r} should join two different sites")
    return (one, its), (other, others)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="netplane.wan", description="Join sites by a WAN that can be disturbed.")
    parser.add_argument("--link", type=_link, action="append", required=True, metavar="SITE=DEVICE,SITE=DEVICE")
    parser.add_argument("--control", required=True, metavar="SOCKET", help="path of the unix socket to be asked on")
    parser.add_argument("--state", metavar="FILE", help="keeps the impairments over a restart")
    parser.add_argument("--seed", type=int, default=0, help="decides every random draw")
    parser.add_argument("--router4", type=IPv4Address, default=Router.ipv4, help="answers about a small MTU")
    parser.add_argument("--router6", type=IPv6Address, default=Router.ipv6)
    parser.add_argument("--title", help="how the process is listed")
    parser.add_argument("--die-with-parent", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
