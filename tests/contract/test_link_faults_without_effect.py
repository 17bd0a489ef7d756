"""Link faults that do not do what they say, on the embedded proxy and on a real Toxiproxy: none is taken for done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from toxiproxy_bench import SKIP_REASON, client, like_postgresql, read, real_binary, real_server, upstream

from conformance.errors import UsageError
from conformance.faults.base import Fault
from conformance.faults.link_bandwidth import LinkBandwidth
from conformance.faults.link_delay import LinkDelay
from conformance.faults.link_flapping import LinkFlapping
from conformance.faults.link_jitter import LinkJitter
from conformance.faults.link_silence import LinkOneWayCut, LinkStall
from conformance.faults.link_slow_close import LinkSlowClose
from conformance.faults.toxic import ToxicFault
from conformance.links import EmbeddedProxy, Link, LinkError, ProxyServer, Toxic
from conformance.waiting import wait_until

UP, DOWN = ("upstream",), ("downstream",)


@pytest.fixture
def link(server: ProxyServer) -> Iterator[Link]:
    with upstream(like_postgresql) as running:
        link = opened(server, running.port)
        yield link
        link.close()


def opened(server: ProxyServer, port: int) -> Link:
    to = f"127.0.0.1:{port}"
    return Link.open(server, name="b-to-a", from_site="b", to_site="a", listen_host="127.0.0.1", upstream=to)


class Deaf:
    """A proxy server that says yes and does nothing."""

    def __init__(self, server: ProxyServer) -> None:
        self._server = server
        self._enabled = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def add_toxic(self, name: str, toxic: Toxic) -> None:
        """Nothing."""

    def set_enabled(self, name: str, enabled: bool) -> None:
        """As if it had."""
        self._enabled = enabled

    def enabled(self, name: str) -> bool:
        return self._enabled


def deaf(link: Link) -> Link:
    return replace(link, server=cast(ProxyServer, Deaf(link.server)))


def by_nature(link: Link, kind: str, **attributes: int) -> None:
    """What the way is like, whatever is done to it."""
    for stream in (*UP, *DOWN):
        link.server.add_toxic(link.name, Toxic(f"nature-{stream}", kind, stream, attributes=attributes))


@pytest.mark.parametrize(
    ("kind", "attributes", "make"),
    [
        ("latency", {"latency": 80}, lambda link: LinkDelay(link, 80)),
        ("latency", {"latency": 60, "jitter": 60}, lambda link: LinkJitter(link, 20)),
        ("bandwidth", {"rate": 40}, lambda link: LinkBandwidth(link, 40)),
        ("slow_close", {"delay": 300}, lambda link: LinkSlowClose(link, 300)),
    ],
    ids=["delay", "jitter", "bandwidth", "slow close"],
)
def test_what_a_link_is_like_by_nature_is_not_taken_for_the_fault(
    kind: str, attributes: dict[str, int], make: Callable[[Link], Fault], link: Link
) -> None:
    by_nature(link, kind, **attributes)
    fault = make(deaf(link))
    fault.inject()
    seen = fault.verify()
    assert not seen.ok, seen


@pytest.mark.parametrize("make", [lambda link: LinkDelay(link, 60), lambda link: LinkJitter(link, 60)])
def test_a_fault_of_a_slow_link_is_seen_all_the_same(make: Callable[[Link], Fault], link: Link) -> None:
    by_nature(link, "latency", latency=40)
    fault = make(link)
    fault.inject()
    seen = fault.verify()
    assert seen.ok, seen


@pytest.mark.parametrize("streams", [UP, DOWN])
def test_a_link_that_stalls_as_a_whole_is_not_cut_one_way(streams: tuple[str, ...], link: Link) -> None:
    fault = LinkOneWayCut(link, streams)
    fault.toxics = LinkStall(link).toxics
    fault.inject()
    seen = fault.verify()
    assert not seen.ok and seen.observed["answer"] == "silent", seen


@pytest.mark.parametrize(("asked", "done"), [(UP, DOWN), (DOWN, UP)])
def test_a_cut_the_other_way_is_not_the_one_that_was_asked_for(
    asked: tuple[str, ...], done: tuple[str, ...], link: Link
) -> None:
    fault: ToxicFault = LinkOneWayCut(link, asked)
    fault.toxics = LinkOneWayCut(link, done).toxics
    fault.inject()
    seen = fault.verify()
    assert not seen.ok and seen.observed["answer"] == "silent", seen


@pytest.mark.parametrize("streams", [UP, DOWN])
def test_a_one_way_cut_leaves_nothing_but_itself_on_the_proxy(streams: tuple[str, ...], link: Link) -> None:
    fault = LinkOneWayCut(link, streams)
    fault.inject()
    assert [toxic.name for toxic in link.server.toxics(link.name)] == [f"link-one-way-cut-{streams[0]}"]
    fault.heal()
    assert not link.server.toxics(link.name)


def test_a_link_is_cut_one_way_in_one_direction(link: Link) -> None:
    with pytest.raises(UsageError, match="either upstream or downstream"):
        LinkOneWayCut(link, (*UP, *DOWN))


def test_a_link_that_only_says_that_it_comes_and_goes_does_not(link: Link) -> None:
    fault = LinkFlapping(deaf(link), 0.2)
    fault.inject()
    try:
        seen = fault.verify()
        assert not seen.ok and True in seen.observed["states"] and False not in seen.observed["states"], seen
    finally:
        fault.heal()


def test_a_link_that_stopped_flapping_says_so(link: Link) -> None:
    fault = LinkFlapping(link, 0.2)
    fault.inject()
    assert fault.verify().ok and not fault.gave_up()
    link.close()
    why = wait_until(fault.gave_up, timeout=10, what="the flapping to end")
    assert "stayed as it was from then on" in why and "404" in why
    with pytest.raises(LinkError):
        fault.heal()


@pytest.mark.toxiproxy
@pytest.mark.skipif(real_binary() is None, reason=SKIP_REASON)
def test_a_toxiproxy_tells_what_passed_in_connections_that_have_ended_if_it_counts() -> None:
    with upstream(like_postgresql) as far, real_server("-proxy-metrics") as counting:
        link = opened(ProxyServer(counting.url), far.port)
        assert link.server.counters(link.name) is None
        assert link.server.bytes_of_ended(link.name) == 0
        with client(link.listen_port) as near:
            near.sendall(link.dialect.question)
            assert read(near) == "N"
            assert link.server.bytes_of_ended(link.name) == 0
        wait_until(lambda: link.server.bytes_of_ended(link.name) == 9, timeout=10, what="8 bytes there and 1 back")
        assert link.server.bytes_of_ended("another") == 0
    with upstream(like_postgresql) as far, real_server() as silent:
        link = opened(ProxyServer(silent.url), far.port)
        assert link.server.bytes_of_ended(link.name) is None


def test_the_embedded_proxy_has_counters_of_its_own_instead() -> None:
    with EmbeddedProxy(seed=1) as embedded, upstream(like_postgresql) as far:
        link = opened(embedded.server, far.port)
        assert link.server.counters(link.name) is not None and link.server.bytes_of_ended(link.name) is None
