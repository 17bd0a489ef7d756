"""What is to strike during an operation is made and measured before it, and strikes once, beside the scheme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from test_nemesis import Slow, Switch

import conformance.faults.toxic
from conformance.errors import HarnessError
from conformance.faults.base import Fault
from conformance.faults.link_delay import LinkDelay
from conformance.links import EmbeddedProxy, Link
from conformance.model import Event
from conformance.play.meanwhile import Meanwhile


class Scene:
    """A stage with nothing on it, whose scheme begins whatever it is told to."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._listeners: list[Callable[[Event], None]] = []
        self._pool = ThreadPoolExecutor(2)
        self.nemesis = SimpleNamespace(foresee=Slow.measure_baseline)
        self.on_event = self._listeners.append
        stage: Any = self
        self.meanwhile = Meanwhile(stage)

    def submit(self, work: Callable[..., None], *arguments: object) -> Future[None]:
        return self._pool.submit(work, *arguments)

    def says(self, name: str, state: str = "begin") -> None:
        for listener in self._listeners:
            listener(Event(0, "scheme", name, state))

    def expect(self, operation: str, fault: Fault | None) -> None:
        def make() -> Fault | None:
            self.told.append("made")
            return fault

        self.meanwhile.expect(operation, make, lambda f: self.told.append(f"struck by {f.name if f else 'nothing'}"))

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


def test_it_strikes_when_the_operation_begins_and_only_the_first_time(scene: Scene) -> None:
    scene.expect("migrate", Switch("cut"))
    scene.says("failover")
    scene.says("migrate", "promote")
    scene.meanwhile.await_done()
    assert scene.told == []
    for _ in range(2):
        scene.says("migrate")
        scene.meanwhile.await_done()
    assert scene.told == ["made", "struck by cut"]


def test_two_of_them_strike_during_one_operation(scene: Scene) -> None:
    for name in ("cut", "hang"):
        scene.expect("migrate", Switch(name))
    scene.says("migrate")
    scene.meanwhile.await_done()
    assert sorted(told for told in scene.told if told != "made") == ["struck by cut", "struck by hang"]


def test_it_is_made_and_measured_once_and_before_the_operation_begins(scene: Scene) -> None:
    fault = Slow("loss")
    scene.expect("failover", fault)
    scene.meanwhile.foresee("migrate")
    assert (scene.told, fault.measured) == ([], 0)
    scene.meanwhile.foresee("failover")
    scene.meanwhile.foresee("failover")
    assert (scene.told, fault.measured) == (["made"], 1)
    scene.says("failover")
    scene.meanwhile.await_done()
    scene.meanwhile.foresee("failover")
    assert (scene.told, fault.measured) == (["made", "struck by loss"], 1)


def test_one_that_cannot_be_made_here_is_left_out_once(scene: Scene) -> None:
    scene.expect("failover", None)
    scene.meanwhile.foresee("failover")
    scene.says("failover")
    scene.meanwhile.await_done()
    assert scene.told == ["made", "struck by nothing"]


def test_what_goes_wrong_beside_the_scheme_is_raised_where_it_is_awaited(scene: Scene) -> None:
    def refuse(fault: Fault | None) -> None:
        raise HarnessError("The proxy refused.")

    scene.meanwhile.expect("failover", lambda: None, refuse)
    scene.says("failover")
    with pytest.raises(HarnessError, match="The proxy refused"):
        scene.meanwhile.await_done()
    scene.meanwhile.await_done()


def test_a_fault_that_was_measured_before_measures_no_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rtts = [10_000_000, 20_000_000]
    monkeypatch.setattr(conformance.faults.toxic, "measure_rtt", lambda *_, **__: rtts.pop(0))
    with EmbeddedProxy() as proxy:
        link = Link.open(
            proxy.server, name="a-b", from_site="a", to_site="b", listen_host="127.0.0.1", upstream="127.0.0.1:1"
        )
        foreseen, other = LinkDelay(link, 80), LinkDelay(link, 80)
        foreseen.measure_baseline()
        foreseen.inject()
        foreseen.heal()
        assert rtts == [20_000_000]
        other.inject()
        assert (rtts, foreseen.baseline_ns, other.baseline_ns) == ([], 10_000_000, 20_000_000)
        link.close()
