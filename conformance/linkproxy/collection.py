"""All proxies of one server, by name."""

from __future__ import annotations

from socket import AF_INET

from conformance.linkproxy.address import AddressError
from conformance.linkproxy.errors import ApiError
from conformance.linkproxy.namespaces import socket_in
from conformance.linkproxy.proxy import Proxy, Settings
from conformance.linkproxy.requests import ProxyInput


class Collection:
    """Keeps names unique; every failure is an ApiError with the status and wording of Toxiproxy."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._proxies: dict[str, Proxy] = {}

    def all(self) -> dict[str, Proxy]:
        """Every proxy by name."""
        return dict(self._proxies)

    def get(self, name: str) -> Proxy:
        """The proxy of that name, or ApiError 404."""
        try:
            return self._proxies[name]
        except KeyError:
            raise ApiError(404, "proxy not found") from None

    async def create(self, wanted: ProxyInput) -> Proxy:
        """Add a proxy; 409 if the name is taken, 500 if it cannot listen."""
        if wanted.name in self._proxies:
            raise ApiError(409, "proxy already exists")
        return await self._add(wanted)

    async def update(self, proxy: Proxy, wanted: ProxyInput) -> None:
        """Change address or state; 500 if it cannot listen, and then it is disabled."""
        try:
            await proxy.update(listen=wanted.listen, upstream=wanted.upstream, enabled=wanted.enabled)
        except AddressError as error:
            raise ApiError(500, str(error)) from error

    def remove(self, name: str) -> None:
        """Stop and forget it; 404 if there is none."""
        self.get(name).stop()
        del self._proxies[name]

    async def populate(self, wanted: list[ProxyInput]) -> tuple[list[Proxy], ApiError | None]:
        """Create those that are missing and replace those whose addresses differ; what is the same is left
        alone, enabled or not. Stops at the first that cannot listen, and returns what came before it with the
        error."""
        done: list[Proxy] = []
        for each in wanted:
            existing = self._proxies.get(each.name)
            try:
                if existing is None or await existing.differs(each.listen, each.upstream):
                    if existing is not None:
                        existing.stop()
                    existing = await self._add(each)
            except ApiError as error:
                return done, error
            except AddressError as error:
                return done, ApiError(500, str(error))
            done.append(existing)
        return done, None

    async def reset(self) -> None:
        """Remove every toxic and enable every proxy; 500 if one of them cannot listen, after all were
        tried."""
        failed: ApiError | None = None
        for proxy in self._proxies.values():
            for applied in proxy.toxics:
                proxy.remove_toxic(applied)
            try:
                await proxy.start()
            except AddressError as error:
                failed = failed or ApiError(500, str(error))
        if failed:
            raise failed

    def stop(self) -> None:
        """Stop every proxy."""
        for proxy in self._proxies.values():
            proxy.stop()

    async def _add(self, wanted: ProxyInput) -> Proxy:
        proxy = Proxy(self._settings, wanted.name, wanted.listen, wanted.upstream, wanted.dial_from)
        if wanted.dial_from:
            try:
                socket_in(wanted.dial_from, AF_INET).close()
            except AddressError as error:
                raise ApiError(400, f"upstream cannot be dialled from there: {error}") from error
        if wanted.enabled:
            try:
                await proxy.start()
            except AddressError as error:
                raise ApiError(500, str(error)) from error
        self._proxies[proxy.name] = proxy
        return proxy
