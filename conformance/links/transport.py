"""One server's HTTP, for toxiproxy-python: every request has a timeout, every failure is one sentence.

toxiproxy-python keeps host and port in class attributes, so that one process can drive one server only; it
sets no timeouts, has no PATCH, and answers HTTP 500 with a KeyError. Its modules get an object in place of
that class which hands each call to the server it is meant for; code elsewhere in the process that uses the
library is not affected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
import toxiproxy.proxy
import toxiproxy.server
from toxiproxy.api import APIConsumer

from conformance.errors import HarnessError

CONNECT_TIMEOUT_S = 5.0
# Toxiproxy itself gives up on a request after 25 s and says so with a 503, which is worth waiting for.
ANSWER_TIMEOUT_S = 30.0


class LinkError(HarnessError):
    """The link proxy could not do what was asked."""


class NotThere(LinkError):
    """The proxy or toxic does not exist."""


class ServerGone(LinkError):
    """Nothing listens at the server's address. Its proxies are gone with it: it keeps them in memory only."""


class Transport:
    """HTTP to one server; has the methods that toxiproxy-python calls on its APIConsumer, and ``patch``."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def get(self, url: str, params: Mapping[str, str] | None = None) -> requests.Response:
        """GET a path."""
        return self._request("GET", url, params=params)

    def post(self, url: str, data: bytes | None = None, json: Any = None) -> requests.Response:
        """POST to a path."""
        return self._request("POST", url, data=data, json=json)

    def patch(self, url: str, json: Any) -> requests.Response:
        """PATCH a path."""
        return self._request("PATCH", url, json=json)

    def delete(self, url: str) -> requests.Response:
        """DELETE a path."""
        return self._request("DELETE", url)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within this block, in this thread, toxiproxy-python talks to this server."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    def _request(self, method: str, path: str, **given: Any) -> requests.Response:
        asked = f"{method} {self._base}{path}"
        with requests.Session() as session:
            session.trust_env = False  # an HTTP proxy from the environment has no business here
            try:
                response = session.request(
                    method, self._base + path, timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S), **given
                )
            except requests.exceptions.ConnectTimeout as error:
                raise LinkError(f"{asked}: the link proxy did not accept a connection in time.") from error
            except requests.exceptions.ConnectionError as error:
                gone = isinstance(_innermost(error), ConnectionRefusedError)
                raise (ServerGone if gone else LinkError)(
                    f"{asked}: no link proxy answers there ({_innermost(error)}). Is it still running?"
                ) from error
            except requests.exceptions.RequestException as error:
                raise LinkError(f"{asked}: the link proxy did not answer properly ({error}).") from error
        if response.status_code >= 400:
            kind = NotThere if response.status_code == 404 else LinkError
            raise kind(f"{asked}: the link proxy answered {response.status_code}: {_reason(response)}.")
        return response


def _reason(response: requests.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip()[:200] or "(no reason given)"


def _innermost(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


class _Dispatch:
    """Stands in toxiproxy-python's modules for its APIConsumer class."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_CURRENT.get(), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_CURRENT.get(), name, value)


_CURRENT: ContextVar[Any] = ContextVar("the Toxiproxy server in use", default=APIConsumer)
toxiproxy.proxy.APIConsumer = toxiproxy.server.APIConsumer = _Dispatch()
