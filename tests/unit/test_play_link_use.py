"""Whether replication uses the link that is disturbed: what is not known to be used is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.links import Counters, Link
from conformance.play.stage import Stage
from conformance.play.subject import Subject
from conformance.vnf import Blueprint, load_blueprint


class Server:
    """A proxy server of which only what it counts is asked."""

    url = "http://127.0.0.1:8474"

    def __init__(self, *, carried: int | None, ended: int | None = None) -> None:
        self.carried = carried
        self.ended = ended

    def counters(self, _name: str) -> Counters | None:
        return None if self.carried is None else Counters(0, self.carried, 0, 0, 0, 0, 0)

    def bytes_of_ended(self, _name: str) -> int | None:
        return self.ended


def subject(server: Server) -> Subject:
    stage: Any = SimpleNamespace(first=SimpleNamespace(name="a"), tag=lambda suffix: "run.1")
    made = Subject(cast(Stage, stage), cast(Blueprint, load_blueprint("subscriber-db-sync")))
    link: Any = SimpleNamespace(name="b-to-a", server=server)
    made.link = cast(Link, link)
    made.note_carried()
    return made


def test_a_toxiproxy_that_counts_nothing_shows_no_use() -> None:
    seen = subject(Server(carried=None)).link_in_use()
    assert not seen.ok and "-proxy-metrics" in seen.detail


@pytest.mark.parametrize(("ended", "used"), [(0, False), (4096, True)])
def test_a_toxiproxy_that_counts_shows_use_by_what_passed(ended: int, used: bool) -> None:
    seen = subject(Server(carried=None, ended=ended)).link_in_use()
    assert seen.ok is used and seen.observed == {"ended_bytes": ended}


def test_the_embedded_proxy_shows_use_by_what_passed_under_load() -> None:
    server = Server(carried=1000)
    made = subject(server)
    assert not made.link_in_use().ok
    server.carried = 1500
    assert made.link_in_use().observed == {"carried_bytes": 500}
