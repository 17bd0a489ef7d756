"""The HTTP API of Toxiproxy 2.12 over a collection of proxies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from conformance.linkproxy import API_VERSION
from conformance.linkproxy.collection import Collection
from conformance.linkproxy.counters import StreamCounters
from conformance.linkproxy.errors import ApiError
from conformance.linkproxy.proxy import Proxy
from conformance.linkproxy.requests import (
    ProxyInput,
    attributes_of,
    parse_new_toxic,
    parse_population,
    parse_proxy,
    parse_toxic_change,
)
from conformance.linkproxy.toxics import AppliedToxic

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """The handlers; one request at a time changes anything, as the proxies are shared."""

    def __init__(self, collection: Collection, seed: int) -> None:
        self._proxies = collection
        self._seed = seed
        self._changing = asyncio.Lock()

    def application(self) -> web.Application:
        """The aiohttp application with all routes."""
        app = web.Application(middlewares=[_plain_errors])
        for method, path, handler in (
            ("GET", "/version", self._version),
            ("GET", "/proxies", self._list_proxies),
            ("POST", "/proxies", self._create_proxy),
            ("POST", "/populate", self._populate),
            ("POST", "/reset", self._reset),
            ("GET", "/proxies/{proxy}", self._show_proxy),
            ("POST", "/proxies/{proxy}", self._update_proxy),
            ("PATCH", "/proxies/{proxy}", self._update_proxy),
            ("DELETE", "/proxies/{proxy}", self._delete_proxy),
            ("GET", "/proxies/{proxy}/toxics", self._list_toxics),
            ("POST", "/proxies/{proxy}/toxics", self._add_toxic),
            ("GET", "/proxies/{proxy}/toxics/{toxic}", self._show_toxic),
            ("POST", "/proxies/{proxy}/toxics/{toxic}", self._update_toxic),
            ("PATCH", "/proxies/{proxy}/toxics/{toxic}", self._update_toxic),
            ("DELETE", "/proxies/{proxy}/toxics/{toxic}", self._delete_toxic),
        ):
            app.router.add_route(method, path, handler)
        return app

    # -- server

    async def _version(self, request: web.Request) -> web.Response:
        body = {"version": API_VERSION, "implementation": "conformance.linkproxy", "seed": self._seed}
        return web.Response(text=json.dumps(body) + "\n", headers={"Content-Type": "application/json;charset=utf-8"})

    async def _populate(self, request: web.Request) -> web.Response:
        async with self._changing:
            try:
                done, error = await self._proxies.populate(parse_population(await request.read()))
            except ApiError as refused:
                done, error = [], refused
        shown = {"proxies": [_shown_proxy(proxy) for proxy in done] or None}
        if error is None:
            return _json(shown, 201)
        return _json({"error": str(error), "status": error.status} | shown, error.status)

    async def _reset(self, request: web.Request) -> web.Response:
        async with self._changing:
            await self._proxies.reset()
        return web.Response(status=204)

    # -- proxies

    async def _list_proxies(self, request: web.Request) -> web.Response:
        return _json({name: _shown_proxy(proxy) for name, proxy in sorted(self._proxies.all().items())})

    async def _create_proxy(self, request: web.Request) -> web.Response:
        async with self._changing:
            proxy = await self._proxies.create(parse_proxy(await request.read()))
        return _json(_shown_proxy(proxy), 201)

    async def _show_proxy(self, request: web.Request) -> web.Response:
        return _json(_shown_proxy(self._proxy(request)))

    async def _update_proxy(self, request: web.Request) -> web.Response:
        async with self._changing:
            proxy = self._proxy(request)
            now = ProxyInput(proxy.name, proxy.listen, proxy.upstream, proxy.enabled, proxy.dial_from)
            await self._proxies.update(proxy, parse_proxy(await request.read(), now))
        return _json(_shown_proxy(proxy))

    async def _delete_proxy(self, request: web.Request) -> web.Response:
        async with self._changing:
            self._proxies.remove(request.match_info["proxy"])
        return web.Response(status=204)

    # -- toxics

    async def _list_toxics(self, request: web.Request) -> web.Response:
        return _json(_shown_toxics(self._proxy(request)))

    async def _add_toxic(self, request: web.Request) -> web.Response:
        async with self._changing:
            proxy = self._proxy(request)
            applied = parse_new_toxic(await request.read())
            if proxy.toxic(applied.name) is not None:
                raise ApiError(409, "toxic already exists")
            proxy.add_toxic(applied)
        return _json(_shown_toxic(applied))

    async def _show_toxic(self, request: web.Request) -> web.Response:
        return _json(_shown_toxic(self._toxic(request)))

    async def _update_toxic(self, request: web.Request) -> web.Response:
        async with self._changing:
            applied = parse_toxic_change(await request.read(), self._toxic(request))
            self._proxy(request).update_toxic(applied)
        return _json(_shown_toxic(applied))

    async def _delete_toxic(self, request: web.Request) -> web.Response:
        async with self._changing:
            self._proxy(request).remove_toxic(self._toxic(request))
        return web.Response(status=204)

    def _proxy(self, request: web.Request) -> Proxy:
        return self._proxies.get(request.match_info["proxy"])

    def _toxic(self, request: web.Request) -> AppliedToxic:
        applied = self._proxy(request).toxic(request.match_info["toxic"])
        if applied is None:
            raise ApiError(404, "toxic not found")
        return applied


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    # As Toxiproxy does: a web page open in a browser on this machine must not be able to change anything.
    if request.headers.get("User-Agent", "").startswith("Mozilla/"):
        return _text("User agent not allowed\n", 403)
    try:
        return await handler(request)
    except ApiError as error:
        return _text(
            json.dumps({"error": str(error), "status": error.status}, separators=(",", ":")) + "\n",
            error.status,
        )
    except web.HTTPNotFound:
        return _text("404 page not found\n", 404)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return _text(f"{error.method} is not for this path; it takes {allowed}\n", 405)


def _json(value: Any, status: int = 200) -> web.Response:
    body = json.dumps(value, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json"})


def _text(text: str, status: int) -> web.Response:
    return web.Response(
        body=text.encode(),
        status=status,
        headers={"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"},
    )


def _shown_proxy(proxy: Proxy) -> dict[str, Any]:
    counted = proxy.counted()
    return {
        "name": proxy.name,
        "listen": proxy.listen,
        "upstream": proxy.upstream,
        **({"dial_from": proxy.dial_from} if proxy.dial_from else {}),
        "enabled": proxy.enabled,
        "toxics": _shown_toxics(proxy),
        "counters": {
            "upstream": _shown_stream(counted.upstream),
            "downstream": _shown_stream(counted.downstream),
            "connections": {
                "open": proxy.open_connections,
                "total": counted.connections,
                "dial_failures": counted.dial_failures,
            },
        },
    }


def _shown_stream(counters: StreamCounters) -> dict[str, int]:
    return {"received": counters.received, "forwarded": counters.forwarded}


def _shown_toxics(proxy: Proxy) -> list[dict[str, Any]]:
    # Toxiproxy keeps one chain per direction and lists the upstream one first.
    return [_shown_toxic(t) for t in sorted(proxy.toxics, key=lambda t: t.direction == "downstream")]


def _shown_toxic(applied: AppliedToxic) -> dict[str, Any]:
    toxicity = int(applied.toxicity) if applied.toxicity.is_integer() else applied.toxicity
    return {
        "attributes": attributes_of(applied.toxic),
        "name": applied.name,
        "type": applied.toxic.type,
        "stream": applied.stream,
        "toxicity": toxicity,
    }
