"""Waiting for a VNF to come up: first for its servers, then for the guests themselves."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from conformance.errors import HarnessError
from conformance.sites import Site, SiteError, owned
from conformance.vnf.deployment import Deployment, Guest
from conformance.vnf.guests import FAILED, ask_guests, not_ready
from conformance.waiting import NotReached, wait_until

Progress = Callable[[str], None]

# How often Nova is asked whether all servers are ACTIVE; what went wrong instead, which is two requests more, is looked
# for in one of so many rounds.
_LOOK_EVERY_S = 0.2
_ROUNDS_BETWEEN_DOUBTS = 4

# While guests start, how often they are asked, and after how many such rounds Nova is asked about their servers again.
_ASK_EVERY_S = 0.1
_ROUNDS_BETWEEN_LOOKS = 10


# How long a VNF may take to come up, and how much longer for each of its guests: a cloud boots one after the other.
_WITHIN_S, _WITHIN_S_MORE = 120.0, 3.0
# How many guests are so many that it is told how far they are.
_MANY = 20


class DeployError(HarnessError):
    """A VNF did not come up; says which part, what the API answered and what its console shows."""


class _Count:
    """Tells how many of many are there, each time that it is a tenth more; of a few nothing is told."""

    def __init__(self, progress: Progress | None, site: str, of: int, what: str) -> None:
        self._progress = progress if of >= _MANY else None
        self._site = site
        self._of = of
        self._what = what
        self._tenths = 0

    def tell(self, there: int) -> None:
        """So many are there now."""
        tenths = 10 * there // self._of
        if tenths > self._tenths:
            self._tenths = tenths
            bar = "█" * tenths + "·" * (10 - tenths)
            say(self._progress, f"{self._site}: {bar} {there} of {self._of} {self._what}")


def await_ready(
    site: Site, deployment: Deployment, *, timeout: float | None = None, progress: Progress | None = None
) -> None:
    """Wait until every server is ACTIVE and every guest does its part (see conformance.vnf.guests.not_ready).

    ``timeout`` is for either; if it is not given, it grows with the number of guests. DeployError names the server, its
    fault, and the end of its console; it comes at once when a server goes to ERROR or is deleted meanwhile, and when a
    guest says that it has failed. Without guests there is nothing to wait for.
    """
    of = len(deployment.guests)
    if not of:
        return  # a cloud that had no room for any of them
    timeout = _WITHIN_S + of * _WITHIN_S_MORE if timeout is None else timeout
    looks = itertools.count(1)
    active = _Count(progress, site.name, of, "servers are ACTIVE")
    try:
        wait_until(
            lambda: _all_active(site, deployment, active, doubtful=next(looks) % _ROUNDS_BETWEEN_DOUBTS == 0),
            timeout=timeout,
            what=f"the servers of {site.name} to be ACTIVE",
            interval=_LOOK_EVERY_S,
        )
    except NotReached as error:
        raise DeployError(f"{error} Nova of {site.name} says no more; its log may.") from None
    say(progress, f"{site.name}: servers are ACTIVE, waiting for the guests")
    reasons: dict[str, str] = {}
    up = _Count(progress, site.name, of, "guests do their part")
    rounds = itertools.count(1)

    def all_do_their_part() -> bool:
        answers = ask_guests(deployment)
        guests = {g.label: g for g in deployment.guests}
        found = {label: not_ready(deployment, guests[label], answer) for label, answer in answers.items()}
        broken = [guests[label] for label, answer in answers.items() if (answer or {}).get("role") == FAILED]
        if broken:
            raise DeployError(f"Site {site.name}: {found[broken[0].label]}. {_console_tail(site, broken[0])}")
        reasons.clear()
        reasons.update({label: reason for label, reason in found.items() if reason})
        up.tell(of - len(reasons))
        if reasons and next(rounds) % _ROUNDS_BETWEEN_LOOKS == 0:
            _all_active(site, deployment, active)
        return not reasons

    try:
        wait_until(all_do_their_part, timeout=timeout, what="the guests to do their part", interval=_ASK_EVERY_S)
    except NotReached:
        first = next(g for g in deployment.guests if g.label in reasons)
        raise DeployError(
            f"Site {site.name}: after {timeout:g} s {'; '.join(reasons.values())}. {_console_tail(site, first)}"
        ) from None
    say(progress, f"{site.name}: the VNF is up")


def _all_active(site: Site, deployment: Deployment, count: _Count, *, doubtful: bool = True) -> bool:
    """Whether all servers are ACTIVE. DeployError when one is in ERROR or gone, and will never be: that is looked for
    where it is ``doubtful``."""
    wanted = {g.server_id: g for g in deployment.guests}
    with site.asking("look at the servers") as cloud:
        active = wanted.keys() & owned.server_ids(cloud, deployment.run_id, "ACTIVE")
        count.tell(len(active))
        if len(active) == len(wanted):
            return True
        if not doubtful:
            return False
        gone = wanted.keys() - owned.server_ids(cloud, deployment.run_id)
        broken = wanted.keys() & owned.server_ids(cloud, deployment.run_id, "ERROR")
        fault = (cloud.compute.get_server(min(broken)).fault or {}) if broken else {}
    if gone:
        labels = ", ".join(sorted(wanted[i].label for i in gone))
        raise DeployError(f"Site {site.name}: {labels} should be booting and is gone; somebody deleted it.")
    if broken:
        guest = wanted[min(broken)]
        reason = fault.get("message") or "Nova gives no reason"
        raise DeployError(
            f"Site {site.name}: server {guest.label} went to ERROR: {reason}. {_console_tail(site, guest)}"
        )
    return False


def _console_tail(site: Site, guest: Guest, lines: int = 15) -> str:
    """The end of a guest's console as a sentence; says so when it cannot be had."""
    try:
        with site.asking("read the console") as cloud:
            output = cloud.compute.get_server_console_output(guest.server_id, length=lines)
    except SiteError as error:
        return f"Its console cannot be read: {error}"
    text = str((output or {}).get("output", "")).strip()
    return f"The console of {guest.label} ends with:\n{text}" if text else f"The console of {guest.label} is empty."


def say(progress: Progress | None, text: str) -> None:
    """Tell whoever wants to know."""
    if progress is not None:
        progress(text)
