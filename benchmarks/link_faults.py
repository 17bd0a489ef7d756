"""Each fault of the link as the nemesis injects it: what was asked for, what was measured, and whether it healed.

    python benchmarks/link_faults.py [--toxiproxy PATH]

On the embedded link proxy, and on a real Toxiproxy where there is one (TOXIPROXY_SERVER or PATH). What the lab's WAN
does to packets has a table of its own: benchmarks/wan.py. The far end answers as PostgreSQL begins to.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from link_proxy import real_toxiproxy

from conformance.faults.base import Fault
from conformance.faults.link_cut import LinkCut
from conformance.faults.link_flapping import LinkFlapping
from conformance.faults.link_reset import LinkReset
from conformance.link_phrases import LINK_PHRASES
from conformance.links import EmbeddedProxy, Link
from conformance.model import Observation

SENTENCES = (
    "the link delays everything by 80 ms in each direction",
    "the link jitters by 30 ms in each direction",
    "the link carries no more than 50 kB/s",
    "the link stalls and stays stalled for 2 s",
    "the link answers everything with a reset",
    "the link swallows everything and keeps its connections open",
    "the link closes connections 500 ms late",
    "the link is cut towards the first site",
    "the link is cut towards the second site",
    "the link is cut",
    "the link comes and goes every 0.4 s",
)

ASKED = {LinkReset.name: "connection ends", LinkCut.name: "connection refused"}


def main() -> None:
    """Inject and heal every fault on every backend; print a table for each."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--toxiproxy", default=os.environ.get("TOXIPROXY_SERVER") or shutil.which("toxiproxy-server"))
    given = options.parse_args()
    with ExitStack() as stack:
        port = stack.enter_context(far_end())
        servers = {"embedded": stack.enter_context(EmbeddedProxy(seed=1)).server}
        if given.toxiproxy:
            servers["Toxiproxy"] = stack.enter_context(real_toxiproxy(given.toxiproxy))
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        print("| sentence | backend | asked for | measured | bites | heals |\n|---|---|---|---|---|---|")
        for sentence in SENTENCES:
            for name, server in servers.items():
                link = Link.open(
                    server,
                    name=f"fidelity-{name}",
                    from_site="b",
                    to_site="a",
                    listen_host="127.0.0.1",
                    upstream=f"127.0.0.1:{port}",
                )
                try:
                    print(row(sentence, name, made(sentence)(link), link), flush=True)
                finally:
                    link.close()


def made(sentence: str) -> Callable[[Link], Fault]:
    """The fault that a sentence about the link proxy asks for."""
    import parse

    for phrase in LINK_PHRASES:
        found = parse.parse(phrase.sentence, sentence)
        if found is not None and isinstance(phrase.fault, str) and phrase.fault.startswith("link-"):
            values = dict(found.named)
            return lambda link: phrase.make(link, values)  # type: ignore[arg-type,return-value]
    raise SystemExit(f"No fault of the link is known by the sentence {sentence!r}.")


def row(sentence: str, backend: str, fault: Fault, link: Link) -> str:
    """Inject, measure, heal, measure."""
    fault.inject()
    bitten = fault.verify()
    asked, measured = figures(bitten, fault.name)
    if isinstance(fault, LinkFlapping) and bitten.ok:
        measured = periods(link, bitten.observed["requested_period_ns"] / 1e9)
    fault.heal()
    healed = fault.verify_healed()
    return f"| {sentence} | {backend} | {asked} | {measured} | {yes(bitten)} | {yes(healed)} |"


def figures(seen: Observation, fault: str) -> tuple[str, str]:
    """What was asked for and what was measured, in words, from what the fault of this name observed."""
    o = seen.observed
    if "rtt_ns" in o and "requested_ns" in o:
        return f"{o['requested_ns'] / 1e6:.0f} ms round trip", ms(o["rtt_ns"])
    if "spread_ns" in o:
        return f"± {o['requested_ns'] / 1e6:.0f} ms each way", f"{ms(o['spread_ns'])} between round trips"
    if "transfer_ns" in o:
        return f"{ms(o['transfer_expected_ns'])} for 9.9 kB", ms(o["transfer_ns"])
    if "close_ns" in o:
        return f"{o['requested_ns'] / 1e6:.0f} ms", ms(o["close_ns"])
    if "states" in o:
        return f"{o.get('requested_period_ns', 0) / 1e6:.0f} ms from cut to cut, half of it cut", ""
    return ASKED.get(fault, "no answer on an open connection"), str(o.get("answer"))


def periods(link: Link, asked_s: float, count: int = 6) -> str:
    """From one cut to the next, and how long it is cut, by who dials the link all the time: medians, and the worst."""
    cuts: list[tuple[float, float]] = []
    up, down_since, until = True, 0.0, time.monotonic() + (count + 2) * asked_s
    while time.monotonic() < until and len(cuts) <= count:
        now = time.monotonic()
        try:
            socket.create_connection((link.listen_host, link.listen_port), 1).close()
            if not up:
                cuts.append((down_since, now))
            up = True
        except OSError:
            down_since, up = (now if up else down_since), False
        time.sleep(0.002)
    whole = [
        later[0] - earlier[0] for earlier, later in pairwise(cuts[1:])
    ]  # the first may have begun before we looked
    down = [back - gone for gone, back in cuts[1:]]
    if not whole:
        return f"seen cut {len(cuts)} times"
    worst = max(whole, key=lambda took: abs(took - asked_s))
    return (
        f"{statistics.median(whole) * 1e3:.0f} ms ({worst * 1e3:.0f}), cut for {statistics.median(down) * 1e3:.0f} ms"
    )


def ms(value: int | None) -> str:
    """Nanoseconds in words."""
    return "not measured" if value is None else f"{value / 1e6:.1f} ms"


def yes(seen: Observation) -> str:
    """Whether it was so."""
    return "yes" if seen.ok else f"NO: {seen.detail}"


@contextmanager
def far_end() -> Iterator[int]:
    """Something that reads a message whole before it answers, and hangs up on one of impossible length."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while head := connection.recv(4, socket.MSG_WAITALL):
                    length = int.from_bytes(head, "big")
                    if not 8 <= length <= 10_000:
                        return
                    connection.recv(length - 4, socket.MSG_WAITALL)
                    connection.sendall(b"N")
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


if __name__ == "__main__":
    main()
