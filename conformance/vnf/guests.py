"""Asking the guests themselves: an ACTIVE server is not yet a working one."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import requests

from conformance.vnf.deployment import Deployment, Guest

FAILED = "failed"
"""What a guest says it is that cannot do its part, and will not by itself."""


def ask_guest(url: str, timeout: float = 2.0) -> dict[str, Any] | None:
    """What a guest answers to GET, or None if it answers nothing, no JSON object, or anything but 200.

    Guests are spoken to directly, whatever HTTP proxy the environment names.
    """
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(url, timeout=timeout)
            answer = response.json() if response.status_code == 200 else None
    except requests.RequestException:
        return None
    return answer if isinstance(answer, dict) else None


def guest_is_silent(url: str, timeout: float = 2.0) -> bool:
    """Whether a guest does not answer in time. One that refuses, hangs up or answers with an error is there."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.get(url, timeout=timeout).close()
    except requests.Timeout:
        return True
    except requests.RequestException:
        return False
    return False


class HeldQuestion:
    """A question that is begun now and finished later. Who starts anew in between knows nothing of it, so that it stays
    without answer; who only was slow, or hung, answers it.

    ``url`` is a guest's (``http://host:port/path``). A guest that cannot be reached has not begun to listen.
    """

    def __init__(self, url: str, timeout: float = 2.0) -> None:
        parts = urlsplit(url)
        self._connection: socket.socket | None = None
        try:
            self._connection = socket.create_connection((str(parts.hostname), parts.port or 80), timeout)
            self._connection.sendall(f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n".encode())
        except OSError:
            self.close()

    @property
    def begun(self) -> bool:
        """Whether somebody listens."""
        return self._connection is not None

    def is_answered(self, timeout: float = 2.0) -> bool:
        """Finish it, and wait for an answer: any."""
        if self._connection is None:
            return False
        try:
            self._connection.settimeout(timeout)
            self._connection.sendall(b"Connection: close\r\n\r\n")
            return bool(self._connection.recv(1))
        except OSError:
            return False

    def close(self) -> None:
        """Forget it; may be called twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def ask_guests(deployment: Deployment, timeout: float = 2.0) -> dict[str, dict[str, Any] | None]:
    """The answers of all guests that can be asked, by label, all asked at once."""
    urls = {g.label: url for g in deployment.guests if (url := deployment.status_url(g)) is not None}
    with ThreadPoolExecutor(max(len(urls), 1)) as pool:
        return dict(zip(urls, pool.map(lambda url: ask_guest(url, timeout), urls.values()), strict=True))


def serving(deployment: Deployment, timeout: float = 2.0) -> dict[str, bool]:
    """Server id → whether the guest answered and did not say that it failed; guests without a status are left
    out."""
    ids = {g.label: g.server_id for g in deployment.guests}
    answers = ask_guests(deployment, timeout)
    return {ids[label]: answer is not None and answer.get("role") != FAILED for label, answer in answers.items()}


def not_ready(deployment: Deployment, guest: Guest, answer: Mapping[str, Any] | None) -> str | None:
    """Why a guest does not do its part yet, in words; None when it does.

    A primary's database is writable and its service sees that; a standby's follows, and its service answers.
    """
    if answer is None:
        return f"{guest.label} does not answer at {deployment.status_url(guest)}"
    why = f" ({answer['error']})" if answer.get("error") else ""
    if answer.get("role") == FAILED:
        return f"{guest.label} says that it has failed{why}"
    standby = deployment.primary is not None
    if guest.role == deployment.blueprint.management.role and not deployment.blueprint.stateless:
        expected, seen = "standby" if standby else "primary", answer.get("role")
    elif not standby and guest.role == deployment.blueprint.service.role:
        expected, seen = "writable", answer.get("database")
    else:
        return None
    if seen == expected:
        return None
    return f"{guest.label} says it is {seen!r}, not {expected!r}{why}"
