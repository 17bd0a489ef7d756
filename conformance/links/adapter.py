"""A Toxiproxy server, ours or the real one, driven through toxiproxy-python."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from toxiproxy import Proxy as LibraryProxy
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import ProxyExists

from conformance.errors import UsageError
from conformance.links.transport import LinkError, NotThere, ServerGone, Transport
from conformance.redaction import redact

EMBEDDED = "conformance.linkproxy"
_RECEIVED = re.compile(r"^toxiproxy_proxy_received_bytes_total\{(.*)\} (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Proxy:
    """A proxy as it was created: where it listens."""

    name: str
    listen_host: str
    listen_port: int


@dataclass(frozen=True)
class Toxic:
    """A toxic on a proxy: ``stream`` is upstream or downstream, ``toxicity`` the share of connections it acts
    on."""

    name: str
    type: str
    stream: str
    toxicity: float = 1.0
    attributes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Counters:
    """Bytes since the proxy was created, and connections. What came from one side and did not go to the other
    is held by a toxic or was dropped by one."""

    from_client: int
    to_upstream: int
    from_upstream: int
    to_client: int
    open_connections: int
    total_connections: int
    dial_failures: int


class ProxyServer:
    """The API of one server. Any number of them can be driven from one process, and from any thread.

    Every method raises LinkError when the server cannot be reached or refuses; the sentence is the server's.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            usable = parts.scheme == "http" and bool(parts.hostname) and not parts.path.strip("/")
            port = parts.port or 8474
        except ValueError:
            usable = False
        if not usable:
            raise UsageError(
                f"The Toxiproxy URL should look like http://127.0.0.1:8474; it is {redact(url)!r}. "
                "Correct it in the sites file or on the command line."
            )
        # Toxiproxy knows no users: what stands before an @ is of no use, and messages and the journal hold this.
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self._transport = Transport(str(parts.hostname), port)
        self._library = Toxiproxy()

    @cached_property
    def is_embedded(self) -> bool:
        """Whether it is our own proxy, which knows the toxic ``blackhole`` and counts bytes."""
        return bool(self._version().get("implementation") == EMBEDDED)

    def version(self) -> str:
        """The server's version, ``git`` for one built from source; LinkError if it does not answer."""
        return str(self._version().get("version"))

    def create_proxy(
        self, name: str, listen_host: str, upstream: str, listen_port: int = 0, dial_from: Path | None = None
    ) -> Proxy:
        """Listen at ``listen_host`` (port 0: any free one) for ``upstream``, a ``host:port``; our own proxy can dial it
        from another network namespace, UsageError if it is not ours."""
        if dial_from is not None:
            return self._create_dialling_from(name, f"{listen_host}:{listen_port}", upstream, dial_from)
        with self._transport.in_use():
            try:
                made = self._library.create(upstream, name, listen=f"{listen_host}:{listen_port}")
            except ProxyExists as error:
                raise LinkError(f"{self.url} has a proxy named {name!r} already.") from error
        return _proxy(name, made.listen)

    def enabled(self, name: str) -> bool:
        """Whether the proxy accepts connections."""
        return bool(self._show(name)["enabled"])

    def set_enabled(self, name: str, enabled: bool) -> None:
        """Accept connections, or refuse new ones and close those that are open."""
        with self._proxy(name) as proxy:
            if enabled:
                proxy.enable()
            else:
                proxy.disable()

    def delete(self, name: str) -> None:
        """Remove the proxy with its connections. Done already if it, or its server, is not there any more."""
        try:
            with self._proxy(name) as proxy:
                proxy.destroy()
        except (NotThere, ServerGone):
            return

    def reset(self) -> None:
        """Enable every proxy and remove every toxic of the server."""
        with self._transport.in_use():
            self._library.reset()

    def toxics(self, name: str) -> tuple[Toxic, ...]:
        """The toxics on a proxy."""
        with self._proxy(name) as proxy:
            found = proxy.toxics().values()
        return tuple(Toxic(t.name, t.type, t.stream, t.toxicity, t.attributes) for t in found)

    def add_toxic(self, name: str, toxic: Toxic) -> None:
        """Put a toxic on a proxy; it acts on open connections too."""
        with self._proxy(name) as proxy:
            proxy.add_toxic(
                name=toxic.name,
                type=toxic.type,
                stream=toxic.stream,
                toxicity=toxic.toxicity,
                attributes=dict(toxic.attributes),
            )

    def update_toxic(self, name: str, toxic: str, attributes: Mapping[str, int]) -> None:
        """Change attributes of a toxic; those not named keep their values."""
        self._transport.patch(_path(name, "toxics", toxic), json={"attributes": dict(attributes)})

    def remove_toxic(self, name: str, toxic: str) -> None:
        """Take a toxic off. Done already if it is not there."""
        try:
            with self._proxy(name) as proxy:
                proxy.destroy_toxic(quote(toxic, safe=""))
        except NotThere:
            return

    def counters(self, name: str) -> Counters | None:
        """What went through the proxy; None on a real Toxiproxy, which does not say."""
        shown = self._show(name).get("counters")
        if shown is None:
            return None
        up, down, connections = shown["upstream"], shown["downstream"], shown["connections"]
        return Counters(
            from_client=up["received"],
            to_upstream=up["forwarded"],
            from_upstream=down["received"],
            to_client=down["forwarded"],
            open_connections=connections["open"],
            total_connections=connections["total"],
            dial_failures=connections["dial_failures"],
        )

    def bytes_of_ended(self, name: str) -> int | None:
        """Bytes that came from either side in those of the proxy's connections that have ended: all that a Toxiproxy
        counts, and only one that was started with ``-proxy-metrics``; None of any other."""
        try:
            shown = self._transport.get("/metrics").text
        except NotThere:
            return None
        return sum(int(float(n)) for labels, n in _RECEIVED.findall(shown) if f'proxy="{name}"' in labels.split(","))

    def _create_dialling_from(self, name: str, listen: str, upstream: str, dial_from: Path) -> Proxy:
        """What toxiproxy-python has no argument for."""
        if not self.is_embedded:
            raise UsageError(
                f"A link across the lab's WAN needs the harness' own proxy, and {self.url} is a Toxiproxy. "
                "Leave the Toxiproxy out, or use a lab in loopback mode."
            )
        wanted = {"name": name, "listen": listen, "upstream": upstream, "dial_from": str(dial_from)}
        made = self._transport.post("/proxies", json=wanted).json()
        return _proxy(name, str(_object(made, self.url)["listen"]))

    @contextmanager
    def _proxy(self, name: str) -> Iterator[LibraryProxy]:
        # The library looks a proxy up in the list of all; naming it saves that, and 404 says whether it is
        # there.
        with self._transport.in_use():
            yield LibraryProxy(name=quote(name, safe=""), upstream="", enabled=True, listen="")

    def _show(self, name: str) -> dict[str, Any]:
        return _object(self._transport.get(_path(name)).json(), self.url)

    def _version(self) -> dict[str, Any]:
        response = self._transport.get("/version")
        try:
            return _object(response.json(), self.url)
        except ValueError as error:
            raise LinkError(f"{self.url} is not a Toxiproxy: GET /version gave {response.text[:80]!r}.") from error


def _proxy(name: str, listen: str) -> Proxy:
    host, _, port = listen.rpartition(":")
    return Proxy(name, host.strip("[]"), int(port))


def _path(name: str, *more: str) -> str:
    return "/".join(["/proxies", *(quote(part, safe="") for part in (name, *more))])


def _object(shown: Any, url: str) -> dict[str, Any]:
    if not isinstance(shown, dict):
        raise LinkError(f"{url} is not a Toxiproxy: it answered {str(shown)[:80]!r}.")
    return shown
