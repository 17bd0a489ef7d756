"""Subnets are carved from what is free in the pool."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import HarnessError
from conformance.vnf.addressing import address_at, pick_subnets, ranges_without

POOL = IPv4Network("10.81.0.0/20")


@st.composite
def subnets(draw: st.DrawFn) -> IPv4Network:
    length = draw(st.integers(18, 28))
    return IPv4Network((int(POOL.network_address) - 8192 + draw(st.integers(0, 63)) * 256, length), strict=False)


LENGTHS = st.dictionaries(st.sampled_from(["oam", "service", "core", "edge"]), st.integers(22, 28), min_size=1)


@given(LENGTHS, st.lists(subnets(), max_size=12), st.text(max_size=5))
def test_what_is_picked_is_free_inside_the_pool_and_of_the_right_size(
    lengths: dict[str, int], taken: list[IPv4Network], seed: str
) -> None:
    try:
        picked = pick_subnets(POOL, lengths, taken, seed)
    except HarnessError:
        return  # whether there was room is the next test's business
    assert {label: net.prefixlen for label, net in picked.items()} == lengths
    everything = [*taken, *picked.values()]
    for net in picked.values():
        assert net.subnet_of(POOL)
        assert sum(net.overlaps(other) for other in everything) == 1


@given(st.sets(st.integers(0, 15), max_size=15), st.text(max_size=5))
def test_the_last_free_place_is_found(occupied: set[int], seed: str) -> None:
    places = list(POOL.subnets(new_prefix=24))
    picked = pick_subnets(POOL, {"oam": 24}, [places[i] for i in occupied], seed)
    assert picked["oam"] in [place for i, place in enumerate(places) if i not in occupied]


def test_a_full_pool_says_so() -> None:
    with pytest.raises(HarnessError, match=r"needs a free /24 in the tenant pool 10.81.0.0/20, in which 16 subnets"):
        pick_subnets(POOL, {"oam": 24}, POOL.subnets(new_prefix=24), "run")


def test_a_network_larger_than_the_pool_says_so() -> None:
    with pytest.raises(HarnessError, match="needs a free /19"):
        pick_subnets(POOL, {"oam": 19}, [], "run")


def test_two_runs_that_pick_at_the_same_moment_pick_apart() -> None:
    picked = {pick_subnets(POOL, {"oam": 24}, [], f"run-{n}")["oam"] for n in range(32)}
    assert len(picked) > 8


@given(st.integers(2, 254))
def test_an_address_keeps_its_offset_at_every_site(offset: int) -> None:
    here, there = IPv4Network("10.81.7.0/24"), IPv4Network("10.82.90.0/24")
    assert int(address_at(here, offset)) - int(here[0]) == int(address_at(there, offset)) - int(there[0]) == offset


@given(st.integers(22, 29), st.sets(st.integers(0, 300), max_size=30))
def test_the_ranges_hold_every_host_address_but_those_spoken_for(length: int, offsets: set[int]) -> None:
    subnet = IPv4Network(("10.81.0.0", length))
    spoken_for = {address_at(subnet, offset) for offset in offsets}
    covered = [
        IPv4Address(value)
        for first, last in ranges_without(subnet, offsets)
        for value in range(int(first), int(last) + 1)
    ]
    assert covered == [host for host in subnet.hosts() if host not in spoken_for]
