"""toxiproxy-python, and our adapter around it, drive the link proxy and the real Toxiproxy alike."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import toxiproxy
import toxiproxy.api
from toxiproxy_bench import (
    SKIP_REASON,
    Server,
    client,
    free_port,
    our_server,
    read,
    real_binary,
    real_server,
    silent,
    upstream,
)

from conformance.errors import UsageError
from conformance.links import EmbeddedProxy, LinkError, NotThere, ProxyServer, ServerGone, Toxic, transport


@pytest.fixture(scope="module", params=["ours", pytest.param("real", marks=pytest.mark.toxiproxy)])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "real" and real_binary() is None:
        pytest.skip(SKIP_REASON)
    with our_server() if request.param == "ours" else real_server() as running:
        yield running


@pytest.fixture
def driven(server: Server) -> Iterator[ProxyServer]:
    driven = ProxyServer(server.url)
    yield driven
    for name in server.call("GET", "/proxies").json:
        driven.delete(name)


def test_toxiproxy_python_by_itself_creates_disturbs_and_destroys(server: Server) -> None:
    library = toxiproxy.Toxiproxy()
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    before = toxiproxy.api.APIConsumer.host, toxiproxy.api.APIConsumer.port
    library.update_api_consumer(host, int(port))
    try:
        assert library.running()
        with upstream() as far:
            proxy = library.create(f"127.0.0.1:{far.port}", "lib")
            with client(int(proxy.listen.rpartition(":")[2])) as near:
                proxy.add_toxic(type="timeout", attributes={"timeout": 0})
                assert set(proxy.toxics()) == {"timeout_downstream"}
                near.sendall(b"k")
                assert silent(near)
                proxy.destroy_toxic("timeout_downstream")
                assert read(near) == "EOF"
            with proxy.down(), pytest.raises(ConnectionRefusedError):
                client(int(proxy.listen.rpartition(":")[2]))
            assert proxy.destroy()
            assert library.get_proxy("lib") is None
            assert library.reset()
    finally:
        library.update_api_consumer(*before)


def test_a_proxy_is_created_where_it_says_and_carries_data(driven: ProxyServer) -> None:
    with upstream() as far:
        proxy = driven.create_proxy("p", "127.0.0.1", f"127.0.0.1:{far.port}")
        assert proxy.name == "p" and proxy.listen_host == "127.0.0.1"
        with client(proxy.listen_port) as near:
            near.sendall(b"hello")
            assert read(near) == "hello"


def test_toxics_are_added_changed_listed_and_removed(driven: ProxyServer) -> None:
    driven.create_proxy("p", "127.0.0.1", "127.0.0.1:1")
    toxic = Toxic("slow", "latency", "upstream", 0.5, {"latency": 5})
    driven.add_toxic("p", toxic)
    driven.update_toxic("p", "slow", {"jitter": 2})
    expected = Toxic("slow", "latency", "upstream", 0.5, {"latency": 5, "jitter": 2})
    assert driven.toxics("p") == (expected,)
    driven.remove_toxic("p", "slow")
    assert driven.toxics("p") == ()


def test_removing_what_is_not_there_is_already_done(driven: ProxyServer) -> None:
    driven.create_proxy("p", "127.0.0.1", "127.0.0.1:1")
    driven.remove_toxic("p", "never")
    driven.delete("p")
    driven.delete("p")


def test_a_proxy_is_disabled_enabled_and_reset(driven: ProxyServer) -> None:
    driven.create_proxy("p", "127.0.0.1", "127.0.0.1:1")
    driven.add_toxic("p", Toxic("t", "noop", "upstream"))
    driven.set_enabled("p", False)
    assert not driven.enabled("p")
    driven.set_enabled("p", True)
    assert driven.enabled("p")
    driven.set_enabled("p", False)
    driven.reset()
    assert driven.enabled("p") and driven.toxics("p") == ()


def test_names_that_need_quoting_work(driven: ProxyServer) -> None:
    driven.create_proxy("site b → a?", "127.0.0.1", "127.0.0.1:1")
    driven.add_toxic("site b → a?", Toxic("50 %", "noop", "upstream"))
    driven.remove_toxic("site b → a?", "50 %")
    assert driven.toxics("site b → a?") == ()


def test_a_taken_name_is_a_sentence(driven: ProxyServer) -> None:
    driven.create_proxy("p", "127.0.0.1", "127.0.0.1:1")
    with pytest.raises(LinkError, match="has a proxy named 'p' already"):
        driven.create_proxy("p", "127.0.0.1", "127.0.0.1:1")


def test_a_500_is_a_sentence_and_not_a_key_error(driven: ProxyServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LinkError, match="already in use"):
        driven.create_proxy("p", "127.0.0.1", "127.0.0.1:1", listen_port=taken.getsockname()[1])


def test_a_refused_toxic_names_the_reason(driven: ProxyServer) -> None:
    driven.create_proxy("p", "127.0.0.1", "127.0.0.1:1")
    with pytest.raises(LinkError, match="invalid toxic type"):
        driven.add_toxic("p", Toxic("t", "earthquake", "upstream"))


def test_a_missing_proxy_is_told_from_other_trouble(driven: ProxyServer) -> None:
    with pytest.raises(NotThere, match="proxy not found"):
        driven.enabled("never")


def test_only_ours_counts_and_knows_itself(server: Server, driven: ProxyServer) -> None:
    ours = "implementation" in server.call("GET", "/version").json
    assert driven.is_embedded == ours
    with upstream() as far:
        proxy = driven.create_proxy("p", "127.0.0.1", f"127.0.0.1:{far.port}")
        with client(proxy.listen_port) as near:
            near.sendall(b"hello")
            read(near)
            counted = driven.counters("p")
    if not ours:
        assert counted is None
    else:
        assert counted is not None
        assert (counted.from_client, counted.to_upstream) == (5, 5)
        assert (counted.from_upstream, counted.to_client) == (5, 5)
        assert (counted.open_connections, counted.total_connections, counted.dial_failures) == (1, 1, 0)


def test_two_servers_are_driven_from_one_process_at_the_same_time(server: Server) -> None:
    with EmbeddedProxy() as other:
        both = (ProxyServer(server.url), other.server)

        def work(number: int) -> None:
            driven = both[number % 2]
            name = f"n{number}"
            driven.create_proxy(name, "127.0.0.1", "127.0.0.1:1")
            driven.add_toxic(name, Toxic("t", "noop", "upstream"))
            assert len(driven.toxics(name)) == 1

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(12)))
        names = [set(Server(server.process, driven.url).call("GET", "/proxies").json) for driven in both]
        assert names == [{f"n{n}" for n in range(0, 12, 2)}, {f"n{n}" for n in range(1, 12, 2)}]


def test_a_server_that_is_gone_is_a_sentence_and_has_no_proxies_to_delete() -> None:
    gone = ProxyServer(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ServerGone, match="no link proxy answers there"):
        gone.version()
    gone.delete("p")


def test_a_server_that_never_answers_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_TIMEOUT_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(LinkError, match="did not answer properly"),
    ):
        ProxyServer(f"http://127.0.0.1:{mute.getsockname()[1]}").version()


def test_something_else_that_speaks_http_is_not_taken_for_a_toxiproxy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<ht>")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(LinkError, match="is not a Toxiproxy"):
            ProxyServer(f"http://127.0.0.1:{other.getsockname()[1]}").version()


@pytest.mark.parametrize("url", ["127.0.0.1:8474", "https://127.0.0.1:8474", "http://x:port", "http:///", ""])
def test_an_unusable_url_says_what_one_looks_like(url: str) -> None:
    with pytest.raises(UsageError, match="should look like http://127.0.0.1:8474"):
        ProxyServer(url)
