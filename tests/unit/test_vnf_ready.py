"""Waiting for a VNF: what will never come up is not waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from vnf_guests import Guests, guests

from conformance.vnf import DeployError, await_ready, ready


class Cloud:
    """A site whose Nova says that all servers are ACTIVE, and has a console of each."""

    name = "site-a"

    def __init__(self) -> None:
        output = {"output": "initdb: could not create directory"}
        self.compute = SimpleNamespace(get_server_console_output=lambda server, length: output)

    @contextmanager
    def asking(self, _what: str) -> Iterator[Cloud]:
        yield self


@pytest.fixture
def vnf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guests]:
    with guests("site-a", "127.77.16.") as running:
        ids = set(running.deployment.server_ids)
        monkeypatch.setattr(ready.owned, "server_ids", lambda cloud, run, *status: ids)
        yield running


def test_a_guest_that_says_that_it_has_failed_ends_the_wait_at_once(vnf: Guests) -> None:
    vnf.answers["database-0"]["status"] = {"role": "failed", "error": "no space left"}
    site: Any = Cloud()
    with pytest.raises(DeployError) as raised:
        await_ready(site, vnf.deployment, timeout=3600)
    said = str(raised.value)
    assert "database-0 says that it has failed (no space left)" in said
    assert "initdb: could not create directory" in said


def test_of_many_guests_it_is_told_how_far_they_are(vnf: Guests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "_MANY", 3)
    every = sorted(vnf.deployment.server_ids)
    answers = [every[:1], every[:1], every[:2], every, every]
    monkeypatch.setattr(ready.owned, "server_ids", lambda cloud, run, *status: set(answers.pop(0) if status else every))
    monkeypatch.setattr(ready, "_LOOK_EVERY_S", 0)
    monkeypatch.setattr(ready, "_ROUNDS_BETWEEN_DOUBTS", 100)
    told: list[str] = []
    site: Any = Cloud()
    await_ready(site, vnf.deployment, timeout=60, progress=told.append)
    assert [text for text in told if " of 3 " in text] == [
        "site-a: ███······· 1 of 3 servers are ACTIVE",
        "site-a: ██████···· 2 of 3 servers are ACTIVE",
        "site-a: ██████████ 3 of 3 servers are ACTIVE",
        "site-a: ██████████ 3 of 3 guests do their part",
    ]


def test_of_a_few_guests_no_count_is_told(vnf: Guests) -> None:
    told: list[str] = []
    site: Any = Cloud()
    await_ready(site, vnf.deployment, timeout=60, progress=told.append)
    assert told == ["site-a: servers are ACTIVE, waiting for the guests", "site-a: the VNF is up"]


def test_a_guest_that_only_takes_its_time_is_waited_for(vnf: Guests) -> None:
    vnf.answers["database-0"]["status"] = {"role": "starting"}
    site: Any = Cloud()
    with pytest.raises(DeployError, match="after 0.2 s database-0 says it is 'starting', not 'primary'"):
        await_ready(site, vnf.deployment, timeout=0.2)
    vnf.answers["database-0"]["status"] = {"role": "primary", "protected": False}
    await_ready(site, vnf.deployment, timeout=60)


def test_while_servers_boot_nova_is_seldom_asked_what_went_wrong_instead(
    vnf: Guests, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, asked = set(vnf.deployment.server_ids), []

    def server_ids(_cloud: Any, _run: str, status: str | None = None) -> set[str]:
        asked.append(status)
        return ids if status is None or asked.count("ACTIVE") > 8 and status == "ACTIVE" else set()

    monkeypatch.setattr(ready.owned, "server_ids", server_ids)
    monkeypatch.setattr(ready, "_LOOK_EVERY_S", 0.001)
    site: Any = Cloud()
    await_ready(site, vnf.deployment, timeout=60)
    assert (asked.count("ACTIVE"), asked.count("ERROR"), asked.count(None)) == (9, 2, 2)


def test_a_server_that_goes_to_error_ends_the_wait(vnf: Guests, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = set(vnf.deployment.server_ids)
    monkeypatch.setattr(ready.owned, "server_ids", lambda cloud, run, status=None: set() if status == "ACTIVE" else ids)
    monkeypatch.setattr(ready, "_LOOK_EVERY_S", 0.001)
    site: Any = Cloud()
    site.compute.get_server = lambda server: SimpleNamespace(fault={"message": "no valid host"})
    with pytest.raises(DeployError, match="went to ERROR: no valid host"):
        await_ready(site, vnf.deployment, timeout=3600)
