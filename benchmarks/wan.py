"""The WAN forwarder: each fault in each direction, asked for and measured, and what it costs without a fault.

    python benchmarks/wan.py [--packets 4000] [--rounds 5] [--lab DIRECTORY --sites FIRST SECOND]

Needs network namespaces (no root). Without --lab two sites are made for the purpose, with nothing else on them.
Numbered UDP packets are sent from namespace to namespace by one process, so that one clock measures the time in one
direction; ping and iperf3 are asked as well where they are installed. Kernel: the same over a bridge of the kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from netns_rig import Rig, address, running_rig, why_impossible

from conformance.dataplane import Attempt, Burst, Place, WanControl, WanLink, attempt_all, measure_throughput, ping
from conformance.dataplane import path_mtu as longest_packet
from conformance.lab.wan import wan_between

GUESTS = 10
Asked = Mapping[str, Any]


def main() -> None:
    """Read the options, build what is measured, print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--packets", type=int, default=4000, help="per burst")
    options.add_argument("--rounds", type=int, default=5, help="of what is measured without a fault")
    options.add_argument("--lab", type=Path, help="directory of a running lab; its WAN is disturbed meanwhile")
    options.add_argument("--sites", nargs=2, default=("a", "b"))
    given = options.parse_args()
    if given.lab is None and (why := why_impossible()):
        sys.exit(why)
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {given.packets} packets\n")
    if given.lab is not None:
        report_faults(wan_between(given.lab, *given.sites), given.packets)
        return
    with own_sites() as (rig, link):
        report_undisturbed(rig, link, given.rounds)
        report_faults(link, given.packets)
        report_foreign(rig, link)
        report_attempts(rig)


@contextmanager
def own_sites() -> Iterator[tuple[Rig, WanLink]]:
    """Two sites joined by the forwarder, and guests on a bridge."""
    with tempfile.TemporaryDirectory() as folder, running_rig(Path(folder), guests=GUESTS) as rig:
        near = Place("a", "edge-a", address(1, 2), address(1, 2, 6))
        far = Place("b", "edge-b", address(2, 1), address(2, 1, 6))
        yield rig, WanLink(WanControl(rig.control), rig.open_socket, near, far)


def report_undisturbed(rig: Rig, link: WanLink, rounds: int) -> None:
    """Round trip and throughput of the WAN beside the kernel's own bridge, in turns."""
    guests = [Place(f"guest-{n}", f"guest-{n}", f"10.1.0.{10 + n}", f"fd10::{10 + n}") for n in range(2)]
    paths = {"kernel": (guests[0], guests[1]), "WAN": (link.near, link.far)}
    times: dict[str, list[float]] = {name: [] for name in paths}
    rates: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, (source, target) in paths.items():
            pings = ping(rig.open_socket, source, target, count=200, interval=0.002)
            times[name].append(statistics.median(pings.times_ns) / 1e3)
            rates[name].append(measure_throughput(rig.open_socket, source, target) / 1e6)
    print("| without a fault | round trip, median | TCP |\n|---|---|---|")
    for name in paths:
        print(f"| {name} | {statistics.median(times[name]):.0f} µs | {statistics.median(rates[name]):,.0f} Mbit/s |")
    added = statistics.median(times["WAN"]) - statistics.median(times["kernel"])
    print(f"\nThe forwarder adds {added:.0f} µs to a round trip.\n")


def report_faults(link: WanLink, packets: int) -> None:
    """One row for each fault, with a column for each direction it is asked for in."""
    there, back = link.directions
    print(f"| fault asked for | {there} | and {back} then | {back} | and {there} then |\n|---|---|---|---|---|")
    for words, asked, measure in faults(packets):
        cells = []
        for direction in (there, back):
            link.change(asked, [direction])
            seen = measure(link)
            link.control.reset(link.directions)
            cells += [seen[direction], seen[back if direction == there else there]]
        print(f"| {words} | {' | '.join(cells)} |", flush=True)
    print()


