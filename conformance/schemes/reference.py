"""The reference scheme: a warm standby at the second site, promoted by hand of this scheme. openstacksdk
only."""

from __future__ import annotations

from typing import Any, TypeVar

import requests

from conformance.schemes.base import (
    Failback,
    Failover,
    Migration,
    NotSupported,
    OnEvent,
    Progress,
    Protection,
    Result,
    SchemeStatus,
)
from conformance.schemes.steps import StepFailed, StepLog
from conformance.sites import Site, api_silent
from conformance.vnf import DeployError, Deployment, Endpoint, ask_guests, await_ready, begin
from conformance.vnf.build import Build
from conformance.vnf.images import build_images, replicate_images
from conformance.waiting import NotReached, wait_until

PROTECT_TIMEOUT_S = 120.0
DETECT_TIMEOUT_S = 10.0
PROMOTE_TIMEOUT_S = 60.0
SERVE_TIMEOUT_S = 30.0

# A site counts as lost when nothing of it answered in this many rounds of probes in a row.
_SILENT_ROUNDS = 3
_PROBE_TIMEOUT_S = 0.5

R = TypeVar("R", bound=Result)


class ReferenceScheme:
    """Protects by a standby of the whole VNF that follows the primary through the link; fails over by
    promoting it."""

    name = "reference"

    def __init__(self, *, on_event: OnEvent, progress: Progress | None = None) -> None:
        self._on_event = on_event
        self._progress = progress
        self._deployments: dict[str, Deployment] = {}

    def protect(self, vnf: Deployment, first: Site, second: Site, link: Endpoint) -> Protection:
        """Replicate the images through Glance, build the same networks, groups, routers and servers at
        ``second`` as a standby that dials ``link``, and wait until the primary itself says that it is
        protected."""
        self._deployments = {first.name: vnf}
        log = StepLog("protect", second.name, self._on_event)
        try:
            with log.step("replicate-images") as seen:
                originals = build_images(Build(first, vnf.blueprint, vnf.run_id))
                copies = Build(second, vnf.blueprint, vnf.run_id)
                seen["bytes"] = replicate_images(originals, first, copies)
            with log.step("deploy-standby") as seen:
                standby = begin(second, vnf.blueprint, vnf.run_id, standby_of=link, progress=self._progress)
                self._deployments[second.name] = standby
                seen["servers"] = list(standby.server_ids)
            with log.step("boot-standby"):
                await_ready(second, standby, progress=self._progress)
            with log.step("replicate"):
                _await_protected(vnf)
        except (StepFailed, DeployError) as error:
            return _over(Protection, log, False, str(error), self._deployments.get(second.name))
        return _over(Protection, log, True, f"{first.name} is protected by a standby at {second.name}.", standby)

    def failover(self, lost: Site, to: Site) -> Failover:
        """See for itself that ``lost`` is gone, promote the standby at ``to``, and wait until its service is
        writable.

        A site that still answers is not failed over from: both sides would then take writes.
        """
        log = StepLog("failover", to.name, self._on_event)
        standby = self._deployments.get(to.name)
        if standby is None:
            return _over(Failover, log, False, f"Nothing stands by at {to.name}: protect was not carried out.", None)
        try:
            with log.step("detect") as seen:
                _confirm_lost(lost, self._deployments.get(lost.name))
                seen["detail"] = f"Nothing of {lost.name} answers any more."
            with log.step("promote") as seen:
                seen["detail"] = _promote(standby)
            with log.step("serve"):
                _await_writable(standby)
        except StepFailed as error:
            return _over(Failover, log, False, str(error), standby)
        took = ", ".join(f"{s.name} {(s.ended - s.began) / 1e9:.2f} s" for s in log.steps)
        return _over(Failover, log, True, f"The service continues at {to.name} ({took}).", standby)

    def migrate(self, source: Site, to: Site) -> Migration:
        """Not yet."""
        raise NotSupported(f"The reference scheme cannot migrate from {source.name} to {to.name} in this version.")

    def failback(self, to: Site) -> Failback:
        """Not yet."""
        raise NotSupported(f"The reference scheme cannot fail back to {to.name} in this version.")

    def status(self) -> SchemeStatus:
        """What all guests at both sites say."""
        sites = {site: ask_guests(vnf, _PROBE_TIMEOUT_S) for site, vnf in self._deployments.items()}
        answers = {site: [a for a in guests.values() if a is not None] for site, guests in sites.items()}
        active = [site for site, said in answers.items() if any(a.get("role") == "primary" for a in said)]
        protected = any(a.get("protected") is True for said in answers.values() for a in said)
        if len(active) > 1:
            detail = f"{' and '.join(active)} both have a primary: split brain."
        else:
            detail = f"{active[0] if active else 'No site'} is active, {'protected' if protected else 'unprotected'}."
        return SchemeStatus(protected, active[0] if len(active) == 1 else None, detail, sites)


