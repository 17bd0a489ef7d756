"""Where a scenario is played: its sites, its record, its nemesis, and the words that tell the user how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from conformance.checkers.planes import BESIDE
from conformance.dataplane import WanLink
from conformance.errors import HarnessError
from conformance.faults.base import NotPossibleHere
from conformance.features import (
    planned_during,
    planned_faults,
    requirement_tags,
    scenario_id,
    scope_tags,
    then_phrases,
)
from conformance.links import ProxyServer
from conformance.model import Event, Observation, ScenarioInfo, Thresholds
from conformance.nemesis import Nemesis
from conformance.records import EVENTS_FILE
from conformance.schedule import Schedule
from conformance.session import pair
from conformance.sites import Site, sweep, wan_of
from conformance.store import EventLog
from conformance.vocabulary import Loose

if TYPE_CHECKING:
    from pytest_bdd.parser import Feature, Scenario

    from conformance.faults.journal import Journal
    from conformance.profile import LoadSettings, Profile
    from conformance.session import RunSession

T = TypeVar("T")


class Stage:
    """One scenario's surroundings. Making it writes down what is going to be done, before anything is."""

    def __init__(self, session: RunSession, number: int, feature: Feature, scenario: Scenario) -> None:
        self.session = session
        self.first, self.second = pair(session)
        self.began = time.monotonic_ns()
        self._number = number
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="play")
        self._listeners: list[Callable[[Event], None]] = []
        profile = self.profile
        tags = scenario.tags | feature.tags | (scenario.rule.tags if scenario.rule else set())
        self.info = ScenarioInfo(
            id=scenario_id(number, scenario.name),
            name=scenario.name,
            feature=feature.name,
            requirements=requirement_tags(tags),
            then=then_phrases(scenario),
            faults_planned=planned_faults(scenario, self.scheduled),
            faults_during=planned_during(scenario),
            first_site=self.first.name,
            second_site=self.second.name,
            thresholds=_limits(profile, scenario),
            tenant_pools=session.sites.tenant_pools(),
            scopes=scope_tags(tags),
            steps=tuple(f"{step.keyword} {step.name}" for step in scenario.steps),
            probe_interval_ns=int(profile.load.probe_interval_ms * 1e6),
        )
        self.folder: Path = session.folder.begin_scenario(self.info)
        self.events = EventLog(self.folder / EVENTS_FILE)
        self.nemesis = Nemesis(self.events, session.journal, session.say, enabled=session.request.options.faults)
        self.say(f"Scenario {number}: {scenario.name}")

    @property
    def profile(self) -> Profile:
        """The run's profile."""
        return self.session.request.profile

    @property
    def load(self) -> LoadSettings:
        """How clients are to use the service."""
        return self.profile.load

    @property
    def journal(self) -> Journal:
        """The run's journal of undos."""
        return self.session.journal

    @property
    def proxy(self) -> ProxyServer:
        """Where links are made."""
        return self.session.proxy

    @property
    def faults_enabled(self) -> bool:
        """False in a rehearsal."""
        return self.session.request.options.faults

    def scheduled(self, scenario: str, loose: Loose) -> Schedule:
        """What a nemesis that is let loose in a scenario does."""
        return self.session.request.scheduled(scenario, loose, (self.first, self.second))

    def say(self, text: str) -> None:
        """Tell the user."""
        self.session.say(text)

    def tag(self, suffix: str = "") -> str:
        """What resources of this scenario are tagged with: the run's id and the scenario's number."""
        return f"{self.session.run_id}.{self._number}{suffix}"

    def site(self, name: str) -> Site:
        """The site of that name."""
        return self.session.sites.site(name)

    def other(self, site: Site) -> Site:
        """The other one of the pair."""
        return self.second if site.name == self.first.name else self.first

    @property
    def wan(self) -> WanLink:
        """What all packets between the pair pass. NotPossibleHere where nothing can be done to them."""
        wan = wan_of(self.first, self.second)
        if wan is None:
            raise NotPossibleHere(
                f"Packets between {self.first.name} and {self.second.name} cannot be disturbed: that takes two sites "
                "of a lab in namespaces mode (multisite-ha lab up --mode namespaces)."
            )
        pair = (self.first.name, self.second.name)
        more = [wan_of(self.first, site) for site in self.session.sites.sites if site.name not in pair]
        return replace(wan, others=tuple(other for other in more if other is not None))

    def sweep(self, entries: dict[str, int], tag: str) -> None:
        """Remove what carries the tag from the sites of these entries of the journal, from all at once; strikes them
        out. What is in a lab that is going to be taken down goes with it, and is struck out then."""
        if self.session.lab_goes_next:
            return
        jobs = {name: self.submit(sweep, self.site(name), tag) for name in entries}
        for name, job in jobs.items():
            job.result()
            self.journal.done(entries.pop(name))

    def submit(self, work: Callable[..., T], *arguments: object) -> Future[T]:
        """Do something beside the main thread."""
        return self._pool.submit(work, *arguments)

    def on_event(self, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` with every event of the scheme, after it has been written down."""
        self._listeners.append(listener)

    def scheme_event(self, event: Event) -> None:
        """What the scheme reports."""
        self.events.append(event)
        for listener in tuple(self._listeners):
            listener(event)

    @contextmanager
    def phase(self, name: str, text: str) -> Iterator[None]:
        """One phase of the scenario, in the record from its begin to its end."""
        self.say(f"  {text}")
        self.events.note("phase", name, "begin")
        try:
            yield
        except HarnessError as error:
            self.events.note("phase", name, "end", ok=False, detail=str(error))
            raise
        self.events.note("phase", name, "end", ok=True)

    def observe(self, name: str, target: str, seen: Observation | None, why: str = "") -> Observation:
        """Write an observation down; None is something that cannot be observed, for the reason given."""
        if seen is None:
            self.events.note("observation", name, target=target, ok=None, detail=why)
            return Observation(False, why)
        self.events.note(
            "observation", name, target=target, ok=seen.ok, detail=seen.detail, observed=dict(seen.observed)
        )
        return seen

    def close(self) -> None:
        """End what works beside the main thread."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _limits(profile: Profile, scenario: Scenario) -> Thresholds:
    """The profile's limits; that of the plane of another VNF only where there is one."""
    limits = profile.limits()
    if any(BESIDE in step.name for step in scenario.steps):
        return limits
    return replace(limits, plane_rto_s={n: s for n, s in limits.plane_rto_s.items() if n != BESIDE})
