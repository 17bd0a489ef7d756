"""One violation planted in a correct record of a service that was moved and has returned is always found and named; the
clean record never yields one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from builders import drop_object, edit_inventory, edit_object, edit_ops
from hypothesis import given, settings
from hypothesis import strategies as st
from move_records import returned_observed

from conformance.checkers.registry import CHECKS, judge
from conformance.model import Operation, Outcome, ScenarioRecord, Status
from conformance.model.inventory import Server

BACK = "first-after"


@cache
def back() -> ScenarioRecord:
    return returned_observed()


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.phrase in back().info.then])
def test_the_clean_record_passes(name: str) -> None:
    verdict = judge(name, back())
    assert verdict.status is Status.PASS, verdict.reason


# External networks are the site's own, and are compared by what leads to them.
PARTS = [
    (kind, thing.label)
    for kind in ("networks", "subnets", "routers", "security_groups", "ports", "floating_ips")
    for thing in getattr(back().inventories[BACK], kind)
    if not getattr(thing, "external", False)
]


@settings(max_examples=40)
@given(st.sampled_from(PARTS))
def test_one_part_of_the_network_that_does_not_come_back_is_found_and_named(gone: tuple[str, str]) -> None:
    verdict = judge("return-network", edit_inventory(back(), BACK, drop_object(*gone)))
    assert verdict.status is Status.FAIL, verdict.reason
    missing = [e.ref for e in verdict.evidence if "is missing at site-a after the return" in e.text]
    assert any(ref.endswith(f" {gone[1]}") for ref in missing)


@settings(max_examples=40)
@given(st.integers(0, len(back().reachability[BACK].reaches) - 1))
def test_one_pair_that_comes_out_otherwise_after_the_return_is_found_and_named(n: int) -> None:
    seen = back().reachability[BACK]
    victim = seen.reaches[n]
    reaches = (*seen.reaches[:n], replace(victim, reached=not victim.reached), *seen.reaches[n + 1 :])
    record = replace(back(), reachability={**back().reachability, BACK: replace(seen, reaches=reaches)})
    verdict = judge("way-back-network", record)
    assert verdict.status is Status.FAIL
    assert verdict.figures["reach_differences"] == 1
    [evidence] = verdict.evidence
    assert evidence.text.startswith(f"{victim.source} to {victim.target} ({victim.protocol}")


@settings(max_examples=30)
@given(st.sampled_from(back().inventories[BACK].servers), st.sampled_from(["gone", "dumb", "ERROR", "SHUTOFF"]))
def test_one_machine_that_does_not_come_back_is_found_and_named(server: Server, how: str) -> None:
    fields: dict[str, object] = {"serving": False} if how == "dumb" else {"status": how}
    edit = drop_object("servers", server.label) if how == "gone" else edit_object("servers", server.label, **fields)
    verdict = judge("return-vm-count", edit_inventory(back(), BACK, edit))
    assert verdict.status is Status.FAIL, verdict.reason
    assert server.label in [e.ref for e in verdict.evidence]


@settings(max_examples=20)
@given(st.sampled_from([op for op in back().history if op.f == "use-session"]), st.sampled_from(["401", "HTTP 404"]))
def test_one_session_that_does_not_survive_the_return_is_found_and_named(use: Operation, error: str) -> None:
    record = edit_ops(back(), lambda o: o.id == use.id, outcome=Outcome.FAIL, error=f"{error} unknown session")
    verdict = judge("way-back-sessions", record)
    assert verdict.status is Status.FAIL, verdict.reason
    assert [(e.kind, e.ref) for e in verdict.evidence] == [("refused session", str(use.id))]
