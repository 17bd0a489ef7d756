"""One scenario carried out: prepare, load, disturb, observe, heal, save. Its records say everything that it did.

A play never judges by itself: the Then sentences are judged from the stored record by conformance.judge.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from conformance.errors import HarnessError
from conformance.faults.base import Fault, Undo
from conformance.faults.link_cut import LinkCut
from conformance.faults.link_delay import LinkDelay
from conformance.faults.link_stall import LinkStall
from conformance.faults.site_loss import SiteLoss
from conformance.features import planned_faults, requirement_tags, scenario_id, then_phrases
from conformance.judge import judge_phrase
from conformance.links import Link
from conformance.model import Event, Observation, ScenarioInfo, ScenarioRecord, Status
from conformance.nemesis import Nemesis
from conformance.records import EVENTS_FILE
from conformance.schemes import Scheme, make_scheme
from conformance.session import pair, uninterrupted
from conformance.sites import LabPower, api_answers, sweep, take_inventory, vim_check
from conformance.store import EventLog, Outcome, write_inventory
from conformance.vnf import Deployment, Endpoint, await_ready, begin, serving
from conformance.workloads import Workload, WorkloadPlan

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario

    from conformance.session import RunSession


class Play:
    """The acting half of a scenario. Methods are called in the order of the scenario's sentences."""

    def __init__(self, session: RunSession, number: int) -> None:
        self._session = session
        self._number = number
        self._first, self._second = pair(session)
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="play")
        self._began = time.monotonic_ns()
        self._sweeps: dict[str, int] = {}
        self._info: ScenarioInfo | None = None
        self._events: EventLog | None = None
        self._nemesis: Nemesis | None = None
        self._deployment: Deployment | None = None
        self._standby: Deployment | None = None
        self._ready: Future[None] | None = None
        self._scheme: Scheme | None = None
        self._link: Link | None = None
        self._link_entry: int | None = None
        self._workload: Workload | None = None
        self._record: ScenarioRecord | None = None
        self._carried_before = 0
        self._settled = False
        self._closed = False
        self._error: str | None = None

    # -- before anything is done ------------------------------------------------------------------------------------

    def begin(self, feature: Feature, scenario: Scenario) -> None:
        """Write down what is going to be done."""
        profile = self._session.request.profile
        self._info = ScenarioInfo(
            id=scenario_id(self._number, scenario.name),
            name=scenario.name,
            feature=feature.name,
            requirements=requirement_tags(scenario.tags | feature.tags),
            then=then_phrases(scenario),
            faults_planned=planned_faults(scenario),
            first_site=self._first.name,
            second_site=self._second.name,
            thresholds=profile.limits(),
            tenant_pools=self._session.sites.tenant_pools(),
            steps=tuple(f"{step.keyword} {step.name}" for step in scenario.steps),
            probe_interval_ns=int(profile.load.probe_interval_ms * 1e6),
        )
        folder = self._session.folder.begin_scenario(self._info)
        self._events = EventLog(folder / EVENTS_FILE)
        self._nemesis = Nemesis(
            self._events, self._session.journal, self._session.say, enabled=self._session.request.options.faults
        )
        self._session.say(f"Scenario {self._number}: {scenario.name}")

    @property
    def info(self) -> ScenarioInfo:
        """What was written down; only after begin."""
        if self._info is None:
            raise HarnessError("A scenario's sentence was carried out before the scenario was begun.")
        return self._info

    @property
    def _log(self) -> EventLog:
        if self._events is None:
            raise HarnessError("An event was noted before the scenario was begun.")
        return self._events

    @property
    def _faults(self) -> Nemesis:
        if self._nemesis is None:
            raise HarnessError("A fault was to be injected before the scenario was begun.")
        return self._nemesis

    # -- Given ------------------------------------------------------------------------------------------------------

    def check_sites(self) -> None:
        """Both clouds answer, each with a control plane of its own."""
        with self._phase("prepare", "checking that both clouds answer"):
            for site in (self._first, self._second):
                seen = self._observe("api-answers", site.name, api_answers(site))
                if not seen.ok:
                    raise HarnessError(f"{site.name} does not answer: {seen.detail}")

    def deploy(self) -> None:
        """Ask for the whole VNF at the first site; it boots while the second site is prepared."""
        with self._phase("deploy", f"deploying {self._session.request.blueprint.name} at {self._first.name}"):
            for site in (self._first, self._second):
                undo = Undo("sweep", {"sites": str(self._session.sites.path), "site": site.name, "run_id": self._tag})
                self._sweeps[site.name] = self._session.journal.record(undo)
            self._deployment = begin(self._first, self._session.request.blueprint, self._tag)
            self._ready = self._pool.submit(await_ready, self._first, self._deployment)

    def protect(self) -> None:
        """Have the scheme protect the VNF at the second site, through the link that the faults will disturb."""
        vnf = self._deployed
        with self._phase("protect", f"protecting it at {self._second.name}"):
            self._link = self._open_link(vnf)
            self._scheme = make_scheme(self._session.request.options.scheme, on_event=self._log.append)
            endpoint = Endpoint(host=self._link.listen_host, port=self._link.listen_port)
            protection = self._scheme.protect(vnf, self._first, self._second, endpoint)
            if self._ready is not None:
                self._ready.result()
            if not protection.ok:
                raise HarnessError(f"The scheme {self._scheme.name} could not protect the VNF: {protection.detail}")
            self._standby = protection.deployment
        self._save_inventory("first-before", vnf)

    def start_load(self) -> None:
        """Clients start; what follows is only done once all of them are being served."""
        load = self._session.request.profile.load
        urls = {self._first.name: self._deployed.service_urls}
        if self._standby is not None:
            urls[self._second.name] = self._standby.service_urls
        plan = WorkloadPlan(
            endpoints=urls,
            folder=self._session.folder.scenario_folder(self.info.id),
            workers=load.clients,
            rate=load.rate_per_client,
            probe_interval_ns=self.info.probe_interval_ns,
            seed=self._session.request.seed ^ zlib.crc32(self.info.name.encode()),
        )
        carried = self._the_link.server.counters(self._the_link.name)
        self._carried_before = carried.to_upstream + carried.to_client if carried else 0
        with self._phase("load", f"{load.clients} clients use the service"):
            self._workload = Workload(plan)
            self._workload.start()
            baseline = self._pool.submit(vim_check, self._second, self._tag, (self._first,))
            self._watch(load.before_fault_s)
            self._observe("vim-alive", self._second.name, baseline.result())

    # -- When -------------------------------------------------------------------------------------------------------

    def delay_link(self, milliseconds: int) -> None:
        """Delay the link, and let the service run under it for as long as it ran undisturbed."""
        self._disturb(LinkDelay(self._the_link, milliseconds))
        self._watch(self._session.request.profile.load.before_fault_s)

    def stall_link(self, seconds: float) -> None:
        """Stall the link and keep it stalled."""
        self._disturb(LinkStall(self._the_link))
        self._watch(seconds)

    def cut_link(self) -> None:
        """Cut the link."""
        self._disturb(LinkCut(self._the_link))

    def lose_first_site(self) -> None:
        """Lose the first site."""
        guests = (*self._deployed.service_urls, *self._deployed.management_urls)
        self._faults.inject(SiteLoss(self._first, self._session.sites.path, guests))

    def fail_over(self) -> None:
        """Have the scheme fail over."""
        if self._scheme is None:
            raise HarnessError("Nothing protects the VNF, so nothing can fail over: a Given sentence is missing.")
        with self._phase("failover", f"failing over to {self._second.name}"):
            result = self._scheme.failover(self._first, self._second)
            self._session.say(f"  {result.detail}")
            self._standby = result.deployment or self._standby

    # -- between When and Then --------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Look at the second site while the first is still lost, read everything back, then heal. Once."""
        if self._settled:
            return
        with self._phase("observe", f"observing {self._second.name} while {self._first.name} is still lost"):
            vim = self._pool.submit(vim_check, self._second, self._tag, (self._first,))
            self._watch(self._session.request.profile.load.after_failover_s)
            self._observe("vim-alive", self._second.name, vim.result())
            if isinstance(self._second.spec.power, LabPower):
                # Only here is it known that there is nothing to see. On other clouds the check stays open without it.
                self._observe("data-plane", self._second.name, None, "the lab's guests share the loopback device")
            if self._standby is not None:
                self._save_inventory("second-after", self._standby)
        with self._phase("read-back", f"reading everything back at {self._second.name}"):
            if self._workload is not None:
                # In a rehearsal nothing is lost and nothing fails over: the first site is the one that serves.
                where = self._second if self._session.request.options.faults else self._first
                self._workload.stop(final_read_from=where.name)
        self._faults.heal()
        self._settled = True
        self._end()

    def judge(self, phrase: str) -> None:
        """Judge one Then sentence on the stored record; anything but a pass fails the pytest item."""
        if self._record is None:
            self._record = self._session.folder.load(self.info.id)
        verdict = judge_phrase(phrase, self._record).verdict
        self._session.say(f"  {verdict.status.upper():13} {phrase}: {verdict.reason}")
        if verdict.status not in (Status.PASS, Status.NOT_APPLICABLE):
            pytest.fail(f"{verdict.status}: {phrase}. {verdict.reason}", pytrace=False)

    # -- the end ----------------------------------------------------------------------------------------------------

    def failed(self, error: BaseException) -> None:
        """A sentence could not be carried out."""
        if self._error is None and not self._settled:
            self._error = str(error) or type(error).__name__

    def close(self) -> None:
        """Heal, stop and remove whatever is still there; safe to call twice, and not to be interrupted.

        Trouble becomes the scenario's error.
        """
        if self._closed:
            return
        with uninterrupted():
            for name, undo in (
                ("healing", self._heal),
                ("stopping the clients", self._stop_load),
                ("removing what was created", self._remove),
            ):
                try:
                    undo()
                except Exception as error:  # whatever goes wrong in one must not keep the others from cleaning up
                    self._error = self._error or f"While {name}: {error}"
                    self._session.say(f"  ERROR while {name}: {error}")
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._closed = True
            if self._info is not None and (self._error or self._settled):
                self._end()
            if self._events is not None:
                self._events.close()

    def _end(self) -> None:
        outcome = Outcome(self._error, round((time.monotonic_ns() - self._began) / 1e9, 3))
        self._session.folder.end_scenario(self.info.id, outcome)

    # -- helpers ----------------------------------------------------------------------------------------------------

    @property
    def _tag(self) -> str:
        """What this scenario's resources are tagged with: the run's id and the scenario's number."""
        return f"{self._session.run_id}.{self._number}"

    @property
    def _deployed(self) -> Deployment:
        if self._deployment is None:
            raise HarnessError("There is no VNF yet: a Given sentence that deploys one is missing.")
        return self._deployment

    @property
    def _the_link(self) -> Link:
        if self._link is None:
            raise HarnessError("There is no link yet: a Given sentence that protects the VNF is missing.")
        return self._link

    def _open_link(self, vnf: Deployment) -> Link:
        upstream = vnf.replication_upstream
        name = f"{self._second.name}-to-{self._first.name}-{self._session.run_id}-{self._number}"
        undo = Undo("delete-proxy", {"url": self._session.proxy.url, "name": name})
        if not self._session.proxy.is_embedded:
            self._link_entry = self._session.journal.record(undo)
        return Link.open(
            self._session.proxy,
            name=name,
            from_site=self._second.name,
            to_site=self._first.name,
            listen_host=str(self._second.spec.link_address),
            upstream=f"{upstream.host}:{upstream.port}",
        )

    def _disturb(self, fault: Fault) -> None:
        """Inject a link fault. It can only bite when the replication goes over the link: its bytes are counted."""
        self._faults.inject(fault, self._link_in_use())

    def _link_in_use(self) -> Observation:
        """Whether bytes have passed the link since its load began; a real Toxiproxy does not count them."""
        now = self._the_link.server.counters(self._the_link.name)
        if now is None:
            return Observation(True, "Whether replication uses the link cannot be counted on this proxy server.")
        moved = now.to_upstream + now.to_client - self._carried_before
        return Observation(
            moved > 0, f"{moved} bytes of replication passed it under load before.", {"carried_bytes": moved}
        )

    def _save_inventory(self, name: str, vnf: Deployment) -> None:
        site = self._first if vnf.site == self._first.name else self._second
        inventory = take_inventory(site, self._tag, serving=serving(vnf))
        write_inventory(self._session.folder.scenario_folder(self.info.id), name, inventory)

    def _observe(self, name: str, target: str, seen: Observation | None, detail: str = "") -> Observation:
        shown = seen or Observation(False, detail)
        ok = None if seen is None else seen.ok
        self._log.note("observation", name, target=target, ok=ok, detail=shown.detail, observed=dict(shown.observed))
        return shown

    def _watch(self, seconds: float) -> None:
        """Let the clients work for ``seconds`` while making sure that they do."""
        if self._workload is None:
            raise HarnessError("No clients use the service: a Given sentence that starts them is missing.")
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._workload.counters()
            time.sleep(min(0.25, left))

    @contextmanager
    def _phase(self, name: str, doing: str) -> Iterator[None]:
        self._session.say(f"  {doing}")
        self._log.append(Event(t=time.monotonic_ns(), kind="phase", name=name, state="begin"))
        try:
            yield
        except HarnessError as error:
            self._log.note("phase", name, "end", ok=False, detail=str(error))
            raise
        self._log.note("phase", name, "end", ok=True)

    def _heal(self) -> None:
        if self._nemesis is not None:
            self._nemesis.heal()

    def _stop_load(self) -> None:
        if self._workload is not None:
            self._workload.kill()

    def _remove(self) -> None:
        """Remove the link and everything this scenario created at either site, both sites at once."""
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._link_entry is not None:
            self._session.journal.done(self._link_entry)
        sites = {s.name: s for s in (self._first, self._second)}
        jobs = {name: self._pool.submit(sweep, sites[name], self._tag) for name in self._sweeps}
        for name, job in jobs.items():
            job.result()
            self._session.journal.done(self._sweeps.pop(name))
