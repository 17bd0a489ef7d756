"""The link faults on the embedded proxy and on a real Toxiproxy: they bite, they are seen to bite, they heal."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from toxiproxy_bench import (
    Upstream,
    client,
    like_postgresql,
    read,
    silent,
    upstream,
)

from conformance.faults.base import Fault
from conformance.faults.link_bandwidth import LinkBandwidth
from conformance.faults.link_cut import LinkCut
from conformance.faults.link_delay import LinkDelay
from conformance.faults.link_flapping import LinkFlapping
from conformance.faults.link_jitter import LinkJitter
from conformance.faults.link_reset import LinkReset
from conformance.faults.link_silence import LinkHalfOpen, LinkOneWayCut, LinkStall
from conformance.faults.link_slow_close import LinkSlowClose
from conformance.links import Answer, Link, LinkError, ProxyServer, Toxic, measure_rtt, probe_link, state

MS = 1_000_000


@pytest.fixture
def far() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture
def link(server: ProxyServer, far: Upstream) -> Iterator[Link]:
    link = Link.open(
        server,
        name="b-to-a",
        from_site="b",
        to_site="a",
        listen_host="127.0.0.1",
        upstream=f"127.0.0.1:{far.port}",
    )
    yield link
    link.close()


@pytest.fixture
def replication(server: ProxyServer) -> Iterator[Link]:
    """A link to something that begins as PostgreSQL does."""
    with upstream(like_postgresql) as running:
        link = Link.open(
            server,
            name="replication",
            from_site="b",
            to_site="a",
            listen_host="127.0.0.1",
            upstream=f"127.0.0.1:{running.port}",
        )
        yield link
        link.close()


FAULTS: list[Callable[[Link], Fault]] = [
    lambda link: LinkDelay(link, 60),
    LinkStall,
    LinkCut,
    lambda link: LinkJitter(link, 20),
    LinkHalfOpen,
    LinkReset,
    lambda link: LinkFlapping(link, 0.2),
]
# What is measured of these needs a far end that waits for the whole of a question, and one that hangs up.
FAULTS_OF_REPLICATION: list[Callable[[Link], Fault]] = [
    lambda link: LinkBandwidth(link, 40),
    lambda link: LinkSlowClose(link, 300),
    lambda link: LinkOneWayCut(link, ("downstream",)),
    lambda link: LinkOneWayCut(link, ("upstream",)),
]


@pytest.mark.parametrize("make", FAULTS_OF_REPLICATION)
def test_a_fault_of_replication_bites_and_heals(make: Callable[[Link], Fault], replication: Link) -> None:
    assert not make(replication).verify().ok
    fault = make(replication)
    fault.inject()
    bitten = fault.verify()
    assert bitten.ok, bitten
    fault.heal()
    assert fault.verify_healed().ok
    assert not fault.verify().ok


@pytest.mark.parametrize("make", FAULTS)
def test_a_fault_is_measured_to_bite_and_to_heal(make: Callable[[Link], Fault], link: Link) -> None:
    fault = make(link)
    fault.inject()
    bitten = fault.verify()
    assert bitten.ok, bitten
    fault.heal()
    healed = fault.verify_healed()
    assert healed.ok and healed.observed["rtt_ns"] is not None, healed
    assert not fault.verify().ok


@pytest.mark.parametrize("make", FAULTS)
def test_a_fault_that_was_not_injected_is_not_seen_to_bite(make: Callable[[Link], Fault], link: Link) -> None:
    assert not make(link).verify().ok


@pytest.mark.parametrize("make", FAULTS)
def test_healing_twice_or_without_a_fault_is_no_trouble(make: Callable[[Link], Fault], link: Link) -> None:
    fault = make(link)
    fault.heal()
    fault.inject()
    fault.heal()
    fault.heal()
    assert fault.verify_healed().ok


@pytest.mark.parametrize("make", FAULTS)
def test_the_undo_takes_the_link_away(make: Callable[[Link], Fault], link: Link) -> None:
    fault = make(link)
    undo = fault.undo()
    fault.inject()
    assert undo.action == "delete-proxy"
    ProxyServer(undo.arguments["url"]).delete(undo.arguments["name"])
    assert probe_link(link).answer is Answer.REFUSED
    with suppress(LinkError):
        fault.heal()  # ends what a fault does beside the main thread


@pytest.mark.parametrize("make", FAULTS[:2])
def test_a_fault_that_is_still_there_is_not_taken_for_healed(
    make: Callable[[Link], Fault], link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = make(link)
    fault.inject()
    monkeypatch.setattr(state, "HEALED_WITHIN_S", 0.1)
    assert not fault.verify_healed().ok


def test_the_delay_is_in_the_observation(link: Link) -> None:
    fault = LinkDelay(link, 60)
    fault.inject()
    observed = fault.verify().observed
    assert observed["requested_ns"] == 120 * MS
    assert observed["rtt_ns"] >= 120 * MS
    assert 0 < observed["baseline_ns"] < observed["rtt_ns"]


def test_a_stall_holds_what_is_sent_and_lets_it_flow_on_when_healed(link: Link) -> None:
    with client(link.listen_port) as near:
        near.sendall(b"before")
        assert read(near) == "before"
        fault = LinkStall(link)
        fault.inject()
        near.sendall(b"during")
        assert silent(near)
        fault.heal()
        assert read(near) == "during"


def test_a_stall_of_one_direction_lets_the_other_pass(link: Link) -> None:
    fault = LinkStall(link, streams=("downstream",))
    fault.inject()
    assert fault.verify().ok
    counters = link.server.counters(link.name)
    if counters is not None:
        assert counters.to_upstream == counters.from_client
        assert counters.to_client < counters.from_upstream


def test_a_cut_closes_what_was_open(link: Link) -> None:
    with client(link.listen_port) as near:
        near.sendall(b"k")
        read(near)
        LinkCut(link).inject()
        assert read(near) == "EOF"


def test_healing_is_shown_though_the_far_end_is_gone_and_says_so(link: Link, far: Upstream) -> None:
    fault = LinkStall(link)
    fault.inject()
    assert fault.verify().ok
    fault.heal()
    far.close()
    # Its thread still blocks in accept and takes one more connection before the port is really closed.
    socket.create_connection(("127.0.0.1", far.port), 5).close()
    healed = fault.verify_healed()
    assert healed.ok and "could not be measured" in healed.detail and healed.observed["rtt_ns"] is None


def test_a_delay_without_a_far_end_is_not_seen_to_bite(server: ProxyServer) -> None:
    link = Link.open(
        server,
        name="nobody",
        from_site="b",
        to_site="a",
        listen_host="127.0.0.1",
        upstream="127.0.0.1:1",
    )
    try:
        fault = LinkDelay(link, 10)
        fault.inject()
        seen = fault.verify()
        assert not seen.ok and seen.observed["rtt_ns"] is None
    finally:
        link.close()


def test_the_round_trip_is_measured_or_none(link: Link) -> None:
    rtt_ns = measure_rtt(link, samples=3)
    assert rtt_ns is not None and rtt_ns > 0
    link.server.add_toxic(link.name, Toxic("t", "timeout", "upstream"))
    assert measure_rtt(link, timeout=0.2) is None
