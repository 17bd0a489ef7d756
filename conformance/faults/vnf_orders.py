"""What faults ask of the VNF itself, over HTTP and directly, whatever proxy the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from conformance.errors import HarnessError
from conformance.faults.base import NotPossibleHere
from conformance.vnf import Deployment, ask_guest

_TIMEOUT_S = 10.0
_ASK_TIMEOUT_S = 0.5


def order(url: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Post an order, and what it was answered. HarnessError when it was not, or with anything but 200."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(url, json=body, timeout=_TIMEOUT_S)
            told = answer.json() if answer.status_code == 200 else None
    except requests.RequestException as error:
        raise HarnessError(f"POST {url} was not answered: {error}.") from None
    if not isinstance(told, dict):
        raise HarnessError(f"POST {url} was answered {answer.status_code}: {answer.text[:200]}")
    return told


def agent_urls(vnf: Deployment) -> tuple[str, ...]:
    """Where the agents of its front-ends answer. NotPossibleHere when the blueprint names none."""
    if not vnf.agent_urls:
        raise NotPossibleHere(f"The blueprint {vnf.blueprint.name} names no agents of its guests to be asked.")
    return vnf.agent_urls


def statuses(urls: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    """What each of these says that it is; empty where there is no answer."""
    return tuple(ask_guest(f"{url}/status", _ASK_TIMEOUT_S) or {} for url in urls)
