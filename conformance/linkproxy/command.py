"""The command line, the same for ``python -m conformance.linkproxy`` and ``multisite-ha proxy``."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import click

from conformance.linkproxy.proxy import Settings
from conformance.linkproxy.server import Options, StartError, serve


class CannotStart(click.ClickException):
    """Shown as one sentence; exit code 3."""

    exit_code = 3


@click.command("proxy")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address the HTTP API listens on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8474,
    show_default=True,
    help="Port of the HTTP API; 0 takes a free one.",
)
@click.option("--seed", type=int, help="Decides every random draw; drawn and printed when not given.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON list of proxies to create at the start, as for POST /populate.",
)
@click.option(
    "--dial-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds an upstream may take to accept a connection.",
)
@click.option("--die-with-stdin", is_flag=True, help="End when standard input reaches its end.")
def proxy(
    host: str, port: int, seed: int | None, config: Path | None, dial_timeout: float, die_with_stdin: bool
) -> None:
    """Run the link proxy alone: a TCP fault proxy that speaks Toxiproxy's HTTP API.

    Prints one line of JSON with the URL of the API when it is ready, and serves until it is interrupted.
    """
    settings = Settings(seed=secrets.randbits(32) if seed is None else seed, dial_timeout=dial_timeout)
    try:
        asyncio.run(serve(Options(host, port, settings, config, die_with_stdin)))
    except StartError as error:
        raise CannotStart(str(error)) from error
