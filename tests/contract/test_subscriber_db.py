"""The guests of the subscriber database and the workload, against real PostgreSQL and a real link proxy."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from subscriber_guests import Pair, ask

from conformance.checkers.linearizing import Found, linearize
from conformance.checkers.registers import accesses, that_matter
from conformance.faults.link_silence import LinkStall
from conformance.links import EmbeddedProxy, ProxyServer
from conformance.model import Operation, Outcome
from conformance.workloads import Workload, WorkloadPlan, read_history, read_probes


@pytest.fixture(scope="module")
def server() -> Iterator[ProxyServer]:
    with EmbeddedProxy() as proxy:
        yield proxy.server


@pytest.fixture
def folder() -> Iterator[Path]:
    """pytest's own temporary folders are closed to the account PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(prefix="subscriber-db-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(params=["sync"])
def pair(request: pytest.FixtureRequest, folder: Path, server: ProxyServer) -> Iterator[Pair]:
    with Pair(folder, server, request.param) as pair:
        yield pair


def plan_for(pair: Pair, tmp_path: Path) -> WorkloadPlan:
    fronts = {"site-a": [front.url("") for front in pair.fronts_a], "site-b": [pair.front_b.url("")]}
    return WorkloadPlan(endpoints=fronts, folder=tmp_path, workers=3, rate=40.0, seed=7)


def writes(operations: tuple[Operation, ...], outcome: Outcome) -> dict[str, str]:
    return {o.key: o.value for o in operations if o.f == "write" and o.outcome is outcome}


def read_back(operations: tuple[Operation, ...]) -> dict[str, str]:
    scans = [o for o in operations if o.f == "scan"]
    assert scans[-1].complete and all(scan.final for scan in scans)
    items = [item for scan in scans for item in scan.items]
    assert len(dict(items)) == len(items), "a record was written twice"
    return dict(items)


@pytest.mark.parametrize("pair", ["sync", "async"], indirect=True)
def test_losing_the_primary_site_with_the_link_stalled_loses_acknowledged_writes_only_when_asynchronous(
    pair: Pair, tmp_path: Path
) -> None:
    plan = plan_for(pair, tmp_path)
    with Workload(plan) as workload:
        workload.start()
        pair.await_(lambda: workload.counters().acknowledged > 100, "100 acknowledged writes")
        stall = LinkStall(pair.link)
        stall.inject()
        try:
            at_stall = workload.counters()
            pair.await_(
                lambda: (
                    workload.counters().acknowledged > at_stall.acknowledged + 50
                    or workload.counters().probes_failed > at_stall.probes_failed + 10
                ),
                "50 more writes acknowledged, or the service to stand still",
            )
            pair.lose_site_a()
            assert ask("POST", pair.b.url("/promote"))[0] == 200
            before = workload.counters().acknowledged
            pair.await_(lambda: workload.counters().acknowledged > before + 30, "writes at site B")
        finally:
            stall.heal()
        end = workload.stop(final_read_from="site-b")
    history = read_history(tmp_path / "history.jsonl")
    assert history.problems == () and history.notes == ()
    acknowledged, unknown = writes(history.operations, Outcome.OK), writes(history.operations, Outcome.INFO)
    present = read_back(history.operations)
    lost = acknowledged.keys() - present.keys()

    assert end.final_read_complete and end.acknowledged == len(acknowledged)
    assert present.items() <= {**acknowledged, **unknown}.items(), "a failed write, or another value, is there"
    assert {o.outcome for o in history.operations if o.site == "site-a"} > {Outcome.OK}, "site A was never missed"
    assert {o.site for o in history.operations if o.f == "write" and o.outcome is Outcome.OK} == {"site-a", "site-b"}
    if pair.replication == "sync":
        assert lost == set()
        assert unknown, "writes waiting for the standby when their site was killed must be unknown"
    else:
        assert len(lost) >= 50
        done = {o.key: o for o in history.operations if o.f == "write"}
        assert {done[key].site for key in lost} == {"site-a"}
        last_kept = max(done[key].completed or 0 for key in present if done[key].site == "site-a")
        assert min(done[key].invoked for key in lost) > last_kept - 10**9, "lost writes are the last ones"

    opened = {o.value for o in history.operations if o.f == "open-session" and o.outcome is Outcome.OK}
    survived = {o.value for o in history.operations if o.f == "use-session" and o.final and o.outcome is Outcome.OK}
    assert len(opened) == plan.workers and survived == opened

    probes = read_probes(tmp_path / "probes.jsonl")
    assert probes.problems == () and [p.n for p in probes.probes] == list(range(end.probes))
    scheduled = [p for p in probes.probes if not p.extra]
    assert {b.due - a.due for a, b in itertools.pairwise(scheduled)} == {plan.probe_interval_ns}
    answered = [p for p in probes.probes if p.ok]
    assert answered[0].site == "site-a" and answered[-1].site == "site-b"
    assert any(not p.ok for p in probes.probes), "nobody noticed the loss of a site"


