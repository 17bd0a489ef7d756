"""The reference scheme: a warm standby at the second site, promoted by hand of this scheme. openstacksdk
only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from conformance.schemes.base import (
    Failback,
    Failover,
    Migration,
    OnEvent,
    Progress,
    Protection,
    Result,
    SchemeStatus,
)
from conformance.schemes.handover import (
    await_protected,
    await_writable,
    follow,
    hand_over,
    order,
    promote,
    start_servers,
    stop_servers,
    stop_serving,
)
from conformance.schemes.keeping import Keeper
from conformance.schemes.standby import begin_standby, boot_standby
from conformance.schemes.standing import standing
from conformance.schemes.steps import StepFailed, StepLog
from conformance.sites import Site, SiteError, api_silent
from conformance.vnf import DeployError, Deployment, Endpoint, ask_guests
from conformance.waiting import NotReached, wait_until

PROTECT_TIMEOUT_S = 120.0
# A lost site is silent at once and seen to be in about 2 s; one that has not fallen silent by now serves somebody.
DETECT_TIMEOUT_S = 6.0

# A site counts as lost when nothing of it answered in this many rounds of probes in a row.
_SILENT_ROUNDS = 3
_PROBE_TIMEOUT_S = 0.5

R = TypeVar("R", bound=Result)


class ReferenceScheme:
    """Protects by a standby of the whole VNF that follows the primary through the link; fails over by
    promoting it; moves by handing over, in order, what has been replicated."""

    name = "reference"

    def __init__(self, *, on_event: OnEvent, progress: Progress | None = None) -> None:
        self._on_event = on_event
        self._progress = progress
        self._deployments: dict[str, Deployment] = {}
        self._link: Endpoint | None = None
        self._keeper: Keeper | None = None

    def protect(self, vnf: Deployment, first: Site, second: Site, link: Endpoint | None) -> Protection:
        """Replicate the images through Glance, build the same networks, groups, routers and servers at
        ``second`` as a standby that dials ``link``, and wait until the primary itself says that it is
        protected. The servers of a stateless VNF are built and switched off: they start in their initial state. From
        then on what changes at ``first`` is followed (keeping.py)."""
        self._deployments = {first.name: vnf}
        self._link = link
        log = StepLog("protect", second.name, self._on_event)
        try:
            standby = begin_standby(log, vnf, first, second, link, self._progress)
            self._deployments[second.name] = standby
            boot_standby(log, second, standby, self._progress)
            if vnf.blueprint.stateless:
                with log.step("switch-off", second.name):
                    stop_servers(second, standby)
            else:
                with log.step("replicate"):
                    await_protected(vnf, PROTECT_TIMEOUT_S)
        except (StepFailed, DeployError) as error:
            return _over(Protection, log, False, str(error), self._deployments.get(second.name))
        self._keep(first, second)
        return _over(Protection, log, True, f"{first.name} is protected by a standby at {second.name}.", standby)

    def failover(self, lost: Site, to: Site) -> Failover:
        """See for itself that ``lost`` is gone, promote the standby at ``to``, and wait until its service is
        writable.

        A site that still answers is not failed over from, or both sides would take writes; unless its primary has
        started anew and is fenced: it then serves nobody until this scheme says so.
        """
        self._leave()
        log = StepLog("failover", to.name, self._on_event, told=True)
        standby = self._deployments.get(to.name)
        if standby is None:
            return _over(Failover, log, False, f"Nothing stands by at {to.name}: protect was not carried out.", None)
        try:
            self._fence(log, lost)
            if standby.blueprint.stateless:
                start_servers(log, to, standby)
            else:
                with log.step("promote") as seen:
                    seen["detail"] = promote(standby)
            with log.step("serve"):
                await_writable(standby)
        except (StepFailed, SiteError) as error:
            return _over(Failover, log, False, str(error), standby)
        took = ", ".join(f"{s.name} {(s.ended - s.began) / 1e9:.2f} s" for s in log.steps)
        return _over(Failover, log, True, f"The service continues at {to.name} ({took}).", standby)

    def migrate(self, source: Site, to: Site) -> Migration:
        """Hand the service over to ``to`` and stop the servers at ``source``. What cannot be replicated is not stopped:
        then the service stays where it is."""
        self._leave()
        log = StepLog("migrate", to.name, self._on_event)
        old, new = self._deployments.get(source.name), self._deployments.get(to.name)
        if old is None or new is None:
            return _over(Migration, log, False, f"Nothing stands by at {to.name}: protect was not carried out.", None)
        try:
            hand_over(log, old, new)
            stop_serving(log, source, old)
        except (StepFailed, SiteError) as error:
            return _over(Migration, log, False, str(error), new)
        return _over(Migration, log, True, f"The service has moved to {to.name}; {source.name} is stopped.", new)

    def failback(self, source: Site, to: Site, link: Endpoint) -> Failback:
        """Bring ``to``, repaired or stopped for maintenance, up to date through ``link``, hand the service back to it,
        and have ``source`` stand by again."""
        log = StepLog("failback", to.name, self._on_event)
        away, home = self._deployments.get(source.name), self._deployments.get(to.name)
        if away is None or home is None or self._link is None:
            return _over(Failback, log, False, f"Nothing is known of a VNF at {to.name}: it was not protected.", None)
        try:
            start_servers(log, to, home)
            follow(log, "reseed", home, away, link)
            hand_over(log, away, home)
            with log.step("first-stopping", source.name) as seen:
                seen["detail"] = f"{source.name} goes back to standing by."
            follow(log, "first-stopped", away, home, self._link)
        except (StepFailed, SiteError) as error:
            return _over(Failback, log, False, str(error), home)
        self._keep(to, source)
        return _over(Failback, log, True, f"The service is back at {to.name}; {source.name} stands by again.", home)

    def replication(self, wanted: bool) -> Result:
        """Stop replicating, or take it up again and wait until the primary is protected. The service goes on."""
        log = StepLog("replication", "on" if wanted else "off", self._on_event)
        vnfs = sorted(self._deployments.values(), key=lambda vnf: (vnf.primary is None) is wanted)
        try:
            # Off: the primary must not wait any more before its standby leaves. On: the other way round.
            for vnf in vnfs:
                order(vnf, "/replication", {"wanted": wanted})
            if wanted:
                await_protected(next(v for v in vnfs if v.primary is None), PROTECT_TIMEOUT_S)
        except StepFailed as error:
            return _over(Result, log, False, str(error), None)
        return _over(Result, log, True, f"Replication is {'on' if wanted else 'off'}.", None)

    def savepoint(self, name: str) -> Result:
        """Have the primary name a point in its log."""
        log = StepLog("savepoint", name, self._on_event)
        try:
            primary = next(vnf for vnf in self._deployments.values() if vnf.primary is None)
            with log.step("name-it") as seen:
                seen["lsn"] = order(primary, "/savepoint", {"name": name})["lsn"]
        except StepFailed as error:
            return _over(Result, log, False, str(error), None)
        return _over(Result, log, True, f"The state is kept as {name}.", None)

    def recover(self, source: Site, to: Site, name: str) -> Result:
        """Stop the ruined site, then have the standby make itself anew as it was at the savepoint."""
        self._leave()
        log = StepLog("recover", to.name, self._on_event)
        ruined, standby = self._deployments.get(source.name), self._deployments.get(to.name)
        if ruined is None or standby is None:
            return _over(Result, log, False, f"Nothing stands by at {to.name}: protect was not carried out.", None)
        try:
            with log.step("quiesce", source.name):
                order(ruined, "/quiesce")
            with log.step("stop", source.name):
                stop_servers(source, ruined)
            with log.step("go-back") as seen:
                order(standby, "/recover", {"name": name})
                await_writable(standby)
                seen["detail"] = f"{to.name} serves the state {name}."
        except (StepFailed, SiteError) as error:
            return _over(Result, log, False, str(error), standby)
        return _over(Result, log, True, f"The service continues at {to.name} with the state {name}.", standby)

    def status(self) -> SchemeStatus:
        """What all guests at both sites say, and what has changed at the protected one and was not followed."""
        status = standing(self._deployments.values())
        drift = None if self._keeper is None else self._keeper.drift
        if drift is None or not drift.differences:
            return replace(status, drift=drift)
        return replace(status, drift=drift, detail=f"{status.detail} Not followed: {'; '.join(drift.differences)}.")

    def close(self) -> None:
        """Look no more whether something changes at the protected site."""
        if self._keeper is not None:
            self._keeper.close()

    def _leave(self) -> None:
        """The service leaves the protected site: what changes there from now on is not followed."""
        if self._keeper is not None:
            self._keeper.stop()

    def _keep(self, first: Site, second: Site) -> None:
        """From now on, have the second site follow what changes at the first."""
        self.close()
        run_id = self._deployments[first.name].run_id
        self._keeper = Keeper(first, second, run_id, self._on_event)
        self._keeper.start()

    def _fence(self, log: StepLog, lost: Site) -> None:
        """See that the site is gone before anything is promoted."""
        with log.step("detect") as seen:
            seen["detail"] = _confirm_lost(lost, self._deployments.get(lost.name))


class UnfencedScheme(ReferenceScheme):
    """The reference scheme without its fence: it promotes without a look at the first site. For showing what the judge
    makes of that; nobody should use it."""

    name = "no-fencing"

    def _fence(self, log: StepLog, lost: Site) -> None:
        with log.step("detect") as seen:
            seen["detail"] = f"Nobody looked whether {lost.name} is gone."


def _confirm_lost(lost: Site, vnf: Deployment | None) -> str:
    """Probe the site's API and guests until for some rounds nothing has answered, or the primary has said each time
    that it is fenced. Which of them it was, in words."""
    silent = fenced = 0
    answering = ""

    def gone() -> bool:
        nonlocal silent, fenced, answering
        with ThreadPoolExecutor(1) as beside:  # a site without power refuses nothing: each look takes its whole time
            asked = beside.submit(ask_guests, vnf, _PROBE_TIMEOUT_S) if vnf else None
            api = api_silent(lost, _PROBE_TIMEOUT_S)
            guests = asked.result() if asked else {}
        alive = [label for label, answer in guests.items() if answer is not None]
        answering = " ".join(filter(None, ["" if api.ok else api.detail, f"Guests answer: {alive}." if alive else ""]))
        silent = 0 if answering else silent + 1
        fenced = fenced + 1 if any((a or {}).get("role") == "fenced" for a in guests.values()) else 0
        return max(silent, fenced) >= _SILENT_ROUNDS

    try:
        wait_until(gone, timeout=DETECT_TIMEOUT_S, what=f"{lost.name} to be silent")
    except NotReached:
        raise StepFailed(
            f"{lost.name} is not lost, so its standby is not promoted: two primaries would take writes. {answering}"
        ) from None
    if fenced:
        return f"The primary at {lost.name} is fenced: it serves nobody."
    return f"Nothing of {lost.name} answers any more."


def _over(kind: type[R], log: StepLog, ok: bool, detail: str, deployment: Deployment | None) -> R:
    log.end(ok, detail)
    return kind(ok, detail, log.steps, deployment)
