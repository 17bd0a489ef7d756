"""One VNF of a scenario: deployed, protected, and wherever the scheme has taken it since."""

from __future__ import annotations

import time
from concurrent.futures import Future

from conformance.dataplane import WanLink
from conformance.errors import HarnessError
from conformance.faults.base import NotPossibleHere, Undo
from conformance.links import Counters, Link
from conformance.model import Observation, Status
from conformance.play.stage import Stage
from conformance.schemes import Closing, Result, Scheme, make_scheme
from conformance.sites import Site, dialled_from, sockets_of, take_inventory, wan_of
from conformance.store import write_inventory, write_reachability
from conformance.vnf import Blueprint, Deployment, Endpoint, await_ready, begin, begin_stretched, serving
from conformance.vnf.reachability import observe_reachability
from conformance.waiting import NotReached, wait_until

# What is late must be seen to be late.
_LONGER_THAN_ALLOWED_S = 2.0
_SAVEPOINT = "clean"


class Subject:
    """The VNF under test. ``serving`` is the site where its service should be now."""

    def __init__(self, stage: Stage, blueprint: Blueprint, suffix: str = "") -> None:
        self.blueprint = blueprint
        self.serving = stage.first
        self.link: Link | None = None
        self._stage = stage
        self._tag = stage.tag(suffix)
        self._deployments: dict[str, Deployment] = {}
        self._ready: list[Future[None]] = []
        self._scheme: Scheme | None = None
        self._links: list[tuple[Link, int | None]] = []
        self._sweeps: dict[str, int] = {}
        self._carried: dict[str, Counters | None] = {}
        self._delivered = 0

    # -- what is where ----------------------------------------------------------------------------------------------

    def at(self, site: Site) -> Deployment:
        """The VNF at a site. HarnessError when it has none there."""
        if site.name not in self._deployments:
            raise HarnessError(f"There is no VNF at {site.name}: a Given sentence that brings it there is missing.")
        return self._deployments[site.name]

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """The VNF at every site where there is one."""
        return tuple(self._deployments.values())

    @property
    def urls(self) -> dict[str, tuple[str, ...]]:
        """Where clients are served, by site, the one that serves first."""
        order = (self.serving.name, self._stage.other(self.serving).name)
        return {name: self._deployments[name].service_urls for name in order if name in self._deployments}

    @property
    def the_link(self) -> Link:
        """The path that replication uses. HarnessError when there is none, NotPossibleHere when there never is one."""
        if self.link is None and self.blueprint.witness:
            raise NotPossibleHere(
                f"The members of {self.blueprint.name} speak to each other without a link that could be disturbed: "
                "sentences about the WAN are for them."
            )
        if self.link is None:
            raise HarnessError("There is no link yet: a Given sentence that protects the VNF is missing.")
        return self.link

    @property
    def the_wan(self) -> WanLink:
        """What all packets between the sites pass. NotPossibleHere where nothing can be done to them."""
        return self._stage.wan

    @property
    def scheme(self) -> Scheme:
        """What protects it. HarnessError when nothing does."""
        if self._scheme is None:
            raise HarnessError("Nothing protects the VNF yet: a Given sentence that protects it is missing.")
        return self._scheme

    # -- Given ------------------------------------------------------------------------------------------------------

    def deploy(self) -> None:
        """Ask for the whole VNF at the first site; it boots while the second site is prepared."""
        stage = self._stage
        with stage.phase("deploy", f"deploying {self.blueprint.name} at {stage.first.name}"):
            sites_file = str(stage.session.sites.path)
            sites = stage.session.sites.sites[: self.blueprint.sites]
            for site in sites:
                undo = Undo("sweep", {"sites": sites_file, "site": site.name, "run_id": self._tag})
                self._sweeps[site.name] = stage.journal.record(undo)
            if self.blueprint.witness:
                deployment = begin_stretched(sites, self.blueprint, self._tag)
            else:
                deployment = begin(stage.first, self.blueprint, self._tag)
            self._deployments[stage.first.name] = deployment
            self._ready = [
                stage.submit(await_ready, stage.site(there.site), there)
                for there in (deployment, *deployment.elsewhere)
            ]

    def protect(self, *, inventory: bool = True) -> None:
        """Have the scheme protect the VNF at the second site, through the link that the faults will disturb."""
        stage = self._stage
        vnf = self.at(stage.first)
        with stage.phase("protect", f"protecting it at {stage.second.name}"):
            if not self.blueprint.stateless and not self.blueprint.witness:
                self.link = self._open_link(stage.second, stage.first)
            log = stage.folder / "scheme.log"
            self._scheme = make_scheme(stage.session.request.options.scheme, on_event=stage.scheme_event, log=log)
            link = None if self.link is None else _endpoint(self.link)
            protection = self._scheme.protect(vnf, stage.first, stage.second, link)
            for ready in self._ready:
                ready.result()
            if not protection.ok:
                raise HarnessError(f"The scheme {self._scheme.name} could not protect the VNF: {protection.detail}")
            if protection.deployment is not None:
                self._deployments[stage.second.name] = protection.deployment
        if inventory:
            self.save_inventory("first-before", stage.first)

    # -- When -------------------------------------------------------------------------------------------------------

    def fail_over(self) -> None:
        """Have the scheme continue the service at the other site."""
        source, to = self.serving, self._stage.other(self.serving)
        with self._stage.phase("failover", f"failing over to {to.name}"):
            self._moved(self.scheme.failover(source, to), to)

    def move(self) -> None:
        """Have the scheme move the service to the other site while both are well."""
        source, to = self.serving, self._stage.other(self.serving)
        with self._stage.phase("migrate", f"moving the service to {to.name}"):
            self._moved(self.scheme.migrate(source, to), to)

    def go_back(self) -> None:
        """Have the scheme return the service to the first site, which gets what it needs by a link of its own. What is
        protected again afterwards is so by the first link."""
        source, to = self.serving, self._stage.other(self.serving)
        first = self.link
        with self._stage.phase("failback", f"returning the service to {to.name}"):
            self.link = self._open_link(to, source)
            self._moved(self.scheme.failback(source, to, _endpoint(self.link)), to)
        if self.serving is to:
            self.link = first
            self.note_carried()

    def replication(self, wanted: bool) -> None:
        """Switch replication on or off. HarnessError when the scheme cannot."""
        result = self.scheme.replication(wanted)
        if not result.ok:
            raise HarnessError(_refused(result, f"The scheme {self.scheme.name} could not switch replication"))

    def savepoint(self) -> None:
        """Have the scheme keep the present state. HarnessError when it cannot."""
        result = self.scheme.savepoint(_SAVEPOINT)
        if not result.ok:
            raise HarnessError(_refused(result, f"The scheme {self.scheme.name} could not keep a savepoint"))

    def recover(self) -> None:
        """Have the scheme continue the service at the other site in the state that was kept."""
        source, to = self.serving, self._stage.other(self.serving)
        with self._stage.phase("recover", f"regaining a clean state at {to.name}"):
            self._moved(self.scheme.recover(source, to, _SAVEPOINT), to)

    def await_replication(self, *, drained: bool = False) -> Observation:
        """Until the VNF says that it is protected, and, when ``drained``, that nothing is under way any more.

        Each change of that, and what it came to, is an observation named ``replication``.
        """
        said: list[bool] = []
        looked: list[int] = []

        def look() -> bool:
            began = time.monotonic_ns()
            status = self.scheme.status()
            whole = status.protected and not (drained and status.behind_bytes)
            if said[-1:] != [whole]:
                said.append(whole)
                observed: dict[str, float | None] = {"behind_bytes": status.behind_bytes}
                if looked:
                    # Only changes are noted: this tells how long the last look was ago, which saw no change.
                    observed["since_last_look_s"] = (time.monotonic_ns() - looked[-1]) / 1e9
                self._observe_replication(Observation(whole, status.detail, observed))
            looked.append(began)
            return whole

        limit_s = self._stage.info.thresholds.catch_up_s
        try:
            patience_s = limit_s + _LONGER_THAN_ALLOWED_S
            wait_until(look, timeout=patience_s, what="replication to have caught up", interval=0.1)
        except NotReached as error:
            return self._observe_replication(Observation(False, str(error)))
        return Observation(True, "Replication has caught up.")

    def catching_up(self) -> Observation:
        """Whether replication has not caught up right now."""
        status = self.scheme.status()
        behind = status.behind_bytes
        late = not status.protected
        detail = f"Replication {'had not caught up' if late else 'had caught up'} at that moment."
        return Observation(late, detail, {"catching_up": late, "behind_bytes": behind})

    def _observe_replication(self, seen: Observation) -> Observation:
        return self._stage.observe("replication", self.link.name if self.link else self._stage.second.name, seen)

    # -- looking ----------------------------------------------------------------------------------------------------

    def save_inventory(self, name: str, site: Site) -> None:
        """Keep what the VNF is at a site: by its API, and by its guests."""
        inventory = take_inventory(site, self._tag, serving=serving(self.at(site)))
        write_inventory(self._stage.folder, name, inventory)

    def save_reachability(self, name: str, site: Site) -> None:
        """Keep what packets of the VNF's guests reach at a site, where that can be seen. It is the kernel that answers
        or is silent, so that nobody has to stop meanwhile; most of the time is patience with what does not answer."""
        sockets = sockets_of(site)
        if sockets is not None:
            write_reachability(self._stage.folder, name, observe_reachability(self.at(site), sockets))

    def note_carried(self) -> None:
        """Remember how much the link has carried until now."""
        if self.link is None:
            if self.blueprint.witness and wan_of(self._stage.first, self._stage.second) is not None:
                self._delivered = _delivered(self.the_wan)
            return
        self._carried[self.the_link.name] = self.the_link.server.counters(self.the_link.name)

    def link_in_use(self) -> Observation:
        """Whether bytes have passed the link since ``note_carried``. A real Toxiproxy counts a connection when it has
        ended, if at all, so there it is whether any has carried something since the link was made: building the standby
        does. What is not known to be in use is not."""
        if self.link is None and self.blueprint.witness:
            packets = _delivered(self.the_wan) - self._delivered
            detail = f"{packets} packets passed it under load before, those of the cluster among them."
            return Observation(packets > 0, detail, {"delivered_packets": packets})
        link = self.the_link
        now, before = link.server.counters(link.name), self._carried.get(link.name)
        if now is None:
            return _used_before(link)
        moved = now.to_upstream + now.to_client - (before.to_upstream + before.to_client if before else 0)
        return Observation(
            moved > 0, f"{moved} bytes of replication passed it under load before.", {"carried_bytes": moved}
        )

    def remove(self) -> None:
        """Remove the links and everything that was created at either site, both sites at once."""
        stage = self._stage
        if isinstance(self._scheme, Closing):
            self._scheme.close()
        while self._links:
            link, entry = self._links.pop()
            link.close()
            if entry is not None:
                stage.journal.done(entry)
        self.link = None
        stage.sweep(self._sweeps, self._tag)

    # -- helpers ----------------------------------------------------------------------------------------------------

    def _moved(self, result: Result, to: Site) -> None:
        self._stage.say(f"  {result.detail}")
        if result.deployment is not None:
            self._deployments[to.name] = result.deployment
        if result.ok:
            self.serving = to

    def _open_link(self, from_site: Site, to_site: Site) -> Link:
        """A path from guests of one site to the VNF's replication at the other."""
        stage = self._stage
        upstream = self.at(to_site).replication_upstream
        name = f"{from_site.name}-to-{to_site.name}-{self._tag}"
        for known, _ in self._links:
            if known.name == name:
                return known
        entry = None
        if not stage.proxy.is_embedded:
            entry = stage.journal.record(Undo("delete-proxy", {"url": stage.proxy.url, "name": name}))
        link = Link.open(
            stage.proxy,
            name=name,
            from_site=from_site.name,
            to_site=to_site.name,
            listen_host=str(from_site.spec.link_address),
            upstream=f"{upstream.host}:{upstream.port}",
            dial_from=dialled_from(from_site) if stage.proxy.is_embedded else None,
        )
        self._links.append((link, entry))
        return link


def _refused(result: Result, what: str) -> str:
    """Why a sentence cannot be carried out; what a scheme does not have is told as doubt, not as an error."""
    return f"{what}: {result.detail}" if result.supported else f"{Status.INCONCLUSIVE}: {result.detail}"


def _used_before(link: Link) -> Observation:
    """What a real Toxiproxy tells of the use of a link."""
    ended = link.server.bytes_of_ended(link.name)
    if ended is None:
        return Observation(
            False,
            f"Whether replication uses the link is not known: the Toxiproxy at {link.server.url} counts nothing. Start "
            "it with -proxy-metrics, or leave it out: the embedded proxy counts.",
        )
    detail = f"{ended} bytes had passed it in connections that have ended; a Toxiproxy does not count the others."
    return Observation(ended > 0, detail, {"ended_bytes": ended})


def _delivered(wan: WanLink) -> int:
    return sum(wan.counters(direction)["delivered"] for direction in wan.directions)


def _endpoint(link: Link) -> Endpoint:
    return Endpoint(host=link.listen_host, port=link.listen_port)
