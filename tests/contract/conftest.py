"""What the contract tests of link faults share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from toxiproxy_bench import SKIP_REASON, real_binary, real_server

from conformance.links import EmbeddedProxy, ProxyServer


@pytest.fixture(scope="module", params=["embedded", pytest.param("real", marks=pytest.mark.toxiproxy)])
def server(request: pytest.FixtureRequest) -> Iterator[ProxyServer]:
    """The embedded proxy, and then a real Toxiproxy."""
    if request.param == "embedded":
        with EmbeddedProxy(seed=1) as embedded:
            yield embedded.server
    elif real_binary() is None:
        pytest.skip(SKIP_REASON)
    else:
        with real_server() as running:
            yield ProxyServer(running.url)
