"""Routers: addresses, routes, and address translation as nftables. Pure functions."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import TYPE_CHECKING

from netplane import rules
from netplane.neutron import GATEWAY, Port, Router, State

if TYPE_CHECKING:
    from netplane.topology import Interface

Attachments = list[tuple["Interface", Port]]


def describe(
    state: State, router: Router, interfaces: Attachments
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...], bool, str]:
    """Addresses, routes, whether it forwards, and its nftables script."""
    addresses = []
    routes: dict[str, str] = {}
    outside: str | None = None
    translated: str | None = None
    for interface, port in interfaces:
        for address, subnet_id in port.addresses:
            subnet = state.subnets[subnet_id]
            addresses.append((interface.name, f"{address}/{subnet.length}"))
            if port.owner != GATEWAY:
                continue
            outside = interface.name
            if subnet.gateway:
                everywhere = "0.0.0.0/0" if subnet.version == 4 else "::/0"
                routes[everywhere] = f"via {subnet.gateway} dev {interface.name} onlink"
            if subnet.version == 4 and translated is None:
                translated = address
    floating = [(f.address, f.fixed) for f in state.floating_ips if f.router == router.id] if outside else []
    if outside:
        addresses += [(outside, f"{address}/32") for address, _ in floating]
    for destination, hop in router.routes:
        routes[destination] = f"via {hop}"
    script = translation(outside, translated, floating, snat=router.snat)
    return tuple(addresses), tuple(sorted(routes.items())), router.up, script


def translation(outside: str | None, own: str | None, floating: list[tuple[str, str]], *, snat: bool) -> str:
    """The nftables script of a router whose gateway interface is ``outside`` with the address ``own``.

    What comes to a floating IP goes to its fixed IP, also from inside; then the router's own address stands for the
    sender, so that the answer comes back this way.
    """
    before, after = [], []
    if outside:
        before = [f"ip daddr {address} dnat to {fixed}" for address, fixed in floating]
        after = [f'oifname "{outside}" ip saddr {fixed} snat to {address}' for address, fixed in floating]
        if own:
            after.append(f'iifname != "{outside}" oifname != "{outside}" ct status dnat snat to {own}')
            if snat:
                after.append(f'iifname != "{outside}" oifname "{outside}" snat to {own}')
    hooks = (
        ("before", ["type nat hook prerouting priority -100", *before]),
        ("after", ["type nat hook postrouting priority 100", *after]),
    )
    chains = ["\n".join([f" chain {name} {{", *(f"  {line};" for line in lines), " }"]) for name, lines in hooks]
    return rules.table("ip", "router", chains)


def announced(state: State, pools: Collection[str]) -> dict[str, str]:
    """Tenants' subnets that the edge routes to their router's gateway address: those in the operator's pools.

    A subnet that several routers offer belongs to the first.
    """
    found: dict[str, str] = {}
    for router in state.routers:
        gateway = state.ports.get(router.gateway_port or "")
        if gateway is None:
            continue
        hops = {state.subnets[subnet].version: address for address, subnet in reversed(gateway.addresses)}
        for port in state.ports.values():
            if port.device != router.id or port.owner == GATEWAY:
                continue
            for _, subnet_id in port.addresses:
                subnet = state.subnets[subnet_id]
                if subnet.version in hops and _within(subnet.cidr, pools):
                    found.setdefault(subnet.cidr, hops[subnet.version])
    return found


def _within(cidr: str, pools: Collection[str]) -> bool:
    subnet = ipaddress.ip_network(cidr)
    return any(
        pool.version == subnet.version and subnet.subnet_of(pool)  # type: ignore[arg-type]
        for pool in map(ipaddress.ip_network, pools)
    )
