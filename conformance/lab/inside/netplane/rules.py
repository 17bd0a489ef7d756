"""Security groups and anti-spoofing as nftables: pure functions from ports and rules to text.

The filter of a guest sits in the guest's own network namespace, one chain per interface and direction. Only replies are
let through because of their connection; a packet in the original direction is looked at every time, so removing a rule
also ends the flows that it had allowed, as Neutron's agents see to by deleting conntrack entries.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netplane.neutron import Limit, Port, Rule

WITH_PORTS = {"tcp", "udp", "sctp", "dccp", "udplite"}
NUMBERS = {"1": "icmp", "6": "tcp", "17": "udp", "33": "dccp", "58": "ipv6-icmp", "132": "sctp", "136": "udplite"}
NAMES = {"icmpv6": "ipv6-icmp", "ipv6-route": "43", "ipv6-frag": "44", "ipv6-nonxt": "59", "ipv6-opts": "60"}
ICMP = {"icmp", "ipv6-icmp"}
WHATEVER = {None, "any", "ip", "0"}
EVERYWHERE = {None, "0.0.0.0/0", "::/0"}

NEIGHBOURS = (
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, nd-router-advert, mld-listener-query, "
    "mld-listener-report, mld2-listener-report } accept"
)
DHCP = {"ingress": "udp sport 67 udp dport 68 accept", "egress": "udp sport 68 udp dport 67 accept"}
REPLIES = ("ct state invalid drop", "ct direction reply ct state established accept", "ct state related accept")


@dataclass(frozen=True)
class Members:
    """Who a rule may mean: addresses by security group and by address group."""

    groups: Mapping[str, Sequence[str]]
    address_groups: Mapping[str, Sequence[str]]


def guest_filter(
    interfaces: Sequence[tuple[str, Port]], rules: Sequence[Rule], who: Members, stateless: frozenset[str]
) -> str:
    """The nftables script of a guest with these (interface name, port). Loading it replaces what was there."""
    chains: list[str] = []
    inward, outward, untracked = [], [], []
    for name, port in interfaces:
        if not port.secured:
            inward.append(f'iifname "{name}" accept')
            outward.append(f'oifname "{name}" accept')
            continue
        if port.groups and set(port.groups) <= stateless:
            untracked.append(f'"{name}"')
        own = [rule for rule in rules if rule.group in port.groups]
        for letter, direction in (("i", "ingress"), ("o", "egress")):
            allowed = [matches(rule, who) for rule in own if rule.direction == direction]
            lines = sorted({f"{match} accept" for match in allowed if match is not None})
            chains.append(_chain(f"{letter}_{name}", [NEIGHBOURS, DHCP[direction], *lines]))
        inward.append(f'iifname "{name}" jump i_{name}')
        outward.append(f'oifname "{name}" jump o_{name}')
    chains += [
        _chain("in", ["type filter hook input priority 0; policy drop", "iif lo accept", *REPLIES, *inward]),
        _chain("out", ["type filter hook output priority 0; policy drop", "oif lo accept", *REPLIES, *outward]),
        # A guest that forwards for others: both of its interfaces have their say, one after the other.
        _chain("forward_in", ["type filter hook forward priority 0; policy drop", *REPLIES, *inward]),
        _chain("forward_out", ["type filter hook forward priority 1; policy drop", *REPLIES, *outward]),
    ]
    if untracked:
        names = f"{{ {', '.join(untracked)} }}"
        chains.append(_chain("raw_in", ["type filter hook prerouting priority -300", f"iifname {names} notrack"]))
        chains.append(_chain("raw_out", ["type filter hook output priority -300", f"oifname {names} notrack"]))
    return table("inet", "guest", chains)


def matches(rule: Rule, who: Members) -> str | None:
    """The packets that a rule allows, as an nftables expression; None when there can be none."""
    version = 4 if rule.ethertype == "IPv4" else 6
    parts = [f"meta nfproto ipv{version}"]
    side = f"{'ip' if version == 4 else 'ip6'} {'saddr' if rule.direction == 'ingress' else 'daddr'}"
    if rule.remote_group or rule.remote_addresses:
        known = who.groups.get(rule.remote_group, ()) if rule.remote_group else ()
        known = known or (who.address_groups.get(rule.remote_addresses, ()) if rule.remote_addresses else ())
        members = collapse(known, version)
        if not members:
            return None
        parts.append(f"{side} {{ {', '.join(members)} }}")
    elif rule.prefix not in EVERYWHERE:
        parts.append(f"{side} {rule.prefix}")
    parts += _protocol(rule, version)
    return " ".join(parts)


def _protocol(rule: Rule, version: int) -> list[str]:
    if rule.protocol in WHATEVER:
        return []
    protocol = NAMES.get(rule.protocol, NUMBERS.get(rule.protocol, rule.protocol))
    low, high = rule.port_min, rule.port_max
    if protocol in ICMP:
        name = "icmp" if version == 4 else "icmpv6"
        if low is None:
            return [f"meta l4proto {'icmp' if version == 4 else 'ipv6-icmp'}"]
        return [f"{name} type {low}", *([f"{name} code {high}"] if high is not None else [])]
    if protocol in WITH_PORTS and low is not None:
        return [f"{protocol} dport {low}" if high in (None, low) else f"{protocol} dport {low}-{high}"]
    return [f"meta l4proto {protocol}"]


def collapse(addresses: Iterable[str], version: int) -> list[str]:
    """Addresses and CIDRs of one IP version without overlaps: nftables refuses sets with any."""
    networks = [ipaddress.ip_network(address, strict=False) for address in addresses]
    return [
        str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
        for network in ipaddress.collapse_addresses(n for n in networks if n.version == version)  # type: ignore
    ]


@dataclass(frozen=True)
class PortChain:
    """What is done with frames ``from_guests`` or ``to_guests`` (``side``) at a guest's tap, in this order."""

    side: str
    tap: str
    lines: tuple[str, ...]


