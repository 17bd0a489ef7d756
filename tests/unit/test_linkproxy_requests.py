"""Request bodies: what Toxiproxy accepts is accepted, and what makes no sense is refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.linkproxy.address import AddressError, join_address, split_address
from conformance.linkproxy.errors import ApiError
from conformance.linkproxy.requests import (
    ProxyInput,
    attributes_of,
    parse_new_toxic,
    parse_population,
    parse_proxy,
    parse_toxic_change,
)
from conformance.linkproxy.toxics import TOXICS, AppliedToxic


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def new_toxic(**given: Any) -> AppliedToxic:
    return parse_new_toxic(body(given))


def test_a_toxic_has_toxiproxys_defaults() -> None:
    assert new_toxic(type="latency") == AppliedToxic("latency_downstream", "downstream", 1.0, TOXICS["latency"]())


def test_every_toxic_of_toxiproxy_is_there_and_one_more() -> None:
    theirs = {"latency", "bandwidth", "slow_close", "timeout", "slicer", "limit_data", "reset_peer", "noop"}
    assert set(TOXICS) == theirs | {"blackhole"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"type": "latency", "attributes": {"latncy": 1}}, "unknown attribute 'latncy' of toxic latency; its "),
        ({"type": "latency", "attributes": {"latency": -1}}, "latency of toxic latency must be 0 or more, not -1"),
        ({"type": "latency", "attributes": {"latency": 1.5}}, "must be a whole number, not 1.5"),
        ({"type": "latency", "attributes": {"latency": "1"}}, 'must be a whole number, not "1"'),
        ({"type": "latency", "attributes": {"latency": True}}, "must be a whole number, not true"),
        ({"type": "latency", "attributes": {"latency": 2**63}}, "must be 0 or more, not 9223372036854775808"),
        ({"type": "latency", "attributes": 5}, "attributes must be an object, not 5"),
        ({"type": "latency", "toxicity": 1.1}, "toxicity must be a number from 0 to 1, not 1.1"),
        ({"type": "latency", "toxicity": -0.1}, "toxicity must be a number from 0 to 1, not -0.1"),
        ({"type": "latency", "toxicity": True}, "toxicity must be a number from 0 to 1, not true"),
        ({"type": "slicer"}, "toxic slicer: average_size must be 1 or more, not 0"),
        (
            {"type": "slicer", "attributes": {"average_size": 3, "size_variation": 3}},
            "size_variation must be less than average_size",
        ),
        ({"type": 5}, "type must be a string, not 5"),
        ({"type": "nope"}, "invalid toxic type"),
        ({}, "invalid toxic type"),
        ({"type": "latency", "stream": "sideways"}, "stream was invalid"),
        ([], "the body must be an object"),
    ],
)
def test_a_toxic_that_makes_no_sense_is_a_400_with_the_reason(given: Any, sentence: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_new_toxic(body(given))
    assert refused.value.status == 400
    assert sentence in str(refused.value)


def test_changing_a_toxic_keeps_what_is_not_named() -> None:
    current = new_toxic(type="latency", name="n", toxicity=0.5, attributes={"latency": 5, "jitter": 1})
    changed = parse_toxic_change(body({"attributes": {"jitter": 2}, "type": "timeout", "name": "q"}), current)
    assert (changed.name, changed.toxicity) == ("n", 0.5)
    assert attributes_of(changed.toxic) == {"latency": 5, "jitter": 2}


def test_changing_a_toxic_is_checked_with_what_it_has_already() -> None:
    current = new_toxic(type="slicer", attributes={"average_size": 5, "size_variation": 2})
    with pytest.raises(ApiError, match="size_variation must be less than average_size"):
        parse_toxic_change(body({"attributes": {"average_size": 2}}), current)


def test_changing_a_proxy_keeps_its_name_and_what_is_not_named() -> None:
    now = ProxyInput("p", "127.0.0.1:1", "127.0.0.1:2", enabled=False)
    changed = parse_proxy(body({"name": "other", "upstream": "127.0.0.1:3"}), now)
    assert changed == ProxyInput("p", "127.0.0.1:1", "127.0.0.1:3", enabled=False)


def test_a_population_is_checked_before_anything_is_created() -> None:
    good = {"name": "a", "upstream": "127.0.0.1:1"}
    assert parse_population(body([good])) == [ProxyInput("a", "", "127.0.0.1:1")]
    with pytest.raises(ApiError, match="missing required field: name at proxy 2"):
        parse_population(body([good, {"upstream": "127.0.0.1:1"}]))
    with pytest.raises(ApiError, match="the body must be a list"):
        parse_population(body(good))


@given(st.binary(max_size=60))
def test_no_body_whatever_raises_anything_but_a_400(raw: bytes) -> None:
    for parse in (parse_proxy, parse_population, parse_new_toxic):
        try:
            parse(raw)
        except ApiError as refused:
            assert refused.status == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["name", "type", "stream", "toxicity", "attributes", "listen", "upstream", "enabled"])


@given(st.dictionaries(KEYS, JSON | st.sampled_from(["latency", "upstream", "127.0.0.1:1"])))
def test_no_json_whatever_raises_anything_but_a_400(value: dict[str, Any]) -> None:
    for parse, given_value in ((parse_proxy, value), (parse_population, [value]), (parse_new_toxic, value)):
        try:
            parse(body(given_value))
        except ApiError as refused:
            assert refused.status == 400


@pytest.mark.parametrize("address", ["127.0.0.1:80", "[::1]:80", ":80", "localhost:0"])
def test_an_address_is_split_and_joined_again(address: str) -> None:
    assert join_address(*split_address(address)) == address


@pytest.mark.parametrize("address", ["", "host", "a:b:1", "host:http", "host:65536", "host:", "host:-1"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(AddressError):
        split_address(address)
