"""Keeping a protection current: somebody looks at the first site again and again, and has the second follow it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from conformance.errors import HarnessError
from conformance.schemes.base import Drift, OnEvent
from conformance.schemes.drift import Pair, follow
from conformance.schemes.steps import StepLog
from conformance.sites import Site, owned, take_inventory

EVERY_S = 2.0
_STOP_WITHIN_S = 10.0


class Keeper:
    """Looks at the first site every EVERY_S seconds, as cheaply as its APIs allow; only what has changed is read in
    full and compared. Each change is an operation ``keep`` in the record."""

    def __init__(self, first: Site, second: Site, run_id: str, on_event: OnEvent) -> None:
        self.drift: Drift | None = None
        """How things stood at the last look that could be made."""
        self._sites = (first, second)
        self._run_id = run_id
        self._on_event = on_event
        self._seen: Hashable = None
        self._told: tuple[str, ...] = ()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="protection", daemon=True)

    def start(self) -> None:
        """Look how things are now, which is how they were protected, and again and again from then on."""
        _quietly(self.look)
        self._thread.start()

    def stop(self) -> None:
        """Look no more. Returns at once: whoever fails over has no time for a site that may be lost."""
        self._stop.set()

    def close(self) -> None:
        """Look no more, and wait for a look under way, unless the cloud lets it hang."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join(_STOP_WITHIN_S)

    def look(self) -> None:
        """Look once, and follow. SiteError when a cloud does not answer."""
        first, second = self._sites
        began = time.monotonic_ns()
        seen = _fingerprint(first, self._run_id)
        if self.drift is None or seen == self._seen:
            self._seen = seen
            self.drift = Drift(began, () if self.drift is None else self.drift.differences)
            return
        found = self._differences()
        if found.differences() and self._may_act(found.differences()):
            log = StepLog("keep", second.name, self._on_event)
            remedy = found.remedy()
            with log.step("drifted", first.name) as said:
                said["detail"] = "; ".join(found.differences())
            if remedy:
                with log.step("follow") as said:
                    follow(found, remedy, second)
                    said["detail"] = remedy.describe()
                found = self._differences()
            left = found.differences()
            self._told = left
            log.end(not left, "The second site has followed." if not left else f"Not followed: {'; '.join(left)}.")
        self._seen = seen
        self.drift = Drift(began, found.differences())

    def _may_act(self, found: tuple[str, ...]) -> bool:
        """Whether something is to be said or done: what cannot be followed is told once."""
        return found != self._told and not self._stop.is_set()

    def _differences(self) -> Pair:
        pools = {site.name: str(site.spec.tenant_pool) for site in self._sites}
        here, there = (take_inventory(site, self._run_id) for site in self._sites)
        return Pair(here, there, pools)

    def _keep(self) -> None:
        while not self._stop.is_set():
            _quietly(self.look)
            self._stop.wait(EVERY_S)


def _fingerprint(site: Site, run_id: str) -> Hashable:
    """What a standby may have to follow: three requests. Not whether something is up, which changes by itself."""
    with site.asking("look for changes") as cloud:
        groups = {(g.id, _plain(g.security_group_rules)) for g in owned.tagged(cloud, "security_group", run_id)}
        ports = {
            (p.id, _plain(p.allowed_address_pairs), _plain(p.security_group_ids), _plain(p.fixed_ips))
            for p in owned.tagged(cloud, "port", run_id)
        }
        servers = {(s.id, s.flavor.vcpus, s.flavor.ram, s.flavor.disk) for s in owned.servers(cloud, run_id)}
    return (frozenset(groups), frozenset(ports), frozenset(servers))


def _plain(values: Iterable[Any] | None) -> Hashable:
    return frozenset(json.dumps(value, sort_keys=True, default=str) for value in values or ())


def _quietly(look: Callable[[], None]) -> None:
    """A cloud that does not answer is none to follow, and no reason to end: it is looked at again."""
    try:
        look()
    except HarnessError:
        return
