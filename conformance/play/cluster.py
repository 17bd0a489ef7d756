"""One VNF with members in several clouds of one data centre: spread evenly, or each cloud filled before the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.checkers.members import CAPACITY_REFUSED, MEMBERS_WANTED
from conformance.errors import HarnessError
from conformance.faults.base import Undo
from conformance.model import Observation
from conformance.play.stage import Stage
from conformance.sites import Site, owned, sockets_of, take_inventory
from conformance.store import write_inventory, write_reachability
from conformance.vnf import Blueprint, Deployment, await_ready, begin, serving
from conformance.vnf.reachability import observe_reachability
from conformance.waiting import NotReached, wait_until

DECIDED_WITHIN_S = 120.0
NO_ROOM = "No valid host"


class Cluster:
    """The VNF under test where it lives in several clouds at once. Its one role that serves is what is spread."""

    def __init__(self, stage: Stage, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self._stage = stage
        self._tag = stage.tag()
        self._sites: tuple[Site, ...] = stage.session.sites.sites
        self._deployments: dict[str, Deployment] = {}
        self._sweeps: dict[str, int] = {}

    @property
    def urls(self) -> dict[str, tuple[str, ...]]:
        """Where clients are served, by site."""
        return {site: vnf.service_urls for site, vnf in self._deployments.items() if vnf.guests}

    @property
    def first(self) -> Deployment:
        """The members in the first cloud. HarnessError when there are none."""
        if self._stage.first.name not in self._deployments:
            raise HarnessError("No members are in the first cloud: a Given sentence that deploys the VNF is missing.")
        return self._deployments[self._stage.first.name]

    def spread(self, more_than: int = 0) -> None:
        """Deploy the members over all clouds in turn. HarnessError when the blueprint has not ``more_than`` that many:
        what is said of so many members would not be shown by these."""
        stage, role = self._stage, self.blueprint.service.role
        members = range(self.blueprint.roles[role].count)
        if len(members) <= more_than:
            raise HarnessError(
                f"A VNF of more than {more_than} members was asked for, and {self.blueprint.name} has {len(members)}: "
                "name a larger one in the profile's vnfs."
            )
        self._note_wanted(len(members))
        with stage.phase("deploy", f"deploying {len(members)} members over {len(self._sites)} clouds"):
            jobs = []
            for number, site in enumerate(self._sites[: len(members)]):
                self._begin(site, [m for m in members if m % len(self._sites) == number])
                jobs.append(stage.submit(self._await_ready, site))
            for job in jobs:
                job.result()
        self.look()
        self._look_who_reaches_whom()

    def fill(self) -> None:
        """Ask the first cloud for all members, and the next for those that it has no room for, until all are placed."""
        stage, role = self._stage, self.blueprint.service.role
        wanted = self.blueprint.roles[role].count
        self._note_wanted(wanted)
        left: Sequence[int] = range(wanted)
        with stage.phase("deploy", f"deploying {wanted} members, cloud after cloud"):
            for site in self._sites:
                self._begin(site, left)
                refused = self._refused(site)
                if refused:
                    why = next(iter(refused.values()))
                    detail = f"{site.name} has room for {len(left) - len(refused)} of {len(left)}: {why}"
                    seen = Observation(True, detail, {"wanted": wanted, "refused": sorted(refused)})
                    stage.observe(CAPACITY_REFUSED, site.name, seen)
                    stage.say(f"    {detail}")
                self._await_ready(site)
                left = sorted(int(label.rpartition("-")[2]) for label in refused)
                if not left:
                    break
        self.look()

    def look(self, suffix: str = "", without: Site | None = None) -> None:
        """Keep what every cloud has of the VNF."""
        for name, vnf in self._deployments.items():
            if without is None or name != without.name:
                inventory = take_inventory(self._stage.site(name), self._tag, serving=serving(vnf))
                write_inventory(self._stage.folder, f"members-{name}{suffix}", inventory)

    def remove(self) -> None:
        """Remove everything that was created, from all clouds at once."""
        self._stage.sweep(self._sweeps, self._tag)

    def _note_wanted(self, members: int) -> None:
        said = f"{self.blueprint.name} is to have {members} members"
        self._stage.observe(MEMBERS_WANTED, self._stage.first.name, Observation(True, said, {"wanted": members}))

    def _look_who_reaches_whom(self) -> None:
        """Try what members reach in their own cloud and in the others, where packets of theirs can be sent."""
        for name, vnf in self._deployments.items():
            sockets = sockets_of(self._stage.site(name))
            if sockets is not None:
                others = [other for site, other in self._deployments.items() if site != name]
                seen = observe_reachability(vnf, sockets, others=others)
                write_reachability(self._stage.folder, f"members-{name}", seen)

    def _begin(self, site: Site, members: Sequence[int]) -> None:
        undo = Undo("sweep", {"sites": str(self._stage.session.sites.path), "site": site.name, "run_id": self._tag})
        self._sweeps[site.name] = self._stage.journal.record(undo)
        part = self.blueprint.part({self.blueprint.service.role: members})
        self._deployments[site.name] = begin(site, part, self._tag)

    def _await_ready(self, site: Site) -> None:
        await_ready(site, self._deployments[site.name], progress=lambda text: self._stage.say(f"    {text}"))

    def _refused(self, site: Site) -> dict[str, str]:
        """Which members the cloud itself refused for want of room, by label, with its words; they are removed there.

        HarnessError when the cloud does not decide, or a member fails for another reason.
        """
        vnf = self._deployments[site.name]
        faults: dict[str, str] = {}

        def decided() -> bool:
            seen = self._faults(site, vnf)
            faults.update(seen or {})
            return seen is not None

        try:
            wait_until(decided, timeout=DECIDED_WITHIN_S, what="the cloud to place or refuse all", interval=0.3)
        except NotReached as error:
            raise HarnessError(f"{site.name}: {error}") from None
        other = {label: why for label, why in faults.items() if NO_ROOM not in why}
        if other:
            raise HarnessError(f"{site.name} did not start {', '.join(other)}: {next(iter(other.values()))}")
        gone = {g.server_id for g in vnf.guests if g.label in faults}
        with site.asking("remove members that it has no room for") as cloud:
            for server in gone:
                cloud.compute.delete_server(server)
            for port in owned.tagged(cloud, "port", self._tag):
                if port.device_id in gone:
                    cloud.network.delete_port(port)
        kept = tuple(g for g in vnf.guests if g.server_id not in gone)
        self._deployments[site.name] = Deployment(vnf.site, vnf.run_id, vnf.blueprint, kept, vnf.subnets, vnf.primary)
        return faults

    def _faults(self, site: Site, vnf: Deployment) -> dict[str, str] | None:
        """The faults of the members in ERROR, by label, once none is building any more."""
        with site.asking("look at the servers") as cloud:
            seen: dict[str, Any] = {s.id: s for s in owned.servers(cloud, self._tag)}
        states = [seen[g.server_id].status for g in vnf.guests if g.server_id in seen]
        if any(state not in ("ACTIVE", "ERROR") for state in states):
            return None
        broken = [g for g in vnf.guests if g.server_id in seen and seen[g.server_id].status == "ERROR"]
        return {g.label: str((seen[g.server_id].fault or {}).get("message", "no reason given")) for g in broken}