def _await_protected(vnf: Deployment) -> None:
    """The primary's word is what counts: it knows whether somebody follows, and in the mode that was asked
    for."""
    label = vnf.members(vnf.blueprint.management.role)[0].label

    def protected() -> bool:
        return (ask_guests(vnf).get(label) or {}).get("protected") is True

    try:
        wait_until(protected, timeout=PROTECT_TIMEOUT_S, what=f"{label} to say that it is protected", interval=0.1)
    except NotReached as error:
        raise StepFailed(f"{error} It says: {ask_guests(vnf).get(label)}.") from None


def _confirm_lost(lost: Site, vnf: Deployment | None) -> None:
    """Probe the site's API and guests until nothing has answered for some rounds."""
    silent = 0
    answering = ""

    def gone() -> bool:
        nonlocal silent, answering
        api = api_silent(lost, _PROBE_TIMEOUT_S)
        guests = ask_guests(vnf, _PROBE_TIMEOUT_S) if vnf else {}
        alive = [label for label, answer in guests.items() if answer is not None]
        answering = " ".join(filter(None, ["" if api.ok else api.detail, f"Guests answer: {alive}." if alive else ""]))
        silent = 0 if answering else silent + 1
        return silent >= _SILENT_ROUNDS

    try:
        wait_until(gone, timeout=DETECT_TIMEOUT_S, what=f"{lost.name} to be silent")
    except NotReached:
        raise StepFailed(
            f"{lost.name} is not lost, so its standby is not promoted: two primaries would take writes. {answering}"
        ) from None


def _promote(standby: Deployment) -> str:
    """Ask the standby's management to promote it. Its answer decides; it comes once writes work."""
    url = f"{standby.management_urls[0]}/promote"
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(url, timeout=PROMOTE_TIMEOUT_S)
    except requests.RequestException as error:
        raise StepFailed(f"POST {url} was not answered: {error}.") from None
    if response.status_code != 200:
        raise StepFailed(f"POST {url} was answered {response.status_code}: {' '.join(response.text.split())[:300]}")
    return f"{standby.management_urls[0]} is the primary."


def _await_writable(standby: Deployment) -> None:
    """Until all front-ends see a writable database: they find out by themselves."""
    labels = [g.label for g in standby.members(standby.blueprint.service.role)]
    seen: dict[str, Any] = {}

    def writable() -> bool:
        answers = ask_guests(standby, _PROBE_TIMEOUT_S)
        seen.update({label: (answers.get(label) or {}).get("database") for label in labels})
        return all(seen[label] == "writable" for label in labels)

    try:
        wait_until(writable, timeout=SERVE_TIMEOUT_S, what="the service to be writable", interval=0.02)
    except NotReached:
        raise StepFailed(
            f"After promotion every front-end at {standby.site} should see a writable database; they see {seen}."
        ) from None


def _over(kind: type[R], log: StepLog, ok: bool, detail: str, deployment: Deployment | None) -> R:
    log.end(ok, detail)
    return kind(ok, detail, log.steps, deployment)
