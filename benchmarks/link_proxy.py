"""The link proxy beside a direct connection and beside the real Toxiproxy, in one run.

    python benchmarks/link_proxy.py [--rounds 5] [--seconds 1.0] [--toxiproxy PATH]

Measures throughput one way, the round trip of one byte, and how near toxics come to what was asked for. The
three paths take turns within each round, so that what else the machine does hits all of them alike; take the
ratios, not the figures. The far end is a process of its own. Without a toxiproxy-server (TOXIPROXY_SERVER or
PATH) its columns are missing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

from conformance.links import EmbeddedProxy, Link, LinkError, ProxyServer, Toxic, measure_rtt
from conformance.waiting import wait_until

BLOCK = bytes(1 << 18)


def main() -> None:
    """Read the options, start everything, print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=1.0, help="per throughput measurement")
    options.add_argument("--toxiproxy", default=os.environ.get("TOXIPROXY_SERVER") or shutil.which("toxiproxy-server"))
    given = options.parse_args()
    with ExitStack() as stack:
        far = stack.enter_context(far_end())
        servers = {"link proxy": stack.enter_context(EmbeddedProxy(seed=1)).server}
        if given.toxiproxy:
            servers["Toxiproxy"] = stack.enter_context(real_toxiproxy(given.toxiproxy))
        links = {name: open_link(server, far) for name, server in servers.items()}
        ports = {"direct": far} | {name: link.listen_port for name, link in links.items()}
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {given.rounds} rounds")
        report_undisturbed(ports, given.rounds, given.seconds)
        report_toxics(links)


