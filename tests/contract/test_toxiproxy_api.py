"""The link proxy's HTTP answers beside those of the real Toxiproxy 2.12: status, content type, body.

Each case does the same on both; they must agree, or differ exactly as docs/link-proxy.md says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_toxiproxy_effects import CASES as EFFECTS
from toxiproxy_bench import (
    Server,
    compare,
    deviations,
    free_port,
    on_both,
    our_server,
    real_server,
    with_real_server,
)

Case = Callable[[Server], Any]
CASES: dict[str, Case] = {}
NOWHERE = "127.0.0.1:1"


def case(function: Case) -> Case:
    CASES[function.__name__.removeprefix("case_").replace("_", "-")] = function
    return function


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with real_server() as real, our_server() as ours:
        yield real, ours


def made(server: Server, **more: Any) -> str:
    return server.proxy(1, **more)[0]


def made_at(server: Server) -> tuple[str, str]:
    name, port = server.proxy(1)
    return name, f"127.0.0.1:{port}"


def unport(seen: list[Any]) -> list[Any]:
    """The answer about one proxy, with the port it got by chance and its made-up name taken out."""
    seen[2]["listen"] = seen[2]["listen"].rpartition(":")[0]
    seen[2]["name"] = "…"
    return seen


# -- the server


@case
def case_version_type(server: Server) -> Any:
    return server.call("GET", "/version").type


@case
def case_version_body(server: Server) -> Any:
    return sorted(server.call("GET", "/version").json)


@case
def case_unknown_path(server: Server) -> Any:
    return server.call("GET", "/nothing").seen()


@case
def case_trailing_slash(server: Server) -> Any:
    return [server.call("GET", f"/proxies/{made(server)}/").seen(), server.call("GET", "/proxies/").seen()]


@case
def case_metrics_are_off(server: Server) -> Any:
    return server.call("GET", "/metrics").seen()


@case
def case_method_not_allowed(server: Server) -> Any:
    answer = server.call("PUT", f"/proxies/{made(server)}", {})
    return [answer.status, answer.type, answer.text]


@case
def case_head(server: Server) -> Any:
    return server.call("HEAD", "/proxies").status


@case
def case_browsers_are_kept_out(server: Server) -> Any:
    return server.call("GET", "/version", agent="Mozilla/5.0").seen()


# -- creating proxies


@case
def case_create(server: Server) -> Any:
    wanted = {"name": server.name(), "listen": "127.0.0.1:0", "upstream": NOWHERE}
    return unport(server.call("POST", "/proxies", wanted).seen())


@case
def case_proxy_body_keys(server: Server) -> Any:
    return sorted(server.call("GET", f"/proxies/{made(server)}").json)


@case
def case_create_duplicate(server: Server) -> Any:
    name = made(server)
    return server.call("POST", "/proxies", {"name": name, "upstream": NOWHERE}).seen()


@case
def case_create_on_a_taken_port(server: Server) -> Any:
    _, listen = made_at(server)
    wanted = {"name": server.name(), "upstream": NOWHERE, "listen": listen}
    answer = server.call("POST", "/proxies", wanted)
    return [answer.status, answer.type, answer.json["error"].replace(listen, "ADDRESS")]


@case
def case_create_at_a_foreign_address(server: Server) -> Any:
    wanted = {"name": server.name(), "upstream": NOWHERE, "listen": "192.0.2.1:1234"}
    return server.call("POST", "/proxies", wanted).seen()


@case
def case_create_disabled(server: Server) -> Any:
    wanted = {"name": server.name(), "upstream": NOWHERE, "listen": "localhost:1234", "enabled": False}
    created = server.call("POST", "/proxies", wanted).json
    return [created["listen"], created["enabled"]]


@case
def case_create_without_listen(server: Server) -> Any:
    return unport(server.call("POST", "/proxies", {"name": server.name(), "upstream": NOWHERE}).seen())


@case
def case_create_without_upstream(server: Server) -> Any:
    return server.call("POST", "/proxies", {"name": server.name()}).seen()


@case
def case_create_without_name(server: Server) -> Any:
    return server.call("POST", "/proxies", {"upstream": NOWHERE}).seen()


@case
def case_create_from_broken_json(server: Server) -> Any:
    return server.call("POST", "/proxies", raw=b"{bad").seen()


@case
def case_bad_json_wording(server: Server) -> Any:
    return server.call("POST", "/proxies", raw=b"[").json["error"]


@case
def case_create_from_nothing(server: Server) -> Any:
    return server.call("POST", "/proxies", raw=b"").json["error"]


@case
def case_create_with_a_number_for_a_name(server: Server) -> Any:
    return server.call("POST", "/proxies", {"name": 5, "upstream": NOWHERE}).seen()


@case
def case_create_with_capital_keys(server: Server) -> Any:
    wanted = {"Name": server.name(), "LISTEN": "127.0.0.1:0", "Upstream": NOWHERE}
    return unport(server.call("POST", "/proxies", wanted).seen())


@case
def case_create_with_nulls(server: Server) -> Any:
    wanted = {"name": server.name(), "listen": "127.0.0.1:0", "upstream": NOWHERE, "enabled": None}
    return unport(server.call("POST", "/proxies", wanted).seen())


@case
def case_upstream_without_port(server: Server) -> Any:
    wanted = {"name": server.name(), "listen": "127.0.0.1:0", "upstream": "somewhere"}
    return server.call("POST", "/proxies", wanted).status


@case
def case_slash_in_a_name(server: Server) -> Any:
    wanted = {"name": f"{server.name()}/x", "listen": "127.0.0.1:0", "upstream": NOWHERE}
    created = server.call("POST", "/proxies", wanted)
    return [created.status, server.call("GET", f"/proxies/{wanted['name'].replace('/', '%2F')}").status]


# -- showing, changing and deleting proxies


@case
def case_show_missing(server: Server) -> Any:
    return server.call("GET", "/proxies/none").seen()


@case
def case_list_is_by_name(server: Server) -> Any:
    name = made(server)
    answer = server.call("GET", "/proxies")
    return [answer.status, answer.type, answer.json[name]["name"] == name]


@case
def case_enable_resolves_the_name(server: Server) -> Any:
    port = free_port()
    name = made(server, listen=f"localhost:{port}", enabled=False)
    seen = server.call("POST", f"/proxies/{name}", {"enabled": True}).json
    return [seen["listen"] == f"127.0.0.1:{port}", seen["enabled"]]


@case
def case_update_upstream(server: Server) -> Any:
    name = made(server)
    return unport(server.call("PATCH", f"/proxies/{name}", {"upstream": "127.0.0.1:2"}).seen())


@case
def case_update_to_a_bad_address_changes_nothing(server: Server) -> Any:
    name, listen = made_at(server)
    refused = server.call("PATCH", f"/proxies/{name}", {"listen": "notanaddr"}).seen()
    after = server.call("GET", f"/proxies/{name}").json
    return [refused, after["listen"] == listen, after["enabled"]]


@case
def case_update_to_a_taken_port_disables(server: Server) -> Any:
    _, taken = made_at(server)
    name = made(server)
    refused = server.call("PATCH", f"/proxies/{name}", {"listen": taken})
    after = server.call("GET", f"/proxies/{name}").json
    return [refused.status, after["listen"] == taken, after["enabled"]]


@case
def case_update_cannot_rename(server: Server) -> Any:
    name = made(server)
    return server.call("PATCH", f"/proxies/{name}", {"name": "renamed"}).json["name"] == name


@case
def case_update_with_broken_json(server: Server) -> Any:
    return server.call("PATCH", f"/proxies/{made(server)}", raw=b"x").seen()


@case
def case_update_missing(server: Server) -> Any:
    return server.call("PATCH", "/proxies/none", {"enabled": True}).seen()


@case
def case_delete(server: Server) -> Any:
    name = made(server)
    return [server.call("DELETE", f"/proxies/{name}").seen(), server.call("DELETE", f"/proxies/{name}").seen()]


# -- toxics


def _defaults_of(kind: str) -> Case:
    def see(server: Server) -> Any:
        return server.call("POST", f"/proxies/{made(server)}/toxics", {"type": kind}).seen()

    return see


for _kind in ("bandwidth", "latency", "limit_data", "noop", "reset_peer", "slow_close", "timeout"):
    CASES[f"toxic-defaults-{_kind.replace('_', '-')}"] = _defaults_of(_kind)


def _toxic_body(body: Any) -> Case:
    def see(server: Server) -> Any:
        return server.call("POST", f"/proxies/{made(server)}/toxics", body).seen()

    return see


def _toxic_status(body: Any) -> Case:
    def see(server: Server) -> Any:
        return server.call("POST", f"/proxies/{made(server)}/toxics", body).status

    return see


CASES |= {
    "toxic-slicer": _toxic_body({"type": "slicer", "attributes": {"average_size": 9, "size_variation": 3}}),
    "toxic-named": _toxic_body({"name": "n", "type": "latency", "stream": "upstream", "toxicity": 0.25}),
    "toxic-stream-in-capitals": _toxic_body({"type": "latency", "stream": "UPSTREAM"}),
    "toxic-of-no-type": _toxic_body({}),
    "toxic-of-unknown-type": _toxic_body({"type": "nope"}),
    "toxic-with-bad-stream": _toxic_body({"type": "latency", "stream": "sideways"}),
    "toxic-bad-stream-and-type": _toxic_body({"type": "nope", "stream": "sideways"}),
    "toxic-attribute-text": _toxic_body({"type": "latency", "attributes": {"latency": "5"}}),
    "toxic-attribute-fraction": _toxic_body({"type": "latency", "attributes": {"latency": 1.5}}),
    "toxic-attribute-null": _toxic_body({"type": "latency", "attributes": {"latency": None}}),
    "toxic-attribute-capitals": _toxic_body({"type": "latency", "attributes": {"Latency": 4}}),
    "toxic-attributes-list": _toxic_body({"type": "latency", "attributes": [1]}),
    "toxic-attribute-huge": _toxic_body({"type": "latency", "attributes": {"latency": 2**63}}),
    "blackhole": _toxic_status({"type": "blackhole"}),
    "unknown-attribute": _toxic_status({"type": "latency", "attributes": {"latncy": 5}}),
    "negative-attribute": _toxic_status({"type": "latency", "attributes": {"latency": -5}}),
    "toxicity-above-one": _toxic_status({"type": "latency", "toxicity": 7.5}),
    "slicer-without-a-size": _toxic_status({"type": "slicer"}),
    "slicer-variation-too-large": _toxic_status(
        {"type": "slicer", "attributes": {"average_size": 4, "size_variation": 4}}
    ),
}


@case
def case_toxic_with_trailing_garbage(server: Server) -> Any:
    return server.call("POST", f"/proxies/{made(server)}/toxics", raw=b'{"type": "latency"} garbage').seen()


@case
def case_toxic_duplicate(server: Server) -> Any:
    path = f"/proxies/{made(server)}/toxics"
    server.call("POST", path, {"type": "latency"})
    return server.call("POST", path, {"type": "latency"}).seen()


@case
def case_toxic_on_a_missing_proxy(server: Server) -> Any:
    return server.call("POST", "/proxies/none/toxics", {"type": "latency"}).seen()


@case
def case_toxics_in_order(server: Server) -> Any:
    name = made(server)
    for number, stream in enumerate(("downstream", "upstream", "downstream", "upstream")):
        server.call("POST", f"/proxies/{name}/toxics", {"name": f"t{number}", "type": "noop", "stream": stream})
    in_proxy = [toxic["name"] for toxic in server.call("GET", f"/proxies/{name}").json["toxics"]]
    return [server.call("GET", f"/proxies/{name}/toxics").seen(), in_proxy]


@case
def case_toxic_shown(server: Server) -> Any:
    path = f"/proxies/{made(server)}/toxics"
    server.call("POST", path, {"type": "latency", "attributes": {"latency": 3}})
    return [server.call("GET", f"{path}/latency_downstream").seen(), server.call("GET", f"{path}/none").seen()]


@case
def case_toxic_update_merges(server: Server) -> Any:
    path = f"/proxies/{made(server)}/toxics"
    server.call("POST", path, {"type": "latency", "attributes": {"latency": 3}})
    return server.call("PATCH", f"{path}/latency_downstream", {"attributes": {"jitter": 2}}).seen()


@case
def case_toxic_update_by_post(server: Server) -> Any:
    path = f"/proxies/{made(server)}/toxics"
    server.call("POST", path, {"type": "latency", "attributes": {"latency": 3}})
    return server.call("POST", f"{path}/latency_downstream", {"toxicity": 0.25}).seen()


@case
def case_toxic_update_leaves_type_and_stream(server: Server) -> Any:
    path = f"/proxies/{made(server)}/toxics"
    server.call("POST", path, {"type": "latency"})
    change = {"type": "timeout", "stream": "upstream", "name": "q", "attributes": {}}
    return server.call("PATCH", f"{path}/latency_downstream", change).seen()


@case
def case_toxic_update_with_broken_json(server: Server) -> Any:
    path = f"/proxies/{made(server)}/toxics"
    server.call("POST", path, {"type": "latency"})
    return server.call("PATCH", f"{path}/latency_downstream", raw=b"x").seen()


@case
def case_toxic_update_missing(server: Server) -> Any:
    return server.call("PATCH", f"/proxies/{made(server)}/toxics/none", {}).seen()


@case
def case_toxic_delete(server: Server) -> Any:
    path = f"/proxies/{made(server)}/toxics"
    server.call("POST", path, {"type": "latency"})
    return [server.call("DELETE", f"{path}/latency_downstream").seen() for _ in range(2)]


# -- populate and reset


@case
def case_populate(server: Server) -> Any:
    one = {"name": server.name(), "listen": f"127.0.0.1:{free_port()}", "upstream": NOWHERE}
    two = {"name": server.name(), "listen": f"127.0.0.1:{free_port()}", "upstream": NOWHERE, "enabled": False}
    answer = server.call("POST", "/populate", [one, two])
    return [answer.status, answer.type, [(p["enabled"], p["toxics"]) for p in answer.json["proxies"]]]


@case
def case_populate_leaves_alone_what_is_the_same(server: Server) -> Any:
    name, listen = made_at(server)
    server.call("POST", f"/proxies/{name}/toxics", {"type": "latency"})
    same = {"name": name, "listen": listen.replace("127.0.0.1", "localhost"), "upstream": NOWHERE}
    answer = server.call("POST", "/populate", [same | {"enabled": False}])
    return [(p["enabled"], len(p["toxics"])) for p in answer.json["proxies"]]


@case
def case_populate_replaces_what_differs(server: Server) -> Any:
    name, listen = made_at(server)
    server.call("POST", f"/proxies/{name}/toxics", {"type": "latency"})
    answer = server.call("POST", "/populate", [{"name": name, "listen": listen, "upstream": "127.0.0.1:2"}])
    return [(p["upstream"], p["enabled"], p["toxics"]) for p in answer.json["proxies"]]


@case
def case_populate_stops_at_a_taken_port(server: Server) -> Any:
    listen = f"127.0.0.1:{free_port()}"
    wanted = [{"name": server.name(), "listen": listen, "upstream": NOWHERE} for _ in range(2)]
    answer = server.call("POST", "/populate", wanted)
    error = answer.json["error"].replace(listen, "ADDRESS")
    return [answer.status, answer.type, error, answer.json["status"], len(answer.json["proxies"])]


@case
def case_populate_without_upstream(server: Server) -> Any:
    good = {"name": server.name(), "listen": "127.0.0.1:0", "upstream": NOWHERE}
    return server.call("POST", "/populate", [good, {"name": server.name()}]).seen()


@case
def case_populate_with_an_object(server: Server) -> Any:
    return server.call("POST", "/populate", {"name": server.name()}).seen()


@case
def case_populate_with_nothing(server: Server) -> Any:
    return server.call("POST", "/populate", []).seen()


@case
def case_reset(server: Server) -> Any:
    name, listen = made_at(server)
    server.call("POST", f"/proxies/{name}/toxics", {"type": "latency"})
    server.call("POST", f"/proxies/{name}", {"enabled": False})
    # One that cannot be enabled would make the answer of /reset depend on which is tried first.
    for other, shown in server.call("GET", "/proxies").json.items():
        if other != name and not shown["enabled"]:
            server.call("DELETE", f"/proxies/{other}")
    answer = server.call("POST", "/reset").seen()
    after = server.call("GET", f"/proxies/{name}").json
    return [answer, after["enabled"], after["toxics"], after["listen"] == listen]


@with_real_server
@pytest.mark.parametrize("name", list(CASES))
def test_the_answer_is_toxiproxys_or_differs_as_documented(name: str, servers: tuple[Server, Server]) -> None:
    compare(name, *on_both(CASES[name], *servers))


def test_every_documented_deviation_belongs_to_a_case() -> None:
    assert set(deviations()) <= set(CASES) | set(EFFECTS)