def faults(packets: int) -> Iterator[tuple[str, Asked, Callable[[WanLink], Mapping[str, str]]]]:
    """In words, as impairments, and how each is measured."""
    yield "nothing", {}, bursts(packets, one_way)
    for delay in (5, 20, 80):
        yield f"delay {delay} ms", {"delay_ms": delay}, bursts(packets // 4, one_way)
    spread = {"delay_ms": 50, "jitter_ms": 10}
    yield "jitter uniform, 50 ± 10 ms (sd 5.8)", spread, bursts(100, spread_of, interval=0.02)
    spread = {**spread, "jitter_distribution": "normal"}
    yield "jitter normal, 50 ms, sd 10", spread, bursts(100, spread_of, interval=0.06)
    for share in (0.01, 0.05, 0.3):
        yield f"loss {share:.0%}", {"loss": share}, bursts(packets, lambda b: f"{b.lost_share:.2%}")
    yield "duplication 5%", {"duplicate": 0.05}, bursts(packets, lambda b: f"{b.duplicate_share:.2%}")
    yield "reordering 5%, by 10 ms", {"reorder": 0.05}, bursts(packets, lambda b: f"{b.late_share:.2%}")
    yield "corruption 5%", {"corrupt": 0.05}, bursts(packets, lambda b: f"{1 - b.arrived / b.sent:.2%}")
    for rate in (1, 10, 100):
        yield f"rate {rate} Mbit/s", {"rate_bits": rate * 1_000_000}, throughputs
    yield "MTU 1300", {"mtu": 1300}, mtus(4)
    yield "MTU 1300, IPv6", {"mtu": 1300}, mtus(6)
    yield "MTU 1300, nobody told", {"mtu": 1300, "mtu_replies": False}, mtus(4)
    yield "cut in one direction", {"up": False}, bursts(400, lambda b: f"{b.arrived}/{b.sent}")
    flapping = {"flap_period_ms": 200, "flap_duty": 0.6}
    yield "flapping, 200 ms, up 60 %", flapping, bursts(2000, gaps)
    yield "loss 5%, IPv6", {"loss": 0.05}, bursts(packets, lambda b: f"{b.lost_share:.2%}", version=6)


def bursts(
    packets: int, words: Callable[[Burst], str], *, interval: float = 0.0005, version: int = 4
) -> Callable[[WanLink], Mapping[str, str]]:
    """Measured by numbered packets in both directions at once."""

    def measure(link: WanLink) -> Mapping[str, str]:
        seen = link.bursts(count=packets, interval=interval, size=1000, version=version)
        return {direction: words(burst) for direction, burst in seen.items()}

    return measure


def one_way(burst: Burst) -> str:
    """Median and 99th percentile."""
    return f"{(burst.took_ns(0.5) or 0) / 1e6:.2f} ms (p99 {(burst.took_ns(0.99) or 0) / 1e6:.2f})"


def spread_of(burst: Burst) -> str:
    """Mean and standard deviation, extremes."""
    took = [arrival.took_ns / 1e6 for arrival in burst.arrivals]
    return f"{statistics.mean(took):.1f} ms, sd {statistics.stdev(took):.1f} ({min(took):.1f} to {max(took):.1f})"


def gaps(burst: Burst) -> str:
    """Arrived, and how often it was interrupted (2000 packets, 0.5 ms apart: five periods)."""
    return f"{1 - burst.lost_share:.0%}, {burst.gaps} gaps"


def throughputs(link: WanLink) -> Mapping[str, str]:
    """By TCP, one direction after the other."""
    flows = {direction: link.flow(direction) for direction in link.directions}
    rates = {d: measure_throughput(link.sockets, f.source, f.target, warm_up=1.0) for d, f in flows.items()}
    return {direction: f"{rate / 1e6:,.2f} Mbit/s" for direction, rate in rates.items()}


def mtus(version: int) -> Callable[[WanLink], Mapping[str, str]]:
    """By packets that must not be cut."""

    def measure(link: WanLink) -> Mapping[str, str]:
        flows = {direction: link.flow(direction) for direction in link.directions}
        return {
            d: str(longest_packet(link.sockets, f.source, f.target, version=version, largest=1600))
            for d, f in flows.items()
        }

    return measure


def report_foreign(rig: Rig, link: WanLink) -> None:
    """What ping and iperf3 say about the same forwarder."""
    print("| asked for in both directions | foreign tool | expected | seen |\n|---|---|---|---|")
    if shutil.which("ping"):
        for asked, expected in (({"delay_ms": 20}, "rtt 40 ms"), ({"loss": 0.05}, "9.75 % lost")):
            link.change(asked)
            said = rig.run("edge-a", "ping", "-q", "-i", "0.002", "-c", "2000", "-W", "1", link.far.ipv4).stdout
            lost, times = re.search(r"([\d.]+)% packet loss", said), re.search(r"= [\d.]+/([\d.]+)/", said)
            seen = f"rtt {times[1] if times else '?'} ms, {lost[1] if lost else '?'} % lost"
            print(f"| {json.dumps(asked)} | ping, 2000 echoes | {expected} | {seen} |")
            link.control.reset()
    if shutil.which("iperf3"):
        for asked in ({}, {"rate_bits": 10_000_000}, {"delay_ms": 20, "rate_bits": 50_000_000}):
            link.change(asked)
            expected = f"≤ {asked['rate_bits'] / 1e6:.0f} Mbit/s" if asked else "-"
            print(f"| {json.dumps(asked)} | iperf3, TCP | {expected} | {iperf3(rig, link.far.ipv4):,.1f} Mbit/s |")
            link.control.reset()
    print()


def iperf3(rig: Rig, target: str) -> float:
    """Mbit/s that arrive."""
    serving = rig.popen("edge-b", "iperf3", "-s", "-1", "--forceflush")
    assert serving.stdout is not None
    while "listening" not in serving.stdout.readline():
        pass
    said = json.loads(rig.run("edge-a", "iperf3", "-c", target, "-t", "3", "-J").stdout)
    serving.communicate()
    return float(said["end"]["sum_received"]["bits_per_second"]) / 1e6


def report_attempts(rig: Rig) -> None:
    """Every guest to every other, on a closed network: half of the guests drop everything."""
    for n in range(GUESTS // 2):
        rig.run(f"guest-{n}", "ip", "route", "add", "prohibit", "10.1.0.0/25")
    places = [Place(f"guest-{n}", f"guest-{n}") for n in range(GUESTS)]
    services = [("tcp", 22), ("tcp", 5432), ("tcp", 8009), ("tcp", 8080), ("tcp", 4455), ("icmp", None)]
    attempts = [
        Attempt(source, target, f"10.1.0.{10 + n}", protocol, port)
        for source in places
        for n, target in enumerate(places)
        if target != source
        for _ in ("two networks", "of each guest")
        for protocol, port in services
    ]
    began = time.monotonic()
    outcomes = attempt_all(rig.open_socket, attempts)
    took = time.monotonic() - began
    reached = sum(outcome.reached is True for outcome in outcomes)
    print(f"{len(attempts)} attempts between {GUESTS} guests: {took:.1f} s, {reached} reached.")


if __name__ == "__main__":
    main()