def report_undisturbed(ports: dict[str, int], rounds: int, seconds: float) -> None:
    """Throughput and round trip without toxics, as medians over the rounds."""
    rates: dict[str, list[float]] = {name: [] for name in ports}
    middle: dict[str, list[float]] = {name: [] for name in ports}
    tail: dict[str, list[float]] = {name: [] for name in ports}
    for _ in range(rounds):
        for name, port in ports.items():
            rates[name].append(throughput(port, seconds))
            times = round_trips(port, 1000)
            middle[name].append(times[len(times) // 2])
            tail[name].append(times[len(times) * 99 // 100])
    print(f"\n{'':12}{'throughput':>14}{'of direct':>11}{'RTT p50':>10}{'added':>9}{'RTT p99':>10}{'added':>9}")
    direct = [statistics.median(series["direct"]) for series in (rates, middle, tail)]
    for name in ports:
        rate, p50, p99 = (statistics.median(series[name]) for series in (rates, middle, tail))
        print(
            f"{name:12}{rate / 1e6:9.0f} MB/s{rate / direct[0]:10.0%}"
            f"{p50 * 1e6:8.0f}us{(p50 - direct[1]) * 1e6:7.0f}us{p99 * 1e6:8.0f}us{(p99 - direct[2]) * 1e6:7.0f}us"
        )
    if "Toxiproxy" in ports:
        rate, p50 = (statistics.median(s["link proxy"]) / statistics.median(s["Toxiproxy"]) for s in (rates, middle))
        print(f"link proxy / Toxiproxy: throughput {rate:.2f}, round trip {p50:.2f}")


def report_toxics(links: dict[str, Link]) -> None:
    """What was asked of a toxic, and what was measured."""
    print(f"\n{'asked for':34}" + "".join(f"{name:>14}" for name in links))
    for milliseconds in (1, 20, 80):
        toxics = [Toxic(s, "latency", s, attributes={"latency": milliseconds}) for s in ("upstream", "downstream")]
        report(f"{milliseconds} ms each way: round trip", links, toxics, rtt_text)
    for rate in (100, 10_000):
        toxic = Toxic("rate", "bandwidth", "upstream", attributes={"rate": rate})
        report(f"{rate * 1000 / 1e6:g} MB/s: rate", links, [toxic], rate_text)
    toxics = [Toxic(s, "latency", s, attributes={"latency": 80}) for s in ("upstream", "downstream")]
    report("80 ms each way: throughput", links, toxics, rate_text)


def report(asked: str, links: dict[str, Link], toxics: list[Toxic], measure: Callable[[Link], str]) -> None:
    """One line: the same toxics on each link, one link after the other."""
    cells = []
    for link in links.values():
        for toxic in toxics:
            link.server.add_toxic(link.name, toxic)
        cells.append(measure(link))
        for toxic in toxics:
            link.server.remove_toxic(link.name, toxic.name)
    print(f"{asked:34}" + "".join(f"{cell:>14}" for cell in cells))


def rtt_text(link: Link) -> str:
    """The shortest of a few round trips."""
    rtt_ns = measure_rtt(link, samples=5)
    return "no answer" if rtt_ns is None else f"{rtt_ns / 1e6:.2f} ms"


def rate_text(link: Link) -> str:
    """Throughput at the far end."""
    return f"{throughput(link.listen_port, 3.0) / 1e6:.3g} MB/s"


def throughput(port: int, seconds: float) -> float:
    """Bytes per second that reach the far end, by its own count and clock."""
    stop = Event()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"S{seconds}\n".encode())

        def pour() -> None:
            try:
                while not stop.is_set():
                    connection.sendall(BLOCK)
            except OSError:
                return  # the connection was shut down below: the far end has seen enough

        pouring = Thread(target=pour, daemon=True)
        pouring.start()
        rate = float(connection.makefile().readline())
        stop.set()
        connection.shutdown(socket.SHUT_RDWR)
        pouring.join()
    return rate


def round_trips(port: int, count: int) -> list[float]:
    """Sorted seconds from one byte sent to its echo."""
    times = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            began = time.perf_counter()
            connection.sendall(b"k")
            connection.recv(1)
            times.append(time.perf_counter() - began)
    return sorted(times)


def serve_far_end(listener: socket.socket) -> None:
    """Echo; or, asked with ``S<seconds>``, count what comes in so many seconds and answer with the rate."""
    while True:
        connection, _ = listener.accept()
        Thread(target=serve_one, args=(connection,), daemon=True).start()


def serve_one(connection: socket.socket) -> None:
    """One connection of the far end."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(1 << 20)
    with connection:
        try:
            first = connection.recv(64, socket.MSG_PEEK)
            if first.startswith(b"S"):
                asked = first.partition(b"\n")[0] + b"\n"
                connection.recv(len(asked))
                count_for(connection, float(asked[1:]), buffer)
            else:
                while size := connection.recv_into(buffer):
                    connection.sendall(memoryview(buffer)[:size])
        except OSError:
            return  # the client is done and did not wait


def count_for(connection: socket.socket, seconds: float, buffer: bytearray) -> None:
    """Count from the first byte on; then answer, and take what is still coming until the client stops."""
    connection.recv_into(buffer)
    total = 0
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        total += connection.recv_into(buffer)
    connection.sendall(f"{total / elapsed}\n".encode())
    while connection.recv_into(buffer):
        pass


@contextmanager
def far_end() -> Iterator[int]:
    """The far end in a process of its own; yields its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        process = multiprocessing.get_context("fork").Process(target=serve_far_end, args=(listener,), daemon=True)
        process.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            process.terminate()
            process.join()


@contextmanager
def real_toxiproxy(binary: str) -> Iterator[ProxyServer]:
    """The real server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [binary, "-host", "127.0.0.1", "-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    server = ProxyServer(f"http://127.0.0.1:{port}")

    def answers() -> bool:
        try:
            return bool(server.version())
        except LinkError:
            return False

    try:
        wait_until(answers, timeout=10, what=f"{binary} to answer")
        yield server
    finally:
        process.kill()
        process.wait()


def open_link(server: ProxyServer, port: int) -> Link:
    """A link to the far end."""
    upstream = f"127.0.0.1:{port}"
    return Link.open(server, name="bench", from_site="near", to_site="far", listen_host="127.0.0.1", upstream=upstream)


if __name__ == "__main__":
    main()
