"""Where a VNF's subnets and addresses lie: anywhere free in a site's pool, and the same distances at every
site."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

from conformance.errors import HarnessError


def pick_subnets(
    pool: IPv4Network, prefix_lengths: Mapping[str, int], taken: Iterable[IPv4Network], seed: str
) -> dict[str, IPv4Network]:
    """A free subnet of the pool for each label.

    The search starts at a place that depends on ``seed``: runs that pick at the same moment, before either
    has created its subnets, then hardly ever pick the same. HarnessError when the pool has no room left.
    """
    occupied = [net for net in taken if net.overlaps(pool)]
    picked: dict[str, IPv4Network] = {}
    # The largest first, or a small one could sit in the middle of the only gap that is large enough.
    for label, length in sorted(prefix_lengths.items(), key=lambda item: (item[1], item[0])):
        free = _first_free(pool, length, occupied, f"{seed}/{label}")
        if free is None:
            raise HarnessError(
                f"Network {label!r} needs a free /{length} in the tenant pool {pool}, in which "
                f"{len(occupied)} subnets "
                "already lie. Give the site a larger tenant_pool, or remove what earlier runs left."
            )
        picked[label] = free
        occupied.append(free)
    return picked


def _first_free(pool: IPv4Network, length: int, occupied: Iterable[IPv4Network], seed: str) -> IPv4Network | None:
    if length < pool.prefixlen:
        return None
    count = 2 ** (length - pool.prefixlen)
    size = 2 ** (32 - length)
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) % count
    for step in range(count):
        candidate = IPv4Network((int(pool.network_address) + (start + step) % count * size, length))
        if not any(candidate.overlaps(net) for net in occupied):
            return candidate
    return None


def address_at(subnet: IPv4Network, offset: int) -> IPv4Address:
    """The address ``offset`` after the subnet's first."""
    return subnet.network_address + offset


def ranges_without(subnet: IPv4Network, offsets: Iterable[int]) -> list[tuple[IPv4Address, IPv4Address]]:
    """First and last address of each stretch of the subnet's hosts in which none of these offsets lies."""
    last = subnet.num_addresses - 1  # of broadcasts
    borders = [0, *sorted({offset for offset in offsets if 0 < offset < last}), last]
    return [
        (address_at(subnet, before + 1), address_at(subnet, after - 1))
        for before, after in pairwise(borders)
        if after - before > 1
    ]
