"""A real failover seen from three sides: the service, a media-like flow, and who holds the database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from subscriber_guests import Pair, ask

from conformance.checkers.holding import looks_of, tenures
from conformance.checkers.probing import in_order, outages
from conformance.links import EmbeddedProxy
from conformance.model import Holding
from conformance.records import read_lines
from conformance.waiting import wait_until
from conformance.workloads import HolderSampler, HolderTarget, Plane, Workload, WorkloadPlan, read_probes


@pytest.fixture
def pair() -> Iterator[Pair]:
    """pytest's own temporary folders are closed to the account PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(prefix="subscriber-planes-") as name, EmbeddedProxy() as proxy:
        Path(name).chmod(0o755)
        with Pair(Path(name), proxy.server, "sync") as made:
            yield made


def test_service_media_flow_and_holder_tell_of_one_failover(pair: Pair, tmp_path: Path) -> None:
    fronts = {"site-a": pair.fronts_a, "site-b": [pair.front_b]}
    flows = {s: [f"{g.config['addresses']['service']}:8081" for g in gs] for s, gs in fronts.items()}
    status = f"http://{pair.front_b.config['addresses']['service']}:8080/status"
    plan = WorkloadPlan(
        endpoints={site: [guest.url("") for guest in guests] for site, guests in fronts.items()},
        folder=tmp_path,
        workers=2,
        planes={"media": Plane("udp", flows), "status": Plane("http", {"site-b": [status]})},
    )
    targets = [HolderTarget("database", s, g.url("")) for s, g in (("site-a", pair.a), ("site-b", pair.b))]

    def looks() -> list[Holding]:
        return list(read_lines(tmp_path / "holders.jsonl", Holding)[0])

    def media_from(site: str) -> int:
        return sum(p.site == site for p in read_probes(tmp_path / "probes" / "media.jsonl").probes)

    with Workload(plan) as workload, HolderSampler(tmp_path / "holders.jsonl", targets, interval=0.05):
        workload.start()
        wait_until(lambda: media_from("site-a") > 30, timeout=20, what="the flow by way of site-a")
        pair.lose_site_a()
        assert ask("POST", pair.b.url("/promote"))[0] == 200
        wait_until(lambda: media_from("site-b") > 30, timeout=20, what="the flow by way of site-b")
        wait_until(lambda: looks()[-1].active or looks()[-2].active, timeout=20, what="site-b to be seen as the holder")
        workload.stop(final_read_from="site-b")

    planes = {p.stem: read_probes(p) for p in (tmp_path / "probes").glob("*.jsonl")}
    assert {name: plane.problems for name, plane in planes.items()} == {"media": (), "status": ()}
    # The flow is gone from the loss to the promotion, and nowhere sent back by a site that does not serve.
    gone = outages(in_order(planes["media"].probes))
    assert gone and all(o.end_high is not None for o in gone)
    sites = [p.site for p in in_order(planes["media"].probes) if p.ok]
    assert sites == sorted(sites, key=str)
    assert all(p.ok for p in planes["status"].probes)
    # Each site held the database once, one after the other; the lost one never said that it let go.
    held = {s: tenures(s, looks_of(looks(), "database", s), 10**9) for s in ("site-a", "site-b")}
    assert [len([t for t in found if t.looks]) for found in held.values()] == [1, 1]
    assert held["site-a"][0].ended_low < held["site-b"][-1].began_high
    assert any(h.site == "site-a" and h.active is None for h in looks())
