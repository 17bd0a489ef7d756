"""A planned handover of the reference scheme: replicate, then serve at the other site, and only then stop the first.

The order is the requirement: what is not replicated is not stopped, and a handover that cannot be completed leaves the
service where it was.
"""

from __future__ import annotations

from typing import Any

import requests

from conformance.schemes.steps import StepFailed, StepLog
from conformance.sites import Site
from conformance.vnf import Deployment, Endpoint, ask_guest, ask_guests
from conformance.waiting import NotReached, wait_until

REPLICATED_WITHIN_S = 15.0
# Nobody can write meanwhile, and all but the last moment has been replicated before.
DRAINED_WITHIN_S = 2.0
FOLLOW_WITHIN_S = 120.0
PROMOTE_TIMEOUT_S = 60.0
SERVE_TIMEOUT_S = 30.0
STOP_WITHIN_S = 60.0
_ASK_TIMEOUT_S = 0.5
_ORDER_TIMEOUT_S = 30.0


def hand_over(log: StepLog, source: Deployment, to: Deployment) -> None:
    """Have ``to`` serve instead of ``source``, which then takes no writes.

    StepFailed when it was called off: the source takes writes as before, unless the message says otherwise.
    """
    with log.step("catch-up") as seen:
        seen["detail"] = await_protected(source, REPLICATED_WITHIN_S)
        _await_position(to, _end_of_log(source), REPLICATED_WITHIN_S)
    with log.step("quiesce", source.site) as seen:
        end = str(order(source, "/quiesce").get("lsn"))
        seen["detail"] = f"{source.site} takes no more writes; its log ends at {end}."
    try:
        with log.step("replicated") as seen:
            _await_position(to, end, DRAINED_WITHIN_S)
            seen["detail"] = f"{to.site} has everything."
        with log.step("promote") as seen:
            seen["detail"] = promote(to)
    except StepFailed:
        with log.step("call-off", source.site):
            order(source, "/resume")
        raise
    with log.step("second-serving"):
        await_writable(to)


def stop_serving(log: StepLog, site: Site, vnf: Deployment) -> None:
    """Stop the servers of a VNF that has been handed over."""
    with log.step("first-stopping", site.name) as seen:
        seen["detail"] = f"{len(vnf.server_ids)} servers of {site.name} are going to be stopped."
    with log.step("first-stopped", site.name):
        stop_servers(site, vnf)


def stop_servers(site: Site, vnf: Deployment) -> None:
    """Stop all servers of a VNF and wait until they are. StepFailed when some are not."""
    with site.asking("stop the servers") as cloud:
        for server in vnf.server_ids:
            cloud.compute.stop_server(server)
    _await_servers(site, vnf, "SHUTOFF")


def start_servers(log: StepLog, site: Site, vnf: Deployment) -> None:
    """Start servers that are stopped, and wait until the managed guest answers."""
    with log.step("start-servers"):
        with site.asking("start the servers") as cloud:
            for server in vnf.server_ids:
                if cloud.compute.get_server(server).status != "ACTIVE":
                    cloud.compute.start_server(server)
        _await_servers(site, vnf, "ACTIVE")
        try:
            what = f"the VNF's management at {site.name} to answer"
            wait_until(lambda: _manager(vnf), timeout=FOLLOW_WITHIN_S, what=what)
        except NotReached as error:
            raise StepFailed(str(error)) from None


def follow(log: StepLog, name: str, vnf: Deployment, primary: Deployment, link: Endpoint) -> None:
    """Have ``vnf`` forget what it holds and follow ``primary`` by way of ``link``, until that says it is protected."""
    with log.step(name, vnf.site) as seen:
        order(vnf, "/follow", {"host": link.host, "port": link.port})
        seen["detail"] = await_protected(primary, FOLLOW_WITHIN_S)


