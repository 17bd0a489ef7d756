"""What guests of a VNF reach, tried with packets of theirs: every pair, every port that its rules mention, and one that
they do not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from conformance.dataplane import Attempt, OpenSocket, Place, attempt_all
from conformance.model import Reach, Reachability
from conformance.vnf.blueprint import Blueprint
from conformance.vnf.deployment import Deployment, Guest

OUTSIDE = "outside"
# Not used by anything well known; the first that no rule mentions is tried.
_UNMENTIONED = range(4455, 4500)

Service = tuple[str, int | None]


def observe_reachability(
    deployment: Deployment,
    sockets: OpenSocket,
    *,
    others: Sequence[Deployment] = (),
    outside: str = "operator",
    timeout: float = 1.5,
) -> Reachability:
    """Try everything from the guests of ``deployment``, and from the namespace ``outside``, to its guests and those of
    ``others`` (the same VNF's members in other clouds). All attempts wait together: about ``timeout`` seconds in all.

    Guests are in namespaces called ``guest-`` and their server's id. What could not be tried is in the result as such;
    nothing is raised for it."""
    services = services_of(deployment.blueprint)
    guests = [_place(guest) for guest in deployment.guests]
    sources = [*guests, Place(OUTSIDE, outside)]
    targets = [guest for one in (deployment, *others) for guest in one.guests]
    tried = list(_attempts(sources, targets, services))
    began = time.monotonic_ns()
    outcomes = attempt_all(sockets, [attempt for _, attempt in tried], timeout=timeout)
    reaches = tuple(
        Reach(
            attempt.source.label,
            attempt.target.label,
            network,
            attempt.protocol,
            attempt.port,
            outcome.reached,
            outcome.detail,
        )
        for (network, attempt), outcome in zip(tried, outcomes, strict=True)
    )
    return Reachability(deployment.site, began, time.monotonic_ns(), reaches)


def services_of(blueprint: Blueprint) -> tuple[Service, ...]:
    """Protocols and ports to try: those that any rule mentions (both ends of a range), a TCP port that none does, the
    same for UDP where a rule is about UDP, and ICMP (without a port)."""
    rules = [rule for group in blueprint.security_groups.values() for rule in group]
    mentioned: set[tuple[str, int]] = set()
    covered: set[int] = set()
    for rule in rules:
        if rule.protocol is not None and rule.port is not None:
            last = rule.port_max or rule.port
            mentioned |= {(rule.protocol, rule.port), (rule.protocol, last)}
            covered.update(range(rule.port, last + 1))
    protocols = {"tcp"} | {rule.protocol for rule in rules if rule.protocol == "udp"}
    free = next((port for port in _UNMENTIONED if port not in covered), None)
    unmentioned = {(protocol, free) for protocol in protocols if free is not None}
    return (*sorted(mentioned | unmentioned), ("icmp", None))


def _attempts(
    sources: Sequence[Place], targets: Sequence[Guest], services: Sequence[Service]
) -> Iterator[tuple[str, Attempt]]:
    """Every attempt, with the network of the address it is made to."""
    for source in sources:
        for guest in targets:
            target = _place(guest)
            if target.netns == source.netns:
                continue
            for network, address in guest.addresses.items():
                for protocol, port in services:
                    yield network, Attempt(source, target, address, protocol, port)


def _place(guest: Guest) -> Place:
    return Place(guest.label, f"guest-{guest.server_id}")
