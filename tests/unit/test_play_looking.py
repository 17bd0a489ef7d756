"""What is looked at after a failover or a move, and when: packets while it is used, the VNF after that."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.errors import HarnessError
from conformance.play.looking import watch_after


class Bench:
    """Stands in for the stage, the subject and the clients; ``log`` is the order of what was done."""

    def __init__(self, deployed: str = "site-b", trouble: str = "") -> None:
        self.log: list[str] = []
        self.load = SimpleNamespace(after_failover_s=2.0)
        self.deployments = (SimpleNamespace(site=deployed),)
        self._trouble = trouble
        self._watched = Event()
        self._trying = Event()
        self._pool = ThreadPoolExecutor(1)

    def submit(self, work: Any, *arguments: object) -> Future[None]:
        return self._pool.submit(work, *arguments)

    def save_reachability(self, name: str, site: Any) -> None:
        self._trying.set()
        assert self._watched.wait(10), "nobody watches while packets are tried"
        if self._trouble:
            raise HarnessError(self._trouble)
        self.log.append("reachability")

    def save_inventory(self, name: str, site: Any) -> None:
        assert self._watched.is_set(), "looked before the time of observation was over"
        self.log.append("inventory")

    def watch(self, seconds: float) -> None:
        if self.deployments[0].site == "site-b":
            assert self._trying.wait(10), "packets are not tried while the service is used"
        self.log.append(f"watch {seconds:g}")
        self._watched.set()

    def look(self) -> None:
        site = SimpleNamespace(name="site-b", spec=SimpleNamespace(power=None, data_plane=None))
        bench: Any = self
        watch_after(bench, bench, bench, "second-after", site)  # type: ignore[arg-type]


def test_packets_are_tried_while_the_service_is_used_and_the_vnf_is_looked_at_when_it_has_been() -> None:
    bench = Bench()
    bench.look()
    assert bench.log[0] == "watch 2"
    assert sorted(bench.log[1:]) == ["inventory", "reachability"]


def test_a_site_without_the_vnf_is_watched_and_not_looked_at() -> None:
    bench = Bench(deployed="site-a")
    bench.look()
    assert bench.log == ["watch 2"]


def test_what_went_wrong_while_packets_were_tried_is_the_scenarios_error() -> None:
    with pytest.raises(HarnessError, match="no such place"):
        Bench(trouble="no such place").look()