def order(vnf: Deployment, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Have the VNF's management carry out an order. StepFailed, with its words, when it refuses or does not answer."""
    url = f"{vnf.management_urls[0]}{path}"
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(url, json=body, timeout=max(_ORDER_TIMEOUT_S, PROMOTE_TIMEOUT_S))
            answer = response.json()
    except requests.RequestException as error:
        raise StepFailed(f"POST {url} was not answered: {error}.") from None
    if response.status_code != 200 or not isinstance(answer, dict):
        raise StepFailed(f"POST {url} was answered {response.status_code}: {' '.join(response.text.split())[:300]}")
    return answer


def promote(standby: Deployment) -> str:
    """Have the standby's management promote it. Its answer decides; it comes once writes work."""
    order(standby, "/promote")
    return f"{standby.management_urls[0]} is the primary."


def await_protected(vnf: Deployment, timeout: float) -> str:
    """The primary's word is what counts: it knows whether somebody follows, and in the mode that was asked for."""
    try:
        wait_until(
            lambda: _manager(vnf).get("protected") is True,
            timeout=timeout,
            what=f"the primary at {vnf.site} to say that it is protected",
            interval=0.1,
        )
    except NotReached as error:
        raise StepFailed(f"{error} It says: {_manager(vnf) or 'nothing'}.") from None
    return f"The primary at {vnf.site} says that it is protected."


def await_writable(vnf: Deployment) -> None:
    """Until all front-ends see a writable database: they find out by themselves."""
    labels = [g.label for g in vnf.members(vnf.blueprint.service.role)]
    seen: dict[str, Any] = {}

    def writable() -> bool:
        answers = ask_guests(vnf, _ASK_TIMEOUT_S)
        seen.update({label: (answers.get(label) or {}).get("database") for label in labels})
        return all(seen[label] == "writable" for label in labels)

    try:
        wait_until(writable, timeout=SERVE_TIMEOUT_S, what="the service to be writable", interval=0.02)
    except NotReached:
        raise StepFailed(
            f"After promotion every front-end at {vnf.site} should see a writable database; they see {seen}."
        ) from None


def _manager(vnf: Deployment) -> dict[str, Any]:
    """What the VNF's management says of itself; empty when it does not answer."""
    return ask_guest(f"{vnf.management_urls[0]}/status", _ASK_TIMEOUT_S) or {}


def _end_of_log(primary: Deployment) -> str:
    """Where the primary's log ends; one that hangs for a moment is asked again."""
    try:
        return str(
            wait_until(
                lambda: _manager(primary).get("lsn"),
                timeout=REPLICATED_WITHIN_S,
                what="the end of the log",
                interval=0.1,
            )
        )
    except NotReached:
        raise StepFailed(
            "The primary does not say where its log ends, so it cannot be known what was replicated."
        ) from None


def _await_position(standby: Deployment, end: str, timeout: float) -> None:
    def there() -> bool:
        return log_position(_manager(standby).get("replay_lsn")) >= log_position(end)

    try:
        wait_until(there, timeout=timeout, what=f"{standby.site} to have everything up to {end}")
    except NotReached as error:
        raise StepFailed(str(error)) from None


def log_position(lsn: str | None) -> int:
    """PostgreSQL's log position as a number of bytes; 0 when there is none. StepFailed when it is no such position."""
    try:
        high, low = (int(half, 16) for half in (lsn or "0/0").split("/"))
    except (AttributeError, ValueError):
        raise StepFailed(
            f"The VNF should say where its log is as PostgreSQL does, such as 0/16B3748; it says {lsn!r}."
        ) from None
    return high << 32 | low


def _await_servers(site: Site, vnf: Deployment, status: str) -> None:
    def states() -> set[str]:
        with site.asking("look at the servers") as cloud:
            return {str(cloud.compute.get_server(server).status) for server in vnf.server_ids}

    what = f"the servers of {site.name} to be {status}"
    try:
        wait_until(lambda: states() == {status}, timeout=STOP_WITHIN_S, what=what, interval=0.2)
    except NotReached as error:
        raise StepFailed(f"{error} They are {', '.join(sorted(states()))}.") from None
