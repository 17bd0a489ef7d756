"""A fault of the VNF's own software: a message that ends whatever reads it, and is replicated like any other."""

from __future__ import annotations

import time
from contextlib import suppress

from conformance.errors import HarnessError
from conformance.faults.base import Observation, Undo
from conformance.faults.vnf_orders import agent_urls, order, statuses
from conformance.vnf import Deployment
from conformance.waiting import NotReached, wait_until

CRASHED_WITHIN_S = 15.0
STEADY_S = 2.0
"""So long must all front-ends of a site go on without one of them ending: one that reads the message lives shorter."""
STEADY_WITHIN_S = 20.0
POISON = '{"text": "a message that names no receiver"}'


class PoisonMessage:
    """Hands the VNF a message that its front-ends cannot read: each that does ends, is run again by its agent, reads it
    again, and ends again. It is in the database, so those of the other site read it, too."""

    name = "poison-message"

    def __init__(self, active: Deployment, standby: Deployment) -> None:
        self.target = active.site
        self._sites = (active, standby)
        self._agents = tuple(agent_urls(vnf) for vnf in self._sites)
        self._ends: dict[str, int] = {}
        self._id: int | None = None

    def undo(self) -> Undo:
        """Nothing outlives the VNF, which has an undo of its own."""
        return Undo("nothing", {})

    def inject(self) -> None:
        """Note how often each front-end has ended, and hand the message over."""
        self._ends = self._count_ends()
        self._id = int(order(f"{self._sites[0].management_urls[0]}/message", {"body": POISON})["id"])

    def verify(self) -> Observation:
        """Every front-end of either site has ended since, by itself, says its agent."""
        crashed: dict[str, str] = {}
        every = [(vnf.site, url) for vnf, urls in zip(self._sites, self._agents, strict=True) for url in urls]

        def all_crashed() -> bool:
            for (_, url), said in zip(every, statuses(tuple(url for _, url in every)), strict=True):
                by_itself = said.get("ended") is not None and int(said["ended"]) > 0
                if by_itself and url in self._ends and said["ends"] > self._ends[url]:
                    crashed[url] = str(said.get("error"))
            return len(crashed) == len(every)

        with suppress(NotReached):
            wait_until(all_crashed, timeout=CRASHED_WITHIN_S, what="every front-end to end", interval=0.1)
        counts = {
            vnf.site: sum(url in crashed for url in urls) for vnf, urls in zip(self._sites, self._agents, strict=True)
        }
        told = ", ".join(
            f"{counts[vnf.site]} of {len(urls)} front-ends at {vnf.site}"
            for vnf, urls in zip(self._sites, self._agents, strict=True)
        )
        words = f" The last words of one: {next(iter(crashed.values()))}" if crashed else ""
        return Observation(
            len(crashed) == len(every),
            f"Message {self._id} ended {told}.{words}",
            {"front_ends": len(every), **{f"ended_at_{site}": n for site, n in counts.items()}},
        )

    def free_of_it(self, vnf: Deployment) -> Observation:
        """Whether all front-ends of a site go on for STEADY_S without one that ends."""
        agents, since = agent_urls(vnf), time.monotonic()
        last: tuple[object, ...] = ()

        def steady() -> bool:
            nonlocal last, since
            seen = tuple(said.get("ends") for said in statuses(agents))
            serving = all(said.get("database") for said in statuses(vnf.service_urls))
            if None in seen or not serving or seen != last:
                last, since = seen, time.monotonic()
            return time.monotonic() - since >= STEADY_S

        try:
            wait_until(steady, timeout=STEADY_WITHIN_S, what=f"the front-ends at {vnf.site} to go on", interval=0.1)
        except NotReached:
            ends = ", ".join("silence" if n is None else str(n) for n in last)
            detail = f"Front-ends at {vnf.site} still end: they did {ends} times, and go on ending."
            return Observation(False, detail, {"front_ends": len(agents)})
        detail = f"All {len(agents)} front-ends at {vnf.site} go on; none has ended for {STEADY_S:g} s."
        return Observation(True, detail, {"front_ends": len(agents)})

    def heal(self) -> None:
        """Have the VNF remove the message, wherever it takes that: a standby does not, nor does a site that was
        stopped."""
        if self._id is None:
            return
        for vnf in self._sites:
            with suppress(HarnessError):
                order(f"{vnf.management_urls[0]}/discard", {"id": self._id})

    def verify_healed(self) -> Observation:
        """At every site whose agents answer no front-end ends any more."""
        looked = [
            self.free_of_it(vnf) for vnf, urls in zip(self._sites, self._agents, strict=True) if any(statuses(urls))
        ]
        if not looked:
            return Observation(False, "No agent of a front-end answers at either site.")
        return Observation(all(seen.ok for seen in looked), " ".join(seen.detail for seen in looked))

    def _count_ends(self) -> dict[str, int]:
        urls = tuple(url for urls in self._agents for url in urls)
        said = dict(zip(urls, statuses(urls), strict=True))
        silent = [url for url, one in said.items() if "ends" not in one]
        if silent:
            raise HarnessError(f"The front-end's agent at {silent[0]} does not answer.")
        return {url: int(one["ends"]) for url, one in said.items()}
