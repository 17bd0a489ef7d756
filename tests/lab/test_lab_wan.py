"""The WAN of a running lab: it carries what goes between the sites, can be disturbed, and comes back by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial

import psutil
import pytest

from conformance.dataplane import Place, WanGone, WanLink, ping
from conformance.faults.wan_cut import WanOneWayCut
from conformance.faults.wan_loss import WanLoss
from conformance.lab import Lab
from conformance.lab.dataplane import open_socket
from conformance.lab.wan import wan_between
from conformance.waiting import wait_until

pytestmark = pytest.mark.lab


@pytest.fixture
def wan(namespaces_lab: Lab) -> Iterator[WanLink]:
    link = wan_between(namespaces_lab.directory, "site-a", "site-b")
    yield link
    link.control.reset()


def across(lab: Lab, count: int = 5) -> int:
    """How many echoes between the services of the two sites are answered."""
    near = Place("services of site-a", "services-site-a", "100.64.1.10")
    far = Place("services of site-b", "services-site-b", "100.64.2.10")
    return len(ping(partial(open_socket, lab.directory), near, far, count=count, timeout=0.5).times_ns)


def test_what_goes_between_the_sites_crosses_the_wan_and_nothing_else_does(namespaces_lab: Lab, wan: WanLink) -> None:
    before = wan.counters("site-a>site-b")["delivered"]
    assert across(namespaces_lab) == 5
    assert wan.counters("site-a>site-b")["delivered"] >= before + 5
    wan.change({"up": False})
    assert across(namespaces_lab) == 0


def test_faults_of_the_wan_bite_in_the_lab_and_heal(wan: WanLink) -> None:
    for fault in (WanLoss(wan, 0.1), WanOneWayCut(wan, "site-b>site-a")):
        fault.inject()
        assert (bitten := fault.verify()).ok, bitten
        fault.heal()
        assert (healed := fault.verify_healed()).ok, healed


def test_a_killed_forwarder_is_started_again_and_goes_on_with_the_same_faults(
    namespaces_lab: Lab, wan: WanLink
) -> None:
    wan.change({"loss": 1.0}, ["site-b>site-a"])
    (forwarder,) = (
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if {"netplane.wan", str(namespaces_lab.directory / "wan-state.json")} <= set(process.info["cmdline"] or ())
    )
    os.kill(forwarder, signal.SIGKILL)

    def started_again() -> bool:
        try:
            return all(leg["present"] for leg in wan.control.state()["legs"])
        except WanGone:
            return False

    wait_until(lambda: not psutil.pid_exists(forwarder), timeout=10, what="the forwarder to die")
    wait_until(started_again, timeout=10, what="another forwarder")
    assert wan.impairments("site-b>site-a")["loss"] == 1.0 and across(namespaces_lab) == 0
    wan.control.reset()
    wait_until(lambda: across(namespaces_lab) == 5, timeout=10, what="packets to pass again")
