"""The scheme of a vendor: his own executables or HTTP hooks carry the operations out (docs/how-to-scheme.md)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from conformance.errors import UsageError
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
from conformance.schemes.contract import (
    LastLine,
    Question,
    StatusLine,
    StepLine,
    check_site,
    read_deployment,
)
from conformance.schemes.executables import HookError
from conformance.schemes.hook_settings import OPERATIONS, CommandSettings, Hook, check_hooks
from conformance.schemes.hooks import Caller
from conformance.schemes.standby import begin_standby, boot_standby
from conformance.schemes.standing import standing
from conformance.schemes.steps import StepLog
from conformance.settings import read_settings
from conformance.sites import Site
from conformance.vnf import DeployError, Deployment, Endpoint

R = TypeVar("R", bound=Result)


class CommandScheme:
    """Asks hooks, and believes what they say: whether it is true is for the checkers."""

    name = "command"

    def __init__(
        self, settings: CommandSettings, folder: Path, *, on_event: OnEvent, progress: Progress | None, log: Path | None
    ) -> None:
        self._settings = settings
        self._caller = Caller(folder, log)
        self._on_event = on_event
        self._progress = progress
        self._sites: tuple[Site, ...] = ()
        self._deployments: dict[str, Deployment] = {}

    @classmethod
    def prepared(cls, path: Path | None) -> Prepared:
        """Read the settings. UsageError when there are none, or they cannot be used; nothing is called."""
        if path is None:
            raise UsageError(
                "The scheme command needs a file that says what to call: --scheme command:FILE.yaml. "
                "See docs/how-to-scheme.md."
            )
        settings = read_settings(path, CommandSettings, "scheme")
        check_hooks(settings.hooks, path.resolve())
        return Prepared(partial(cls, settings, path.resolve().parent), tuple(_plan(settings)))

    def protect(self, vnf: Deployment, first: Site, second: Site, link: Endpoint | None) -> Protection:
        """With ``standby: blueprint`` the VNF is deployed at ``second`` before the hook is called; otherwise the hook
        must say what it has deployed there."""
        self._sites = (first, second)
        self._deployments = {first.name: vnf}
        log = StepLog("protect", second.name, self._on_event)
        if self._settings.standby == "blueprint":
            try:
                standby = begin_standby(log, vnf, first, second, link, self._progress)
                self._deployments[second.name] = standby
                boot_standby(log, second, standby, self._progress)
            except DeployError as error:
                log.end(False, str(error))
                return Protection(False, str(error), log.steps, self._deployments.get(second.name))
        result = self._call(Protection, self._settings.protect, log, first, second, link)
        if result.ok and second.name not in self._deployments:
            raise HookError(
                f"{self._settings.protect.shown} (protect) should say in 'deployment' what it has deployed at "
                f"{second.name}, and does not. Where the harness is to deploy it, write 'standby: blueprint'."
            )
        return result

    def failover(self, lost: Site, to: Site) -> Failover:
        """As the hook does it: finding out that the site is lost is its business as well."""
        return self._move(Failover, "failover", lost, to)

    def migrate(self, source: Site, to: Site) -> Migration:
        """As the hook does it."""
        return self._move(Migration, "migrate", source, to)

    def failback(self, source: Site, to: Site, link: Endpoint) -> Failback:
        """As the hook does it."""
        return self._move(Failback, "failback", source, to, link)

    def replication(self, wanted: bool) -> Result:
        """As the hook does it."""
        return self._other("replication", "on" if wanted else "off", {"wanted": wanted})

    def savepoint(self, name: str) -> Result:
        """As the hook does it."""
        return self._other("savepoint", name, {"name": name})

    def recover(self, source: Site, to: Site, name: str) -> Result:
        """As the hook does it."""
        return self._move(Result, "recover", source, to, name=name)

    def status(self) -> SchemeStatus:
        """What the hook says; without one, what the guests say themselves."""
        hook = self._settings.status
        if hook is None:
            return standing(self._deployments.values())
        said = self._caller.call(hook, self._question("status"), StatusLine, lambda step: None)
        check_site(said.active, self._sites, f"{hook.shown} (status)")
        return SchemeStatus(said.ok and said.protected, said.active, said.detail, {}, said.behind_bytes)

    def _move(
        self, kind: type[R], operation: str, source: Site, to: Site, link: Endpoint | None = None, **more: Any
    ) -> R:
        hook: Hook | None = getattr(self._settings, operation)
        told = hook is not None if operation == "failover" else None
        log = StepLog(operation, to.name, self._on_event, told=told)
        return (
            self._not_supported(kind, log, operation)
            if hook is None
            else self._call(kind, hook, log, source, to, link, **more)
        )

    def _call(
        self, kind: type[R], hook: Hook, log: StepLog, source: Site, to: Site, link: Endpoint | None, **more: Any
    ) -> R:
        arguments = {"source": source.name, "target": to.name, **more}
        question = self._question(log.operation, link, arguments)
        last = self._caller.call(hook, question, LastLine, partial(_note, log))
        if last.deployment is not None:
            shown = f"{hook.shown} ({log.operation})"
            if last.deployment.site != to.name:
                raise HookError(f"{shown} speaks of a deployment at {last.deployment.site!r}: expected {to.name!r}.")
            vnf = next(iter(self._deployments.values()))
            known = self._deployments.get(to.name)
            primary = link if known is None else known.primary
            self._deployments[to.name] = read_deployment(last.deployment, vnf.blueprint, vnf.run_id, primary, shown)
        detail = last.detail or f"{hook.shown} says that {log.operation} {'succeeded' if last.ok else 'failed'}."
        log.end(last.ok, detail)
        return kind(last.ok, detail, log.steps, self._deployments.get(to.name))

    def _other(self, operation: str, target: str, arguments: dict[str, Any]) -> Result:
        log = StepLog(operation, target, self._on_event)
        hook: Hook | None = getattr(self._settings, operation)
        if hook is None:
            return self._not_supported(Result, log, operation)
        last = self._caller.call(hook, self._question(operation, None, arguments), LastLine, partial(_note, log))
        log.end(last.ok, last.detail)
        return Result(last.ok, last.detail, log.steps)

    def _not_supported(self, kind: type[R], log: StepLog, operation: str) -> R:
        detail = f"The scheme {self.name} does not support {operation}: its settings give nothing to call for it."
        log.not_supported(detail)
        return kind(False, detail, log.steps, supported=False)

    def _question(
        self, operation: str, link: Endpoint | None = None, arguments: dict[str, Any] | None = None
    ) -> Question:
        if not self._deployments:
            raise HookError(f"There is no VNF for {operation} yet: protect was not carried out.")
        return Question(operation, self._sites, tuple(self._deployments.values()), link, arguments or {})


def _note(log: StepLog, step: StepLine) -> None:
    log.passed(step.step, step.ok, step.detail, step.observed, step.site)


def _plan(settings: CommandSettings) -> list[str]:
    who = "the harness, from the blueprint" if settings.standby == "blueprint" else "protect"
    given = settings.hooks
    calls = [f"{name}: {given[name].sentence if name in given else _absent(name)}" for name in OPERATIONS]
    return [f"at the second site the VNF is deployed by {who}", *calls]


def _absent(operation: str) -> str:
    return "what the guests say themselves" if operation == "status" else "not supported"
