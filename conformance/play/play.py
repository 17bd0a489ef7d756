"""The acting half of a scenario, sentence by sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.errors import HarnessError
from conformance.faults.site_loss import SiteLoss
from conformance.play.changing import Changes
from conformance.play.clients import Clients
from conformance.play.cluster import Cluster
from conformance.play.disturbing import Disturber, leave_out_what_needs_packets
from conformance.play.lifecycle import Lifecycle
from conformance.play.looking import observe_survivor, planes_of, watch_after
from conformance.play.software import Software
from conformance.play.storage import MirroredVolume
from conformance.play.striking import Striker
from conformance.play.subject import Subject
from conformance.records import HOLDERS_FILE
from conformance.request import STATEFUL
from conformance.sites import Site, api_answers, vim_check
from conformance.vocabulary import Loose
from conformance.workloads import HolderSampler, HolderTarget

if TYPE_CHECKING:
    from conformance.session import RunSession


class Play(Lifecycle):
    """Methods are called in the order of the scenario's sentences."""

    def __init__(self, session: RunSession, number: int) -> None:
        super().__init__(session, number)
        self._subject: Subject | None = None
        self._beside: Subject | None = None
        self._cluster: Cluster | None = None
        self._storage: MirroredVolume | None = None
        self._clients: Clients | None = None
        self._sampler: HolderSampler | None = None
        self._disturber: Disturber | None = None
        self._striker: Striker | None = None
        self._changes: Changes | None = None
        self._software: Software | None = None
        self._lost: Site | None = None
        self._survivor_due = False
        self._read_at: Site | None = None

    @property
    def subject(self) -> Subject:
        """The VNF under test. HarnessError before there is one."""
        if self._subject is None:
            raise HarnessError("There is no VNF yet: a Given sentence that deploys one is missing.")
        return self._subject

    @property
    def clients(self) -> Clients:
        """Those who use it. HarnessError before they do."""
        if self._clients is None:
            raise HarnessError("No clients use the service: a Given sentence that starts them is missing.")
        return self._clients

    # -- Given ------------------------------------------------------------------------------------------------------

    def check_sites(self, *, all_of_them: bool = False) -> None:
        """Both clouds, or all of them, answer, each with a control plane of its own."""
        stage = self.stage
        sites = stage.session.sites.sites if all_of_them else (stage.first, stage.second)
        leave_out_what_needs_packets(stage)
        with stage.phase("prepare", f"checking that {len(sites)} clouds answer"):
            for site in sites:
                seen = stage.observe("api-answers", site.name, api_answers(site))
                if not seen.ok:
                    raise HarnessError(f"{site.name} does not answer: {seen.detail}")

    def deploy(self, kind: str = STATEFUL) -> None:
        """Deploy the VNF that the profile names for this kind."""
        subject = Subject(self.stage, self._session.request.blueprint_for(kind))
        self._subject = subject
        self.on_close("removing what was created", subject.remove)
        subject.deploy()

    def protect(self) -> None:
        """Have the scheme protect it at the second site."""
        self.subject.protect()

    def deploy_beside(self, kind: str) -> None:
        """Deploy another VNF with other needs on the same two sites, and have the scheme protect that, too."""
        beside = Subject(self.stage, self._session.request.blueprint_for(kind), "b")
        self._beside = beside
        self.on_close("removing what was created", beside.remove)
        beside.deploy()
        beside.protect(inventory=False)

    def watch_holders(self) -> None:
        """Ask all the time, at both sites, which of them is active."""
        vnfs = self.subject.deployments
        targets = [HolderTarget(v.blueprint.management.role, v.site, v.management_urls[0]) for v in vnfs]
        self._sampler = HolderSampler(self.stage.folder / HOLDERS_FILE, targets)
        self.on_close("ending the look at who is active", self._stop_sampling)
        self._sampler.start()

    def deploy_cluster(self, kind: str = "cluster", *, fill: bool = False, more_than: int = 0) -> None:
        """Deploy a VNF with members in several clouds: spread evenly, or cloud after cloud as they get full; one of
        ``more_than`` that many members."""
        cluster = Cluster(self.stage, self._session.request.blueprint_for(kind))
        self._cluster = cluster
        self.on_close("removing what was created", cluster.remove)
        if fill:
            cluster.fill()
        else:
            cluster.spread(more_than)

    def use_cluster(self) -> None:
        """Clients of all members use it for a while; after a loss, those of the members that are left are looked at."""
        stage, cluster = self.stage, self._the_cluster
        with stage.phase("load", f"{stage.load.clients} clients use the service"):
            if self._clients is None:
                self._clients = Clients(stage, cluster.urls)
                self.on_close("stopping the clients", self._clients.kill)
                self._clients.start()
            self._clients.watch(stage.load.before_fault_s)
            if self._lost is not None:
                cluster.look("-after", without=self._lost)

    def replicate_volume(self) -> None:
        """Have the storage copy a volume of the first site to the second, and somebody write to it."""
        storage = MirroredVolume(self.stage)
        self._storage = storage
        self.on_close("removing what was created", storage.remove)
        storage.set_up()
        storage.start_writing()
        self._watch(self.stage.load.before_fault_s)

    def take_volume_over(self) -> None:
        """Have the second site go on with the copy of the volume."""
        if self._storage is not None:
            self._storage.lost()
            self._storage.take_over()

    def start_load(self, *, unpaced: bool = False) -> None:
        """Clients start; what follows is only done once all of them are being served."""
        stage, subject = self.stage, self.subject
        planes = planes_of(stage, subject, self._beside)
        registers = not unpaced and not subject.blueprint.stateless
        clients = Clients(stage, subject.urls, planes, unpaced=unpaced, registers=registers)
        subject.note_carried()
        with stage.phase("load", f"{stage.load.clients} clients use the service"):
            self._clients = clients
            self.on_close("stopping the clients", clients.kill)
            clients.start()
            reached = stage.submit(subject.save_reachability, "first-before", stage.first)
            baseline = stage.submit(vim_check, stage.second, stage.tag(), (stage.first,))
            clients.watch(stage.load.before_fault_s)
            stage.observe("vim-alive", stage.second.name, baseline.result())
            reached.result()

    # -- When: faults -----------------------------------------------------------------------------------------------

    @property
    def disturber(self) -> Disturber:
        """What disturbs the link of whatever is under test."""
        if self._disturber is None:
            self._disturber = Disturber(self.stage, self.subject if self._storage is None else self._storage)
        return self._disturber

    def disturb_link(self, sentence: str) -> None:
        """Inject the link fault that a sentence names, and let the service run under it for a while."""
        lasts_s = self.disturber.disturb(sentence)
        self._watch(self.stage.load.before_fault_s if lasts_s is None else lasts_s)

    def disturb_link_during(self, sentence: str) -> None:
        """Have the link disturbed as soon as the scheme begins an operation, while that goes on."""
        self.disturber.disturb_during(sentence)
        self.on_close("injecting during an operation", self._await_injected)

    def heal_link(self) -> None:
        """Take every fault of the link back, and wait until replication has caught up."""
        self.disturber.heal()
        with self.stage.phase("catch-up", "waiting for replication to catch up"):
            self.stage.say(f"  {self.subject.await_replication().detail}")

    def disturb_link_again(self, sentence: str) -> None:
        """Take the last fault of the link back, and disturb it anew before replication has caught up."""
        self.disturber.disturb_again(sentence, self.subject.catching_up)
        self._watch(self.stage.load.before_fault_s)

    def let_nemesis_loose(self, loose: Loose) -> None:
        """Disturb again and again, as the run's seed draws it or as a given schedule says."""
        schedule = self.stage.scheduled(self.info.name, loose)
        with self.stage.phase("nemesis", f"a nemesis disturbs {'everything' if loose.everything else 'the link'}"):
            self.disturber.carry_out(schedule, self._watch, self.striker.inject)

    @property
    def changes(self) -> Changes:
        """What an operator changes of the VNF."""
        if self._changes is None:
            self._changes = Changes(self.stage, self.subject)
        return self._changes

    @property
    def striker(self) -> Striker:
        """What disturbs parts of a site, and the VNF's guests there."""
        if self._striker is None:
            self._striker = Striker(self.stage, lambda site: self.subject.at(site), self._storage)
        return self._striker

    def strike_site(self, sentence: str) -> None:
        """Inject the fault of a site that a sentence names, and let the service run under it for a while."""
        self.striker.strike(sentence, self._watch)

    def strike_site_during(self, sentence: str) -> None:
        """Have a site disturbed as soon as the scheme begins an operation, while that goes on."""
        self.striker.strike_during(sentence)
        self.on_close("injecting during an operation", self._await_injected)

    def heal_site(self, which: str) -> None:
        """Take back what was done to parts of a site, and let the service run for a while."""
        self.striker.heal(which)
        self._watch(self.stage.load.before_fault_s)

    def lose_first_site(self) -> None:
        """Lose the first site."""
        stage = self.stage
        guests = self._guests_at_first()
        self._foresee("failover")
        self._lost = stage.first if stage.faults_enabled else None
        self._survivor_due = self._cluster is None and self._storage is None
        stage.nemesis.inject(SiteLoss(stage.first, stage.session.sites.path, guests))

    def repair_first_site(self) -> None:
        """Bring the lost site back, after a look at how the other did without it."""
        observe_survivor(self.stage, self.subject, self.clients)
        self._survivor_due = False
        self.stage.nemesis.heal(lambda fault: fault.name == SiteLoss.name)
        self._lost = None

    # -- When: operations -------------------------------------------------------------------------------------------

    def fail_over(self) -> None:
        """Have the scheme fail over."""
        self._foresee("failover")
        self.subject.fail_over()
        if self._beside is not None:
            self._beside.fail_over()

    def move(self) -> None:
        """Have the scheme move the service to the other site, and use it there for a while."""
        self._foresee("migrate")
        self.subject.move()
        self._await_injected()
        watch_after(self.stage, self.subject, self.clients, "second-after", self.stage.second)

    def go_back(self) -> None:
        """Have the scheme return the service to the first site, and use it there for a while; if it ever left it."""
        if self.subject.serving.name == self.stage.first.name:
            self.stage.say(f"  The service never left {self.stage.first.name}: there is nothing to return.")
            return
        self.subject.go_back()
        self._await_injected()
        watch_after(self.stage, self.subject, self.clients, "first-after", self.stage.first)

    def keep_savepoint(self) -> None:
        """Have the scheme keep the present state, and go on for a while."""
        self.subject.savepoint()
        self.clients.watch(self.stage.load.before_fault_s)

    @property
    def software(self) -> Software:
        """The VNF's own software, where it is at fault."""
        if self._software is None:
            self._software = Software(self.stage, self.subject)
        return self._software

    def recover(self) -> None:
        """Have the scheme regain a clean state at the other site, use it there for a while, and look whether what ails
        the VNF is gone from there."""
        self.subject.recover()
        self.clients.watch(self.stage.load.after_failover_s)
        self.software.look(self.stage.second)

    def measure_replication(self) -> None:
        """Switch replication off and on, and measure the service under either."""
        # Imported here because scipy takes a second, which only who measures should wait for.
        from conformance.play.blocks import measure_in_blocks

        measure_in_blocks(self.stage, self.subject, self.clients)

    def read_back_at(self, site: Site) -> None:
        """Everything is going to be read back there, wherever the service is."""
        self._read_at = site

    # -- between When and Then --------------------------------------------------------------------------------------

    def complete(self) -> None:
        """Look at what came of it, and read everything back where the service is."""
        if self._cluster is not None:
            self.clients.stop()
        if self._subject is None:
            return
        stage, subject = self.stage, self.subject
        self._await_injected()
        if self._survivor_due:
            observe_survivor(self.stage, self.subject, self.clients)
        where = self._read_at or (stage.other(self._lost) if self._lost else subject.serving)
        with stage.phase("read-back", f"reading everything back at {where.name}"):
            if self._clients is not None:
                if where.name != subject.serving.name and self._lost is None:
                    # A standby has what it was sent a moment ago only when it has caught up with the last write.
                    self._clients.rest()
                    subject.await_replication(drained=True)
                self._clients.read_back(where)
        self._stop_sampling()

    # -- helpers ----------------------------------------------------------------------------------------------------

    @property
    def _the_cluster(self) -> Cluster:
        if self._cluster is None:
            raise HarnessError("There is no VNF in several clouds yet: a Given sentence that deploys one is missing.")
        return self._cluster

    def _guests_at_first(self) -> tuple[str, ...]:
        """What must fall silent when the first site is lost, besides its cloud."""
        if self._storage is not None:
            return ()
        vnf = self.subject.at(self.stage.first) if self._cluster is None else self._cluster.first
        return (*vnf.service_urls, *vnf.management_urls)

    def _watch(self, seconds: float) -> None:
        """Let whoever uses what is under test go on for a while."""
        if self._storage is None:
            self.clients.watch(seconds)
        elif self._storage.is_there:
            self._storage.watch(seconds)

    def _stop_sampling(self) -> None:
        if self._sampler is not None:
            self._sampler.stop()
            self._sampler = None

    def _foresee(self, operation: str) -> None:
        """What is to strike during an operation is measured before: before the loss that asks for it, and not at all
        before a return, whose link comes with it."""
        for disturbing in (self._disturber, self._striker):
            if disturbing is not None:
                disturbing.foresee(operation)

    def _await_injected(self) -> None:
        if self._disturber is not None:
            self._disturber.await_injected()
        if self._striker is not None:
            self._striker.await_injected()