def test_a_synchronous_write_waits_for_the_standby_and_its_outcome_is_unknown_when_its_site_dies(pair: Pair) -> None:
    front = pair.fronts_a[0]
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    stall = LinkStall(pair.link)
    stall.inject()
    try:
        with ThreadPoolExecutor() as pool:
            writing = pool.submit(ask, "PUT", front.url("/records/waits"), "v", session)
            pair.await_(lambda: any(s["lag_bytes"] for s in pair.a.status()["standbys"]), "the write to lag")
            assert not writing.done()
            pair.a.kill()
            assert writing.result(timeout=20) == (500, {"outcome": "unknown", "error": writing.result()[1]["error"]})
        assert ask("PUT", front.url("/records/refused"), "v", session)[0] == 503
    finally:
        stall.heal()


@pytest.mark.parametrize("pair", ["async"], indirect=True)
def test_a_standby_catches_up_after_its_link_stalled_and_after_it_was_cut(pair: Pair) -> None:
    front = pair.fronts_a[0]
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]

    def there() -> set[str]:
        return {key for _, key, _ in ask("GET", pair.front_b.url("/records"))[1]["items"]}

    stall = LinkStall(pair.link)
    stall.inject()
    assert ask("PUT", front.url("/records/stalled"), "v", session)[0] == 201
    assert there() == set()
    stall.heal()
    pair.await_(lambda: there() == {"stalled"}, "the standby to catch up after the stall")

    pair.link.server.set_enabled(pair.link.name, False)
    pair.await_(lambda: not pair.a.status()["protected"], "the primary to see that nobody follows")
    assert ask("PUT", front.url("/records/cut"), "v", session)[0] == 201
    pair.link.server.set_enabled(pair.link.name, True)
    pair.await_(lambda: there() == {"stalled", "cut"}, "the standby to catch up after the cut")


def test_a_former_primary_comes_back_fenced_and_only_promotion_opens_it(pair: Pair) -> None:
    front = pair.fronts_a[0]
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    assert ask("PUT", front.url("/records/before"), "v", session)[0] == 201
    pair.a.kill()
    assert ask("POST", pair.b.url("/promote"))[1]["role"] == "primary"
    pair.a.boot()
    pair.await_(lambda: pair.a.status().get("role") == "fenced", "the former primary to be fenced")
    pair.await_database(front, "read-only")
    assert ask("PUT", front.url("/records/split"), "v", session)[0] == 503
    assert ask("GET", front.url("/records"))[1]["items"] == [[1, "before", "v"]]

    assert ask("POST", pair.a.url("/promote"))[0] == 200
    assert ask("PUT", front.url("/records/after"), "v", session)[0] == 201


def test_a_dead_postgres_is_reported_with_the_end_of_its_log_and_not_restarted(pair: Pair) -> None:
    postmaster = next(p for p in psutil.Process(pair.a.process.pid).children() if p.name() == "postgres")
    postmaster.kill()
    status = pair.await_(lambda: (seen := pair.a.status()).get("role") == "failed" and seen, "the failure in /status")
    assert "status -9" in status["error"] and status["log"]
    assert ask("POST", pair.a.url("/promote"))[0] == 409
    assert pair.fronts_a[0].status()["database"] == "down"
    assert "database failed" in pair.a.console()


def test_a_front_end_tells_apart_what_it_refuses(pair: Pair) -> None:
    front, standby = pair.fronts_a[0], pair.front_b
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    assert ask("PUT", front.url("/records/k"), "one", session)[0] == 201
    assert ask("PUT", pair.fronts_a[1].url("/records/k"), "two", session)[0] == 201
    assert [item[1:] for item in ask("GET", front.url("/records"))[1]["items"]] == [["k", "one"], ["k", "two"]]
    first = ask("GET", front.url("/records?limit=1"))[1]
    second = ask("GET", front.url(f"/records?limit=1&after={first['next']}"))[1]
    assert (first["items"][0][2], second["items"][0][2], second["next"]) == ("one", "two", None)
    assert ask("GET", standby.url(f"/sessions/{session}"))[0] == 200
    assert ask("PUT", standby.url("/records/k"), "v", session)[0] == 503
    assert ask("PUT", front.url("/records/k"), "v", "no-session")[0] == 401
    assert ask("GET", front.url("/sessions/no-session"))[0] == 404
    assert ask("PUT", front.url("/heartbeats/3"))[0] == 201
    assert ask("PUT", standby.url("/heartbeats/3"))[0] == 503
    assert ask("PUT", front.url("/heartbeats/three"))[0] == 400
    assert ask("POST", front.url("/sessions"), "no JSON")[0] == 400
    assert ask("GET", front.url("/nothing"))[0] == 404


