"""The scheme of a system that acts by itself: it is watched, and never told anything (docs/how-to-scheme.md)."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TypeVar

from conformance.schemes.base import (
    Failback,
    Failover,
    Migration,
    OnEvent,
    Prepared,
    Progress,
    Protection,
    Result,
    SchemeStatus,
)
from conformance.schemes.contract import LastLine, Question, read_deployment
from conformance.schemes.executables import HookError
from conformance.schemes.hook_settings import Hook, Look, ObserveSettings, check_executable, check_hooks
from conformance.schemes.hooks import Caller
from conformance.schemes.looks import holds, watch
from conformance.schemes.standby import begin_standby, boot_standby
from conformance.schemes.standing import standing
from conformance.schemes.steps import StepLog
from conformance.settings import read_settings
from conformance.sites import Site
from conformance.vnf import DeployError, Deployment, Endpoint

R = TypeVar("R", bound=Result)

# In the words of a scheme's events.
_FAILOVER = {"detected": "detect", "serving": "serve"}
_MOVE = {"replicated": "replicated", "serving": "second-serving", "stopped": "first-stopped"}


class ObserveScheme:
    """Waits until the system under test has done what it should, and notes when that was seen."""

    name = "observe"
    offers = frozenset({"protect", "failover", "migrate", "failback", "status"})

    def __init__(
        self, settings: ObserveSettings, folder: Path, *, on_event: OnEvent, progress: Progress | None, log: Path | None
    ) -> None:
        self._settings = settings
        self._caller = Caller(folder, log)
        self._on_event = on_event
        self._progress = progress
        self._sites: tuple[Site, ...] = ()
        self._deployments: dict[str, Deployment] = {}

    @classmethod
    def prepared(cls, path: Path | None) -> Prepared:
        """Read the settings, or take those that fit the shipped VNFs. UsageError when they cannot be used."""
        settings, folder = ObserveSettings(), Path.cwd()
        if path is not None:
            settings, folder = read_settings(path, ObserveSettings, "scheme"), path.resolve().parent
            if isinstance(settings.standby, Hook):
                check_hooks({"standby": settings.standby}, path.resolve())
            for name, look in settings.looks.items():
                if look.run is not None:
                    check_executable(look.run, folder, f"{name} in {path}")
        return Prepared(partial(cls, settings, folder), tuple(_plan(settings)))

    def protect(self, vnf: Deployment, first: Site, second: Site, link: Endpoint | None) -> Protection:
        """Wait until the VNF is seen to be protected. Where the harness deploys the standby, it does that before, and
        nothing else; what is one cluster over several sites is at the second already."""
        self._sites = (first, second)
        self._deployments = {first.name: vnf}
        log = StepLog("protect", second.name, self._on_event)
        standby = self._settings.standby
        placed = next((there for there in vnf.elsewhere if there.site == second.name), None)
        try:
            if placed is not None:
                self._deployments[second.name] = placed
            elif isinstance(standby, Hook):
                self._deployments[second.name] = self._stated(standby, vnf, second, link)
            else:
                self._deployments[second.name] = begin_standby(log, vnf, first, second, link, self._progress)
                boot_standby(log, second, self._deployments[second.name], self._progress)
        except DeployError as error:
            return self._over(Protection, log, second, str(error))
        if vnf.blueprint.stateless:
            return self._over(Protection, log, second, f"It is there at {second.name}; it has no state.", ok=True)
        settings = self._settings
        looks = {"protected": settings.protected}
        return self._watch(Protection, log, first, second, looks, {"protected": "replicate"}, settings.protect_within_s)

    def failover(self, lost: Site, to: Site) -> Failover:
        """Wait until the service is seen at ``to``."""
        log = StepLog("failover", to.name, self._on_event, told=False)
        return self._await_service(Failover, log, lost, to, _FAILOVER)

    def migrate(self, source: Site, to: Site) -> Migration:
        """Wait until the service is seen at ``to``, and what is watched of the order of things with it."""
        return self._await_service(Migration, StepLog("migrate", to.name, self._on_event), source, to, _MOVE)

    def failback(self, source: Site, to: Site, link: Endpoint) -> Failback:
        """Wait until the service is seen at ``to`` again."""
        return self._await_service(Failback, StepLog("failback", to.name, self._on_event), source, to, _MOVE)

    def replication(self, wanted: bool) -> Result:
        """Not supported: it would take acting."""
        return self._not_supported("replication", "on" if wanted else "off")

    def savepoint(self, name: str) -> Result:
        """Not supported: it would take acting."""
        return self._not_supported("savepoint", name)

    def recover(self, source: Site, to: Site, name: str) -> Result:
        """Not supported: it would take acting."""
        return self._not_supported("recover", to.name)

    def status(self) -> SchemeStatus:
        """What the guests say; whether it is protected is what is seen now, the service being where they say it is."""
        said = standing(self._deployments.values())
        active = said.active or self._sites[0].name
        source = self._deployments[active]
        target = next((vnf for site, vnf in self._deployments.items() if site != active), source)
        look, question = self._settings.protected, self._question("status", source.site, target.site)
        protected = holds(look, source, target, self._caller, question)
        return SchemeStatus(protected, said.active, said.detail, said.sites, said.behind_bytes)

    def _await_service(self, kind: type[R], log: StepLog, source: Site, to: Site, names: dict[str, str]) -> R:
        looks = {name: look for name, look in self._settings.looks.items() if name in names}
        return self._watch(kind, log, source, to, looks, names, self._settings.serve_within_s)

    def _watch(
        self,
        kind: type[R],
        log: StepLog,
        source: Site,
        to: Site,
        looks: dict[str, Look],
        names: dict[str, str],
        within_s: float,
    ) -> R:
        """Each look that comes to hold is a step, its instant good to the time since it was last seen not to."""
        vnfs = (self._deployments[source.name], self._deployments[to.name])
        question = self._question(log.operation, source.name, to.name)
        began = time.monotonic_ns()

        def note(name: str, uncertainty_ns: int) -> None:
            at = source.name if name in ("stopped", "detected") else to.name
            detail = f"Seen {(time.monotonic_ns() - began) / 1e9:.2f} s after the watch began."
            log.passed(names[name], True, detail, {"uncertainty_ns": uncertainty_ns}, at)

        missing = watch(
            looks,
            frozenset(looks) - {"detected"},
            lambda look: holds(look, *vnfs, self._caller, question),
            within_s,
            self._settings.interval_s,
            note,
        )
        if missing:
            what = " and ".join(f"{name} ({looks[name].sentence})" for name in missing)
            return self._over(kind, log, to, f"Within {within_s:g} s it was not seen to be {what}.")
        return self._over(kind, log, to, f"It was seen at {to.name}: {', '.join(looks)}.", ok=True)

    def _over(self, kind: type[R], log: StepLog, to: Site, detail: str, *, ok: bool = False) -> R:
        log.end(ok, detail)
        return kind(ok, detail, log.steps, self._deployments.get(to.name))

    def _stated(self, hook: Hook, vnf: Deployment, second: Site, link: Endpoint | None) -> Deployment:
        """The VNF at the second site, as a hook states it."""
        shown = f"{hook.shown} (standby)"
        question = Question("standby", self._sites, (vnf,), link, {"source": vnf.site, "target": second.name})
        said = self._caller.call(hook, question, LastLine, lambda step: None)
        if not said.ok or said.deployment is None or said.deployment.site != second.name:
            raise HookError(
                f"{shown} should say in 'deployment' what is deployed at {second.name}. {said.detail}".strip()
            )
        return read_deployment(said.deployment, vnf.blueprint, vnf.run_id, link, shown)

    def _not_supported(self, operation: str, target: str) -> Result:
        detail = f"The scheme {self.name} does not support {operation}: it watches and never acts."
        log = StepLog(operation, target, self._on_event)
        log.not_supported(detail)
        return Result(False, detail, log.steps, supported=False)

    def _question(self, operation: str, source: str, target: str) -> Question:
        vnfs = tuple(self._deployments.values())
        return Question(operation, self._sites, vnfs, None, {"source": source, "target": target})


def _plan(settings: ObserveSettings) -> list[str]:
    standby = settings.standby
    who = standby.sentence if isinstance(standby, Hook) else "the harness deploys it from the blueprint"
    return [f"standby: {who}", *(f"{name}: {look.sentence}" for name, look in settings.looks.items())]
