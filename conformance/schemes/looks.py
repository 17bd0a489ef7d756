"""Watching a system that acts by itself: what was seen to hold, when, and how surely."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from conformance.schemes.contract import Question
from conformance.schemes.hook_settings import Look
from conformance.schemes.hooks import Caller
from conformance.vnf import Deployment
from conformance.waiting import NotReached, wait_until

Seen = Callable[[str, int], None]
"""Called with the name of a look that holds, and the nanoseconds within which it came to hold."""


def holds(look: Look, source: Deployment, target: Deployment, caller: Caller, question: Question) -> bool:
    """Whether something holds right now. What does not answer does not hold."""
    if look.run is not None:
        return caller.check(look.run, question, look.timeout_s)
    return all(_holds_at(url, look) for url in _urls(str(look.get), source, target))


def watch(
    looks: Mapping[str, Look],
    needed: frozenset[str],
    look: Callable[[Look], bool],
    timeout_s: float,
    interval_s: float,
    seen: Seen,
) -> tuple[str, ...]:
    """Look again and again, at each until it held once, until those that are ``needed`` did. Returns which of them did
    not in time."""
    since = dict.fromkeys(looks, time.monotonic_ns())

    def look_at_all() -> bool:
        for name in tuple(since):
            began = time.monotonic_ns()
            if look(looks[name]):
                seen(name, time.monotonic_ns() - since.pop(name))
            else:
                since[name] = began
        return not needed & since.keys()

    try:
        wait_until(look_at_all, timeout=timeout_s, what="what was looked for", interval=interval_s)
    except NotReached:
        return tuple(name for name in looks if name in needed & since.keys())
    look_at_all()  # what is not needed may have come between the last look at it and the last of the others
    return ()


def _urls(template: str, source: Deployment, target: Deployment) -> list[str]:
    for name, vnf in (("source", source), ("target", target)):
        for kind, urls in (("management", vnf.management_urls), ("service", vnf.service_urls)):
            place = f"{{{name}.{kind}}}"
            if place in template:
                return [url for at in urls for url in _urls(template.replace(place, at), source, target)]
    return [template]


def _holds_at(url: str, look: Look) -> bool:
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, timeout=look.timeout_s)
            if not answer.ok:
                return False
            return look.path is None or _equal(_at(answer.json(), look.path), look.equals)
    except requests.RequestException:
        return False


def _at(answer: Any, path: str) -> Any:
    for name in path.split("."):
        if isinstance(answer, list) and name.isdigit() and int(name) < len(answer):
            answer = answer[int(name)]
        else:
            answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def _equal(seen: Any, wanted: Any) -> bool:
    """1 is not true here, as it is not in JSON."""
    return isinstance(seen, bool) is isinstance(wanted, bool) and seen == wanted