SIDES = {"from_guests": ("prerouting priority -300", "iifname"), "to_guests": ("postrouting priority 300", "oifname")}
PORTS_TABLE = "bridge ports"


def empty_ports_table() -> str:
    """The script that makes the bridges' table anew, without any chain of a port."""
    parts = []
    for side, (hook, key) in SIDES.items():
        parts.append(f" map {side} {{\n  type ifname : verdict;\n }}")
        parts.append(_chain(f"hook_{side}", [f"type filter hook {hook}", f"{key} vmap @{side}"]))
    return table("bridge", "ports", parts)


def port_chains(taps: Sequence[tuple[str, Port]], limits: Sequence[Limit]) -> dict[str, PortChain]:
    """The chains, by name, of each guest's (tap name, port): what may come out of it, and how much either way.

    A guest may send from its port's MAC and addresses and from its allowed address pairs, ARP and IPv6's own included;
    it must not act as a DHCP server.
    """
    by_port: dict[str, dict[str, Limit]] = {}
    for limit in limits:
        by_port.setdefault(limit.port, {})[limit.direction] = limit
    chains = {}
    for tap, port in taps:
        limited = by_port.get(port.id, {})
        lines = [_police(limited["egress"])] if "egress" in limited else []
        if port.secured:
            lines += _genuine(port)
        if lines:
            chains[f"f{tap}"] = PortChain("from_guests", tap, tuple(lines))
        if "ingress" in limited:
            chains[f"t{tap}"] = PortChain("to_guests", tap, (_police(limited["ingress"]),))
    return chains


def change_ports(before: Mapping[str, PortChain], after: Mapping[str, PortChain]) -> list[str]:
    """Scripts that lead from one set of chains to another, one per chain: the kernel takes no transaction of any size
    from a user without privileges on the machine. Each can be loaded again: who knows what a killed predecessor did."""
    scripts = []
    for name in before.keys() - after.keys():
        old = before[name]
        element = f'element {PORTS_TABLE} {old.side} {{ "{old.tap}" : jump {name} }}\n'
        scripts.append(
            f"add chain {PORTS_TABLE} {name}\nadd {element}delete {element}"
            f"flush chain {PORTS_TABLE} {name}\ndelete chain {PORTS_TABLE} {name}\n"
        )
    for name, chain in after.items():
        if before.get(name) == chain:
            continue
        rules = "".join(f"add rule {PORTS_TABLE} {name} {line}\n" for line in chain.lines)
        scripts.append(
            f"add chain {PORTS_TABLE} {name}\nflush chain {PORTS_TABLE} {name}\n{rules}"
            f'add element {PORTS_TABLE} {chain.side} {{ "{chain.tap}" : jump {name} }}\n'
        )
    return scripts


def _genuine(port: Port) -> list[str]:
    macs = sorted({port.mac, *(mac for mac, _ in port.pairs)})
    sources = [address for address, _ in port.addresses] + [address for _, address in port.pairs]
    four, six = collapse(sources, 4), collapse([*sources, *map(link_local, macs)], 6)
    lines = [f"ether saddr != {{ {', '.join(macs)} }} drop"]
    if four:
        lines += [
            "udp sport 67 udp dport 68 drop",
            f"ip saddr {{ {', '.join(four)} }} accept",
            f"arp saddr ip {{ {', '.join(four)} }} accept",
        ]
    lines += [
        "ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept",
        "icmpv6 type nd-router-advert drop",
        f"ip6 saddr {{ ::, {', '.join(six)} }} accept",
        "drop",
    ]
    return lines


def link_local(mac: str) -> str:
    """The IPv6 link-local address that an interface with this MAC gives itself."""
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def _police(limit: Limit) -> str:
    """Drop what exceeds the limit; Neutron's default burst is 80 % of the rate."""
    burst = limit.burst or limit.rate * 8 // 10
    return f"limit rate over {max(limit.rate * 1000 // 8, 1)} bytes/second burst {max(burst * 1000 // 8, 1)} bytes drop"


def table(family: str, name: str, chains: Sequence[str]) -> str:
    """A script that replaces a whole table in one transaction."""
    head = f"table {family} {name}"
    return "\n".join([head, f"delete {head}", f"{head} {{", *chains, "}"]) + "\n"


def _chain(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f" chain {name} {{", *(f"  {line};" for line in lines), " }"])