def test_a_volume_gets_a_label_that_is_the_same_at_both_sites_and_foreign_data_is_left_alone(pair: Pair) -> None:
    label = {"run_id": pair.folder.name, "vnf": "subscriber-db", "role": "database", "volume": "journal"}
    for guest in (pair.a, pair.b):
        pair.await_(lambda g=guest: g.status()["volume_label"] == {"journal": label}, "the label")
    pair.b.kill()
    foreign = b"somebody's file system".ljust(65536, b"\0")
    (pair.b.folder / "volume").write_bytes(foreign)
    pair.b.boot()
    pair.await_(lambda: "error" in ((pair.b.status().get("volume_label") or {}).get("journal") or {}), "a refusal")
    assert (pair.b.folder / "volume").read_bytes() == foreign


def test_a_register_holds_what_was_written_last_and_is_swapped_only_for_what_it_holds(pair: Pair) -> None:
    front, other, standby = *pair.fronts_a, pair.front_b

    def swap(old: str | None, new: str) -> int:
        return ask("POST", other.url("/registers/r1"), json.dumps({"old": old, "new": new}))[0]

    assert ask("GET", front.url("/registers/r1")) == (200, {"value": None})
    assert swap("a", "b") == 409 and swap(None, "b") == 200 and swap(None, "c") == 409
    assert ask("GET", front.url("/registers/r1")) == (200, {"value": "b"})
    assert ask("PUT", front.url("/registers/r1"), "d")[0] == 201
    assert swap("b", "e") == 409 and swap("d", "e") == 200
    assert ask("GET", other.url("/registers/r1")) == (200, {"value": "e"})
    assert ask("POST", other.url("/registers/r2"), '{"old": null, "new": "x"}')[0] == 200
    assert ask("POST", front.url("/registers/r1"), '{"old": "e"}')[0] == 400
    assert ask("POST", front.url("/registers/r1"), "no JSON")[0] == 400
    for method, body in (("GET", None), ("PUT", "f"), ("POST", '{"old": "e", "new": "f"}')):
        assert ask(method, standby.url("/registers/r1"), body)[0] == 503, method


def test_a_primary_whose_standby_is_out_of_reach_does_not_answer_from_the_past(pair: Pair) -> None:
    front = pair.fronts_a[0]
    assert ask("PUT", front.url("/registers/r1"), "a")[0] == 201
    stall = LinkStall(pair.link)
    stall.inject()
    try:
        with ThreadPoolExecutor() as pool:
            reading = pool.submit(ask, "GET", front.url("/registers/r1"))
            pair.await_(lambda: any(s["lag_bytes"] for s in pair.a.status()["standbys"]), "the read to wait")
            assert not reading.done()
            pair.a.kill()
            assert reading.result(timeout=20)[0] == 500
    finally:
        stall.heal()


@pytest.mark.parametrize("pair", ["sync", "async"], indirect=True)
def test_registers_read_as_one_copy_over_the_loss_of_a_site_only_when_synchronous(pair: Pair, tmp_path: Path) -> None:
    plan = replace(plan_for(pair, tmp_path), registers=4, workers=1)
    with Workload(plan) as workload:
        workload.start()
        pair.await_(lambda: workload.counters().acknowledged > 40, "40 acknowledged writes")
        stall = LinkStall(pair.link)
        stall.inject()
        try:
            at_stall = workload.counters()
            pair.await_(
                lambda: (
                    workload.counters().acknowledged > at_stall.acknowledged + 40
                    or workload.counters().probes_failed > at_stall.probes_failed + 10
                ),
                "40 more writes acknowledged, or the service to stand still",
            )
            pair.lose_site_a()
            assert ask("POST", pair.b.url("/promote"))[0] == 200
            before = workload.counters().acknowledged
            pair.await_(lambda: workload.counters().acknowledged > before + 60, "writes at site B")
        finally:
            stall.heal()
        workload.stop(final_read_from="site-b")
    history = read_history(tmp_path / "history.jsonl")
    assert history.problems == ()
    by_key = accesses(history.operations)
    assert set(by_key) == {"r0", "r1", "r2", "r3"}
    answered = {o.site for o in history.operations if o.f in ("get", "put", "cas") and o.outcome is Outcome.OK}
    assert answered == {"site-a", "site-b"}
    found = {linearize(that_matter(each), 10**6).found for each in by_key.values()}
    assert found == {Found.ORDER} if pair.replication == "sync" else Found.NO_ORDER in found
