"""Which link is meant by "the link" before, during and after the return of a service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.links import EmbeddedProxy
from conformance.play.subject import Subject
from conformance.schemes import Failback

HERE = "127.0.0.1"


class Bench:
    """A VNF that serves at the second of two sites, whose scheme brings it back or does not."""

    def __init__(self, proxy: EmbeddedProxy) -> None:
        self.brings_back = True
        self.meant: list[str] = []
        spec = SimpleNamespace(link_address=HERE, data_plane=None)
        sites = [SimpleNamespace(name=name, spec=spec) for name in ("site-a", "site-b")]
        self.first, self.second = sites
        self.proxy = proxy.server
        stage: Any = SimpleNamespace(
            first=self.first,
            second=self.second,
            other=lambda site: self.second if site is self.first else self.first,
            phase=lambda *_: nullcontext(),
            say=lambda _: None,
            tag=lambda suffix: f"run{suffix}",
            proxy=proxy.server,
        )
        self.subject = Subject(stage, SimpleNamespace(witness=()))  # type: ignore[arg-type]
        vnf: Any = SimpleNamespace(replication_upstream=SimpleNamespace(host=HERE, port=9))
        self.subject._deployments = dict.fromkeys(("site-a", "site-b"), vnf)
        self.subject._scheme = self  # type: ignore[assignment]
        self.subject.link = self.subject._open_link(self.second, self.first)  # type: ignore[arg-type]
        self.subject.serving = self.second  # type: ignore[assignment]

    def failback(self, _source: Any, _to: Any, _link: Any) -> Failback:
        self.meant.append(self.subject.the_link.name)
        return Failback(ok=self.brings_back, detail="")

    def name(self) -> str:
        return self.subject.the_link.name


@pytest.fixture
def bench() -> Iterator[Bench]:
    with EmbeddedProxy() as proxy:
        yield Bench(proxy)


def test_during_a_return_it_is_the_way_back_and_then_the_first_one_again(bench: Bench) -> None:
    bench.subject.go_back()
    assert bench.meant == ["site-a-to-site-b-run"]
    assert bench.name() == "site-b-to-site-a-run"
    assert not bench.subject.link_in_use().ok, "nothing has passed it since the return"


def test_a_service_can_return_twice(bench: Bench) -> None:
    bench.subject.go_back()
    bench.subject.serving = bench.second  # type: ignore[assignment]
    bench.subject.go_back()
    assert bench.meant == ["site-a-to-site-b-run"] * 2
    assert bench.name() == "site-b-to-site-a-run"


def test_while_a_return_did_not_succeed_it_is_the_way_back(bench: Bench) -> None:
    bench.brings_back = False
    bench.subject.go_back()
    assert bench.name() == "site-a-to-site-b-run"
