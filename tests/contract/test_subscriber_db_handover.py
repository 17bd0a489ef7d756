"""A planned handover between the guests of the subscriber database, and the way back, against real PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from subscriber_guests import Guest, Pair, ask

from conformance.links import EmbeddedProxy, Link, ProxyServer
from conformance.model import Outcome
from conformance.workloads import Workload, WorkloadPlan, read_history


@pytest.fixture(scope="module")
def server() -> Iterator[ProxyServer]:
    with EmbeddedProxy() as proxy:
        yield proxy.server


@pytest.fixture
def pair(server: ProxyServer) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="handover-") as name:
        Path(name).chmod(0o755)
        with Pair(Path(name), server, "sync", patience=1.0) as pair:
            yield pair


def post(guest: Guest, path: str, body: str | None = None) -> dict[str, object]:
    status, answer = ask("POST", guest.url(path), body)
    assert status == 200, answer
    return dict(answer)


def hand_over(pair: Pair, source: Guest, to: Guest) -> None:
    """As a scheme does it: give up writing, let everything arrive, promote."""
    end = str(post(source, "/quiesce")["lsn"])
    pair.await_(lambda: position(to.status()["replay_lsn"]) >= position(end), "the standby to have everything")
    post(to, "/promote")


def position(lsn: str) -> int:
    high, _, low = lsn.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def test_the_service_is_handed_over_and_back_under_load_and_nothing_is_lost_or_doubled(
    pair: Pair, server: ProxyServer, tmp_path: Path
) -> None:
    fronts = {"site-a": [front.url("") for front in pair.fronts_a], "site-b": [pair.front_b.url("")]}
    plan = WorkloadPlan(endpoints=fronts, folder=tmp_path, workers=3, rate=40.0, seed=7)
    upstream = f"{pair.b.config['addresses']['oam']}:5432"
    back = Link.open(
        server, name="back", from_site="site-a", to_site="site-b", listen_host=f"{pair.prefix}.2", upstream=upstream
    )
    with Workload(plan) as workload:
        workload.start()
        hand_over(pair, pair.a, pair.b)
        pair.await_database(pair.front_b, "writable")
        assert pair.a.status()["role"] == "quiesced"
        seen = workload.counters().acknowledged
        pair.await_(lambda: workload.counters().acknowledged > seen + 20, "writes at the second site")

        post(pair.a, "/follow", f'{{"host": "{back.listen_host}", "port": {back.listen_port}}}')
        pair.await_(lambda: pair.b.status().get("protected"), "the second site to be protected by the first")
        hand_over(pair, pair.b, pair.a)
        for front in pair.fronts_a:
            pair.await_database(front, "writable")
        seen = workload.counters().acknowledged
        pair.await_(lambda: workload.counters().acknowledged > seen + 20, "writes at the first site again")
        post(pair.b, "/follow", f'{{"host": "{pair.link.listen_host}", "port": {pair.link.listen_port}}}')
        pair.await_(lambda: pair.a.status().get("protected"), "the first site to be protected again")
        workload.stop(final_read_from="site-a")
    operations = read_history(tmp_path / "history.jsonl").operations
    acknowledged = {(o.key, o.value) for o in operations if o.f == "write" and o.outcome is Outcome.OK}
    found = [item for o in operations if o.f == "scan" for item in o.items]
    assert len(found) == len(set(found))
    assert acknowledged <= set(found)
    assert {o.site for o in operations if o.f == "write" and o.outcome is Outcome.OK} == {"site-a", "site-b"}
    back.close()


def test_a_handover_that_is_called_off_leaves_the_first_site_writing(pair: Pair) -> None:
    front = pair.fronts_a[0]
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    post(pair.a, "/quiesce")
    pair.await_(lambda: ask("PUT", front.url("/records/refused"), "v", session)[0] == 503, "writes to be refused")
    assert front.status()["database"] == "read-only"
    post(pair.a, "/resume")
    pair.await_(lambda: ask("PUT", front.url("/records/taken"), "v", session)[0] == 201, "writes to be taken")
    keys = [key for _, key, _ in ask("GET", front.url("/records"))[1]["items"]]
    assert keys == ["taken"]


def test_replication_is_switched_off_and_on_and_writes_go_on_meanwhile(pair: Pair) -> None:
    front = pair.fronts_a[0]
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    for vnf in (pair.a, pair.b):  # never stopped, there is nothing to take up
        post(vnf, "/replication", '{"wanted": true}')
    assert pair.b.status()["upstream"] is not None
    post(pair.a, "/replication", '{"wanted": false}')
    for _ in range(2):  # told twice, it still knows whom to follow again
        post(pair.b, "/replication", '{"wanted": false}')
    pair.await_(lambda: pair.b.status()["upstream"] is None, "the standby to follow nobody")
    assert ask("PUT", front.url("/records/alone"), "v", session)[0] == 201
    assert pair.a.status()["protected"] is False
    post(pair.b, "/replication", '{"wanted": true}')
    post(pair.a, "/replication", '{"wanted": true}')
    pair.await_(lambda: pair.a.status()["protected"], "the primary to be protected again")
    pair.await_(lambda: len(ask("GET", pair.front_b.url("/records"))[1]["items"]) == 1, "the record at the other site")


def test_a_synchronous_primary_goes_on_alone_when_its_standby_stays_away_and_says_so(
    pair: Pair, server: ProxyServer
) -> None:
    front = pair.fronts_a[0]
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    server.set_enabled(pair.link.name, False)
    pair.await_(lambda: ask("PUT", front.url("/records/alone"), "v", session)[0] == 201, "a write without the standby")
    assert pair.a.status()["protected"] is False
    server.set_enabled(pair.link.name, True)
    pair.await_(lambda: pair.a.status()["protected"], "the primary to be protected again")
    pair.await_(lambda: len(ask("GET", pair.front_b.url("/records"))[1]["items"]) == 1, "the write at the standby")


def test_a_standby_goes_back_to_a_savepoint_from_before_a_faulty_update(pair: Pair) -> None:
    front = pair.fronts_a[0]
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    ask("PUT", front.url("/records/before"), "v", session)
    post(pair.a, "/savepoint", '{"name": "clean"}')
    ask("PUT", front.url("/records/after"), "w", session)
    post(pair.a, "/spoil")
    spoiled = [value for _, _, value in ask("GET", front.url("/records"))[1]["items"]]
    assert "v" not in spoiled
    pair.await_(
        lambda: [v for _, _, v in ask("GET", pair.front_b.url("/records"))[1]["items"]] == spoiled,
        "the fault to spread",
    )
    post(pair.a, "/quiesce")
    post(pair.b, "/recover", '{"name": "clean"}')
    pair.await_database(pair.front_b, "writable")
    assert ask("GET", pair.front_b.url("/records"))[1]["items"] == [[1, "before", "v"]]
    assert ask("PUT", pair.front_b.url("/records/again"), "x", session)[0] == 201


def test_a_message_that_no_front_end_can_read_ends_those_of_both_sites_until_it_is_removed(pair: Pair) -> None:
    fronts = [*pair.fronts_a, pair.front_b]
    agents = [f"http://{front.config['addresses']['oam']}:8009" for front in fronts]
    post(pair.a, "/message", '{"body": "{\\"to\\": \\"s\\", \\"text\\": \\"hello\\"}"}')
    for front in fronts:
        pair.await_(
            lambda f=front: ask("GET", f.url("/messages/s"))[1]["messages"] == ["hello"], "a message to be read"
        )
    number = ask("POST", pair.a.url("/message"), '{"body": "{\\"text\\": \\"to nobody\\"}"}')[1]["id"]
    for agent in agents:
        pair.await_(lambda a=agent: ask("GET", f"{a}/status")[1]["ends"] >= 2, "a front-end to end again and again")
        said = ask("GET", f"{agent}/status")[1]
        assert (said["ended"], said["error"]) == (1, "KeyError: 'to'")
    assert ask("POST", pair.b.url("/discard"), f'{{"id": {number}}}')[0] == 409
    assert ask("POST", pair.a.url("/discard"), f'{{"id": {number}}}')[1] == {"discarded": 1}
    for front, state in [*((front, "writable") for front in pair.fronts_a), (pair.front_b, "read-only")]:
        pair.await_database(front, state)
    ends = [ask("GET", f"{agent}/status")[1]["ends"] for agent in agents]
    session = ask("POST", fronts[0].url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    assert ask("PUT", fronts[0].url("/records/after"), "v", session)[0] == 201
    assert [ask("GET", f"{agent}/status")[1]["ends"] for agent in agents] == ends


def test_a_front_end_that_is_killed_is_run_again_and_its_agent_says_so(pair: Pair) -> None:
    front = pair.fronts_a[0]
    agent = f"http://{front.config['addresses']['oam']}:8009"
    before = ask("GET", f"{agent}/status")[1]
    assert (before["role"], before["starts"], before["ends"], before["ended"]) == ("agent", 1, 0, None)
    assert ask("POST", f"{agent}/kill")[1] == {"killed": before["pid"]}
    pair.await_(lambda: ask("GET", f"{agent}/status")[1]["ends"] == 1, "the front-end to end")
    pair.await_database(front, "writable")
    after = ask("GET", f"{agent}/status")[1]
    assert (after["starts"], after["ended"]) == (2, -9)
    assert after["pid"] not in (None, before["pid"])
    assert ask("POST", f"{agent}/nothing")[0] == 404


def test_a_configuration_holds_at_both_sites_until_it_is_taken_back(pair: Pair) -> None:
    fronts = [*pair.fronts_a, pair.front_b]
    front = fronts[0]
    session = ask("POST", front.url("/sessions"), '{"subscriber": "s"}')[1]["session"]
    post(pair.a, "/configure", '{"name": "longest_body", "value": 0}')
    for one in fronts:
        pair.await_(lambda f=one: f.status().get("longest_body") == 0, "a front-end to have read its configuration")
    status, answer = ask("PUT", front.url("/records/k"), "v", session)
    assert (status, answer["error"]) == (503, "the configuration allows bodies of 0 bytes at most")
    assert ask("GET", front.url("/records"))[1]["items"] == []
    post(pair.a, "/configure", '{"name": "longest_body", "value": null}')
    for one in fronts:
        pair.await_(lambda f=one: f.status().get("longest_body") == 65536, "the usual to hold again")
    assert ask("PUT", front.url("/records/k"), "v", session)[0] == 201


def test_a_standby_says_what_is_wrong_with_an_order(pair: Pair) -> None:
    for path, body, status, words in (
        ("/follow", "not json", 409, "Expecting value"),
        ("/follow", '{"host": "127.0.0.1"}', 400, "'port'"),
        ("/no-such-thing", None, 404, "no /no-such-thing here"),
        ("/quiesce", None, 409, "only a primary"),
        ("/resume", None, 409, "must be promoted"),
        ("/savepoint", '{"name": "x"}', 409, "only a primary"),
        ("/recover", '{"name": "../x"}', 409, "no savepoint named"),
    ):
        seen, answer = ask("POST", pair.b.url(path), body)
        assert (seen, words in answer["error"]) == (status, True), (path, answer)
