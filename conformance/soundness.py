"""Does an inventory make sense by itself? Addresses that are none, and ids that are there twice, become sentences.

A file can be whole JSON of the right form and yet not be what was recorded. Checkers rely on what is asked here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from conformance.model import Inventory


def amiss(inventory: Inventory) -> Iterator[str]:
    """One sentence, without its full stop, for each thing that cannot be."""
    yield from _addresses(inventory)
    yield from _doubled(inventory)


def _addresses(inventory: Inventory) -> Iterator[str]:
    for subnet in inventory.subnets:
        where = f"subnet {subnet.label}"
        hops = [hop for _, hop in subnet.host_routes]
        pools = [end for pool in subnet.pools for end in pool]
        yield from _no_prefixes(where, [subnet.cidr, *(prefix for prefix, _ in subnet.host_routes)])
        yield from _no_addresses(where, [subnet.gateway_ip, *subnet.dns_nameservers, *hops, *pools])
    for router in inventory.routers:
        yield from _no_prefixes(f"router {router.label}", [prefix for prefix, _ in router.routes])
        yield from _no_addresses(f"router {router.label}", [hop for _, hop in router.routes])
    for group in inventory.security_groups:
        yield from _no_prefixes(f"security group {group.label}", [rule.remote_prefix for rule in group.rules])
    for port in inventory.ports:
        yield from _no_addresses(f"port {port.label}", [address for _, address in port.fixed_ips])
        yield from _no_prefixes(f"port {port.label}", [prefix for prefix, _ in port.allowed_address_pairs])
    for floating in inventory.floating_ips:
        yield from _no_addresses(f"floating IP {floating.label}", [floating.address])


def _no_prefixes(where: str, texts: Iterable[str | None]) -> Iterator[str]:
    for text in texts:
        try:
            if text is not None:
                ip_network(text, strict=False)
        except ValueError:
            yield f"{where} has {text!r} where the prefix of a network should be"


def _no_addresses(where: str, texts: Iterable[str | None]) -> Iterator[str]:
    for text in texts:
        try:
            if text is not None:
                ip_address(text)
        except ValueError:
            yield f"{where} has {text!r} where an address should be"


def _doubled(inventory: Inventory) -> Iterator[str]:
    for kind, things in (
        ("network", inventory.networks),
        ("subnet", inventory.subnets),
        ("router", inventory.routers),
        ("security group", inventory.security_groups),
        ("port", inventory.ports),
        ("server", inventory.servers),
        ("volume", inventory.volumes),
    ):
        copies = Counter(thing.id for thing in things)
        yield from (f"{kind} {thing} is there {n} times" for thing, n in copies.items() if n > 1)
