"""Asking a front-end over HTTP, exactly once, and knowing what its answer is worth."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

from conformance.model import Outcome
from conformance.workloads.plan import WorkloadError

CONNECT_TIMEOUT = 1.0
"""Seconds to reach a front-end. A connection that was never made is a certain failure: nothing was sent."""


@dataclass(frozen=True)
class Endpoint:
    """One front-end."""

    site: str
    url: str


@dataclass(frozen=True)
class Answer:
    """What asking came to. ``error`` begins with the HTTP status if there was one; ``body`` is the JSON."""

    outcome: Outcome
    status: int | None = None
    error: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


NOTHING_DONE = frozenset({400, 401, 404, 409, 503})


def outcome_of(status: int) -> Outcome:
    """What a front-end's status means: only those that are documented to say that nothing was done count as that.

    A load balancer may answer 408 or 429 for a request that was carried out all the same.
    """
    if 200 <= status < 300:
        return Outcome.OK
    return Outcome.FAIL if status in NOTHING_DONE else Outcome.INFO


class Service:
    """Connections to all front-ends, kept open between requests. An async context manager."""

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60))
        # aiohttp sends a PUT once more by itself when the connection breaks, and has no switch for it. An
        # operation sent twice would be recorded as one.
        if not isinstance(getattr(self._http, "_retry_connection", None), bool):
            raise WorkloadError(
                f"Expected to be able to stop aiohttp from repeating requests, as in 3.10 to 3.14; this is "
                f"{aiohttp.__version__}, which has no such place. Install one of those."
            )
        self._http._retry_connection = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def ask(
        self,
        method: str,
        endpoint: Endpoint,
        path: str,
        *,
        timeout: float,
        body: str | None = None,
        session: str | None = None,
    ) -> Answer:
        """Send one request, once; never raises for what the service or the network does."""
        headers = {"X-Session": session} if session else None
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT_TIMEOUT, timeout))
        try:
            async with self._http.request(
                method, endpoint.url + path, data=body, headers=headers, timeout=limits, allow_redirects=False
            ) as response:
                answer = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Answer(Outcome.FAIL, error=f"not connected: {reason(error)}")
        except TimeoutError:
            return Answer(Outcome.INFO, error=f"no answer within {timeout:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(Outcome.INFO, error=f"connection broke: {reason(error)}")
        except ValueError:
            return Answer(Outcome.INFO, error="the answer is not JSON")
        body_seen = answer if isinstance(answer, dict) else {}
        outcome = outcome_of(status)
        if outcome is Outcome.OK:
            return Answer(outcome, status, None, body_seen)
        return Answer(outcome, status, f"{status} {body_seen.get('error', '')}".rstrip(), body_seen)


def reason(error: Exception) -> str:
    """A network error in few words."""
    cause = getattr(error, "os_error", error)
    number = getattr(cause, "errno", None)
    return os.strerror(number) if number else type(cause).__name__
