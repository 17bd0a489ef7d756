"""`replicating.py SITES.YAML`, inside a lab in namespaces mode: the asynchronous VNF replicates from the first site to
the second while the WAN between them is cut and healed. Prints what was seen, as JSON."""

from __future__ import annotations

import json
import socket
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from conformance.links import EmbeddedProxy, Link
from conformance.schemes import make_scheme
from conformance.sites import Site, api_answers, dialled_from, load_sites, storage_listener, sweep, wan_of
from conformance.vnf import Deployment, Endpoint, ask_guests, await_ready, begin, load_blueprint
from conformance.waiting import wait_until

RUN = "tests-replicating"
WRITES = 20
PATIENCE = 120.0
OUT, BACK = "site-a>site-b", "site-b>site-a"


class Writer:
    """A subscriber's application at the first site."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = self._ask("POST", "sessions", b'{"subscriber": "tests"}', {})["session"]
        self._next = 0

    def write(self) -> None:
        """So many more records; each is acknowledged, or this raises."""
        for _ in range(WRITES):
            self._ask("PUT", f"records/{self._next}", b"value", {"X-Session": self._session})
            self._next += 1

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(f"{self._url}/{path}", data=body, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def records(vnf: Deployment) -> int:
    """How many records the database at a site holds."""
    answer = ask_guests(vnf)["database-0"]
    return -1 if answer is None else int(answer["records"])


def watch(first: Site, second: Site, here: Deployment, there: Deployment, active: Callable[[], str | None]) -> Any:
    """What replication does while the WAN is whole, cut, and whole again."""
    wan = wan_of(first, second)
    assert wan is not None
    seen: dict[str, Any] = {}

    def look(when: str) -> None:
        seen[when] = {
            "first": records(here),
            "second": records(there),
            "delivered": {way: wan.counters(way)["delivered"] for way in (OUT, BACK)},
            "api_answers": [api_answers(site).ok for site in (first, second)],
            "active": active(),
        }

    def caught_up() -> bool:
        return records(there) == records(here) >= 0

    writer = Writer(here.service_urls[0])
    look("idle")
    writer.write()
    wait_until(caught_up, timeout=PATIENCE, what="the standby to have everything")
    look("whole")
    wan.change({"up": False})
    try:
        look("just cut")
        writer.write()
        look("cut")
    finally:
        wan.control.reset()
    wait_until(caught_up, timeout=PATIENCE, what="the standby to have everything again")
    look("healed")
    return seen


def storage_crosses(proxy: EmbeddedProxy, first: Site, second: Site) -> int:
    """How many packets go from the first site to the second when its storage sends something to that one's."""
    wan = wan_of(first, second)
    assert wan is not None
    with storage_listener(second) as listening:
        link = Link.open(
            proxy.server,
            name=f"{RUN}-storage",
            from_site=first.name,
            to_site=second.name,
            listen_host=str(first.spec.link_address),
            upstream="{}:{}".format(*listening.getsockname()),
            dial_from=dialled_from(first),
        )
        before = wan.counters(OUT)["delivered"]
        with socket.create_connection((link.listen_host, link.listen_port), PATIENCE) as sender:
            sender.sendall(b"block")
            listening.settimeout(PATIENCE)
            receiver, _ = listening.accept()
            with receiver:
                assert receiver.recv(100) == b"block"
        passed = wan.counters(OUT)["delivered"] - before
        link.close()
    return passed


def main(sites_yaml: str) -> None:
    """Deploy, protect, watch, remove."""
    sites = load_sites(Path(sites_yaml))
    first, second = sites.sites
    with EmbeddedProxy(seed=1) as proxy, ThreadPoolExecutor(1) as pool:
        try:
            vnf = begin(first, load_blueprint("subscriber-db-async"), RUN)
            ready = pool.submit(await_ready, first, vnf)
            upstream = vnf.replication_upstream
            link = Link.open(
                proxy.server,
                name=RUN,
                from_site=second.name,
                to_site=first.name,
                listen_host=str(second.spec.link_address),
                upstream=f"{upstream.host}:{upstream.port}",
                dial_from=dialled_from(second),
            )
            scheme = make_scheme("reference", on_event=lambda event: None)
            protection = scheme.protect(vnf, first, second, Endpoint(link.listen_host, link.listen_port))
            ready.result()
            assert protection.ok and protection.deployment is not None, protection.detail
            seen = {"storage": storage_crosses(proxy, first, second)}
            seen |= watch(first, second, vnf, protection.deployment, lambda: scheme.status().active)
        finally:
            for site in (first, second):
                sweep(site, RUN)
            sites.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
