"""The process: the HTTP API and all proxies in one event loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from conformance.linkproxy.address import AddressError, join_address, listening_socket, resolve
from conformance.linkproxy.api import Api
from conformance.linkproxy.collection import Collection
from conformance.linkproxy.errors import ApiError
from conformance.linkproxy.proxy import Settings
from conformance.linkproxy.requests import parse_population


class StartError(Exception):
    """The server could not start; the message is one sentence for a person."""


@dataclass(frozen=True)
class Options:
    """Where the API listens (port 0: any free one) and how the server behaves; ``config`` is a JSON list of
    proxies to create at the start; ``die_with_stdin`` ends the server when standard input reaches its end."""

    host: str
    port: int
    settings: Settings
    config: Path | None = None
    die_with_stdin: bool = False


async def serve(options: Options) -> None:
    """Serve until SIGINT, SIGTERM or, if asked for, the end of standard input. StartError if it cannot start.

    Prints one line of JSON when it is ready: ``url`` of the API and the ``seed`` in use.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    if options.die_with_stdin:
        threading.Thread(target=_wait_for_end_of_stdin, args=(loop, stop), daemon=True).start()
    collection = Collection(options.settings)
    address = join_address(options.host, options.port)
    try:
        sock = listening_socket(await resolve(address))
    except AddressError as error:
        raise StartError(
            f"The link proxy cannot listen on {address}: {error}. Choose another --port (0 takes a free one) "
            "or end the process that holds it."
        ) from error
    runner = web.AppRunner(Api(collection, options.settings.seed).application(), access_log=None, shutdown_timeout=1.0)
    try:
        if options.config is not None:
            await _load(collection, options.config)
        await runner.setup()
        await web.SockSite(runner, sock).start()
        url = f"http://{join_address(*sock.getsockname()[:2])}"
        sys.stdout.write(json.dumps({"url": url, "seed": options.settings.seed}) + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        collection.stop()
        await runner.cleanup()
        sock.close()


async def _load(collection: Collection, path: Path) -> None:
    try:
        _, error = await collection.populate(parse_population(path.read_bytes()))
    except (OSError, ApiError) as refused:
        raise StartError(f"The proxies in {path} cannot be created: {refused}.") from refused
    if error is not None:
        raise StartError(f"The proxies in {path} cannot be created: {error}.")


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass  # no standard input at all is the end of it too
    try:
        loop.call_soon_threadsafe(stop.set)
    except RuntimeError:
        pass  # the loop is closed: the server has stopped already
