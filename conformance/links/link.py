"""One named path from a site to a service at another site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.links.adapter import ProxyServer
from conformance.links.dialect import POSTGRESQL, Dialect


@dataclass(frozen=True)
class Link:
    """Clients at ``from_site`` dial ``listen_host:listen_port``, which is at their own site, and reach
    ``upstream`` (host:port) at ``to_site``. What disturbs the path is a toxic on the proxy of this name.

    In Toxiproxy's words, ``upstream`` is the direction towards ``to_site``, ``downstream`` the way back.
    """

    server: ProxyServer
    name: str
    from_site: str
    to_site: str
    listen_host: str
    listen_port: int
    upstream: str
    dialect: Dialect = POSTGRESQL
    """What is spoken at the far end: how the link is measured."""

    @classmethod
    def open(
        cls,
        server: ProxyServer,
        *,
        name: str,
        from_site: str,
        to_site: str,
        listen_host: str,
        upstream: str,
        dial_from: Path | None = None,
        dialect: Dialect = POSTGRESQL,
    ) -> Link:
        """Make the path, on any free port of ``listen_host``. LinkError if the server cannot listen there.

        ``dial_from`` is the network namespace of ``from_site``'s edge, for a path that is to cross a lab's WAN; only
        our own proxy can do that, UsageError otherwise."""
        proxy = server.create_proxy(name, listen_host, upstream, dial_from=dial_from)
        return cls(server, name, from_site, to_site, proxy.listen_host, proxy.listen_port, upstream, dialect)

    def close(self) -> None:
        """Remove the path with its connections and whatever disturbs it; may be called twice."""
        self.server.delete(self.name)
