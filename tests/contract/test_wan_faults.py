"""The faults of the WAN, in real network namespaces: they bite, they are seen to bite, they heal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from netns_rig import Rig, address, running_rig, why_impossible

from conformance.dataplane import DataPlaneError, Place, WanControl, WanLink
from conformance.errors import UsageError
from conformance.faults import wan_fault
from conformance.faults.base import Fault
from conformance.faults.wan_corruption import WanCorruption
from conformance.faults.wan_cut import WanCut, WanOneWayCut
from conformance.faults.wan_delay import WanDelay
from conformance.faults.wan_duplication import WanDuplication
from conformance.faults.wan_flapping import WanFlapping
from conformance.faults.wan_loss import WanLoss
from conformance.faults.wan_mtu import WanMtu
from conformance.faults.wan_rate import WanRate
from conformance.faults.wan_reordering import WanReordering
from conformance.undo import UNDO_ACTIONS

pytestmark = pytest.mark.skipif(why_impossible() is not None, reason=str(why_impossible()))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("wan"), sites=3) as running:
        yield running


@pytest.fixture
def link(rig: Rig) -> Iterator[WanLink]:
    near = Place("a", "edge-a", address(1, 2), address(1, 2, 6))
    far = Place("b", "edge-b", address(2, 1), address(2, 1, 6))
    made = WanLink(WanControl(rig.control), rig.open_socket, near, far)
    yield made
    made.control.reset()


FAULTS: dict[str, Callable[[WanLink], Fault]] = {
    "loss": lambda link: WanLoss(link, 0.1),
    "loss one way": lambda link: WanLoss(link, 0.1, ["b>a"]),
    "corruption": lambda link: WanCorruption(link, 0.1),
    "duplication": lambda link: WanDuplication(link, 0.1),
    "reordering": lambda link: WanReordering(link, 0.1, 5),
    "delay": lambda link: WanDelay(link, 30),
    "jitter": lambda link: WanDelay(link, 30, 20, ["a>b"]),
    "cut": lambda link: WanCut(link),
    "one-way cut": lambda link: WanOneWayCut(link, "a>b"),
    "flapping": lambda link: WanFlapping(link, 100, 0.4),
    "mtu": lambda link: WanMtu(link, 1300, directions=["a>b"]),
    "silent mtu": lambda link: WanMtu(link, 1300, silent=True, directions=["b>a"]),
    "rate": lambda link: WanRate(link, 5_000_000, directions=["b>a"]),
}


@pytest.mark.parametrize("make", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_measured_to_bite_as_asked_and_to_heal(make: Callable[[WanLink], Fault], link: WanLink) -> None:
    fault = make(link)
    fault.inject()
    bitten = fault.verify()
    assert bitten.ok, bitten
    fault.heal()
    fault.heal()
    healed = fault.verify_healed()
    assert healed.ok, healed
    assert not fault.verify().ok


@pytest.mark.parametrize("make", [FAULTS["loss"], FAULTS["one-way cut"], FAULTS["mtu"]])
def test_the_undo_of_a_killed_run_takes_the_fault_off(make: Callable[[WanLink], Fault], link: WanLink) -> None:
    fault = make(link)
    undo = fault.undo()
    fault.inject()
    UNDO_ACTIONS[undo.action](undo.arguments)
    assert not fault.verify().ok and fault.verify_healed().ok


def test_the_undo_of_a_lab_that_is_gone_is_done_already(link: WanLink, tmp_path: Path) -> None:
    undo = WanLoss(WanLink(WanControl(tmp_path / "gone.sock"), link.sockets, link.near, link.far), 0.1).undo()
    UNDO_ACTIONS[undo.action](undo.arguments)


def test_a_fault_that_is_still_there_is_not_taken_for_healed(link: WanLink, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = WanOneWayCut(link, "a>b")
    fault.inject()
    monkeypatch.setattr(wan_fault, "HEALED_WITHIN_S", 0.1)
    assert not fault.verify_healed().ok


def test_faults_on_top_of_each_other_are_told_apart_and_healed_one_by_one(link: WanLink) -> None:
    loss, cut = WanLoss(link, 0.1), WanOneWayCut(link, "b>a")
    loss.inject()
    cut.inject()
    assert cut.verify().ok
    cut.heal()
    assert cut.verify_healed().ok and loss.verify().ok
    assert link.impairments("b>a")["loss"] == 0.1


def test_a_fault_between_two_sites_leaves_the_third_alone(rig: Rig, link: WanLink) -> None:
    WanLoss(link, 1.0).inject()
    third = Place("c", "edge-c", address(3, 1))
    first = Place("a", "edge-a", address(1, 3))
    assert WanLink(link.control, rig.open_socket, first, third).ping().all_answered
    assert not link.ping(count=2, timeout=0.2).times_ns


def test_a_loss_that_did_not_come_about_is_not_seen_to_bite(link: WanLink) -> None:
    fault = WanLoss(link, 0.2)
    fault.inject()
    link.change({"loss": 0.02})
    assert not fault.verify().ok


def test_what_cannot_be_asked_for_is_said_before_anything_happens(link: WanLink) -> None:
    with pytest.raises(DataPlaneError, match="has the directions a>b and b>a, not 'a>c'"):
        WanLoss(link, 0.1, ["a>c"])
    with pytest.raises(UsageError, match="at least 50 ms"):
        WanFlapping(link, 10)
    with pytest.raises(DataPlaneError, match=r"loss of a>b must be from 0 to 1, not 7"):
        WanLoss(link, 7).inject()
    assert link.impairments("a>b")["loss"] == 0
