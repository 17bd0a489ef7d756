"""One violation planted in a large correct record of a move, a cut link, observed reachability or members in several
clouds is always found; the clean record never yields one."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from builders import A, B, at, edit_events, edit_inventory, edit_object, edit_read
from hypothesis import given, settings
from hypothesis import strategies as st
from move_records import (
    SERVICES,
    as_observed,
    clouds,
    cut,
    moved,
    observed,
    refused,
    returned,
    samples,
    scheme,
    stateless,
)

from conformance.checkers.expected_reach import expected_reach
from conformance.checkers.registry import judge
from conformance.model import Event, Holding, Inventory, Outcome, Reach, Reachability, ScenarioRecord, Status
from conformance.model.inventory import Port, Server

WRITES = 1000


@cache
def large_move() -> ScenarioRecord:
    return moved(WRITES, WRITES // 2)


@cache
def long_cut() -> ScenarioRecord:
    """Two sites looked at 10 times a second for ten minutes; the link is cut for all but the ends of it."""
    record = cut(holders=samples({A: [(-9, 9999)], B: []}, start=-5, end=600))

    def later(event: Event) -> Event:
        return replace(event, t=event.t + 590 * 10**9) if event.state.startswith("heal") else event

    return replace(record, events=tuple(map(later, record.events)))


def grown(made: Inventory, more: int) -> Inventory:
    """The VNF with that many front-ends more, alike in everything but their addresses."""
    [server] = [s for s in made.servers if s.label == "frontend-1"]
    ports = [p for p in made.ports if p.device_id == server.id]
    servers: list[Server] = []
    added: list[Port] = []
    for n in range(2, 2 + more):
        servers.append(replace(server, id=f"{made.site}:frontend-{n}", label=f"frontend-{n}"))
        for port in ports:
            [(subnet, address)] = port.fixed_ips
            base = address.rsplit(".", 1)[0]
            label = port.label.replace("frontend-1", f"frontend-{n}")
            added.append(
                replace(
                    port,
                    id=f"{made.site}:{label}",
                    label=label,
                    device_id=servers[-1].id,
                    fixed_ips=((subnet, f"{base}.{20 + n}"),),
                )
            )
    return replace(made, servers=(*made.servers, *servers), ports=(*made.ports, *added))


@cache
def large_reach() -> ScenarioRecord:
    """A dozen guests at either site, every pair tried on both networks in four ways: 1,056 attempts."""
    record = observed()
    for name in ("first-before", "second-after"):
        record = edit_inventory(record, name, lambda made: grown(made, 9))
    spans = {"first-before": (-3.5, -3.2), "second-after": (3.2, 3.5)}
    seen = {
        name: Reachability(
            record.inventories[name].site, at(a), at(b), as_observed(expected_reach(record.inventories[name], SERVICES))
        )
        for name, (a, b) in spans.items()
    }
    return replace(record, reachability=seen)


@pytest.mark.parametrize(
    ("check", "record"),
    [
        ("move-replicated-first", large_move),
        ("move-serving-first", large_move),
        ("move-acknowledged-writes", large_move),
        ("move-network", large_move),
        ("move-vm-count", large_move),
        ("single-holder", long_cut),
        ("network", large_reach),
        ("no-stop-without-copy", refused),
        ("way-back-order", returned),
        ("stateless", stateless),
        ("one-vnf", clouds),
        ("one-cloud-reach", clouds),
        ("overflow", clouds),
        ("surviving-members", clouds),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_clean_record_passes(check: str, record: object) -> None:
    assert callable(record)
    verdict = judge(check, record())
    assert verdict.status is Status.PASS, verdict.reason


@settings(max_examples=60)
@given(st.floats(0, 580), st.floats(0.11, 20), st.sampled_from([A, B]))
def test_two_holders_for_longer_than_a_look_are_always_found(begin: float, length: float, late: str) -> None:
    """One site takes the identity up while the other still has it, at any time and for any length over one interval."""
    other = B if late == A else A
    overlap = {late: [(begin, begin + length)], other: [(-9.0, 9999.0)]}
    record = replace(long_cut(), holders=samples(overlap, start=begin - 30, end=begin + 40))
    verdict = judge("single-holder", record)
    assert verdict.status is Status.FAIL, verdict.reason
    shown = float(str(verdict.figures["overlap_s"]))
    assert shown <= length + 1e-6  # no more is claimed than is true


@settings(max_examples=60)
@given(st.floats(0.5, 20), st.floats(0, 5), st.integers(0, 2**32))
def test_a_handover_without_overlap_is_never_called_two_holders(at_t: float, gap: float, seed: int) -> None:
    """The second takes over some time after the first let go, none at the least; looks are jittered."""
    looks = samples({A: [(-9, at_t)], B: [(at_t + gap, 9999)]}, start=-2, end=30)

    def jittered(n: int, look: Holding) -> Holding:
        slow = (seed * 31 + n * 7919) % 40_000_000
        return replace(look, done=look.done + slow)

    record = replace(long_cut(), holders=tuple(jittered(n, look) for n, look in enumerate(looks)))
    assert judge("single-holder", record).status is not Status.FAIL


STEPS = {"replicated": "move-replicated-first", "second-serving": "move-serving-first"}


@settings(max_examples=80)
@given(st.sampled_from(sorted(STEPS)), st.floats(-1.4, 1.5), st.floats(0, 0.3))
def test_an_order_is_judged_by_the_truth_or_left_open(step: str, late: float, spread: float) -> None:
    """A step is moved to ``late`` seconds after the first site was stopped; every clock is off by up to ``spread``."""

    def where(event: Event) -> bool:
        return event.kind == "scheme" and event.state == step

    record = edit_events(large_move(), where, t=at(1.5 + late))
    record = edit_events(record, lambda e: e.kind == "scheme" and e.state == "end", t=at(3.2))
    record = edit_events(record, lambda e: e.kind == "scheme", observed={"uncertainty_ns": round(spread * 1e9)})
    record = replace(record, probes=(), history=tuple(op for op in record.history if op.site == B))
    verdict = judge(STEPS[step], record)
    if late > 2 * spread + 1e-6:
        assert verdict.status is Status.FAIL, verdict.reason
    if verdict.status is Status.FAIL:
        assert late > 0
    if verdict.status is Status.PASS:
        assert late < -0.3


@settings(max_examples=30)
@given(st.floats(0.01, 1.09), st.sampled_from(["first-stopping", "first-stopped"]), st.booleans())
def test_a_stop_without_a_copy_is_always_found(t: float, state: str, ok: bool) -> None:
    if state == "first-stopped":
        ok = True
    record = refused()
    record = replace(
        record, events=tuple(sorted([*record.events, scheme("migrate", t, state, A, ok)], key=lambda e: e.t))
    )
    assert judge("no-stop-without-copy", record).status is Status.FAIL


@cache
def attempts() -> tuple[Reach, ...]:
    return large_reach().reachability["second-after"].reaches


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(["first-before", "second-after"]))
def test_one_pair_that_comes_out_otherwise_is_found_and_named(n: int, name: str) -> None:
    record = large_reach()
    seen = record.reachability[name]
    at_ = n % len(seen.reaches)
    victim = seen.reaches[at_]
    turned = replace(victim, reached=not victim.reached)
    reaches = (*seen.reaches[:at_], turned, *seen.reaches[at_ + 1 :])
    record = replace(record, reachability={**record.reachability, name: replace(seen, reaches=reaches)})
    verdict = judge("network", record)
    assert verdict.status is Status.FAIL
    assert verdict.figures["reach_differences"] == 1
    [evidence] = verdict.evidence
    port = "" if victim.port is None else f" {victim.port}"
    assert f"{victim.source} to {victim.target} ({victim.protocol}{port} on {victim.network})" in evidence.text


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_one_pair_between_clouds_that_comes_out_otherwise_is_found(n: int) -> None:
    record = clouds()
    seen = record.reachability["members"]
    at_ = n % len(seen.reaches)
    turned = replace(seen.reaches[at_], reached=not seen.reaches[at_].reached)
    reaches = (*seen.reaches[:at_], turned, *seen.reaches[at_ + 1 :])
    verdict = judge("one-cloud-reach", replace(record, reachability={"members": replace(seen, reaches=reaches)}))
    assert verdict.status is Status.FAIL
    assert verdict.figures["differences"] == 1


MEMBERS = (("members-site-a", "database-0"), ("members-site-a", "frontend-0"), ("members-site-b-after", "frontend-1"))


@settings(max_examples=30)
@given(st.sampled_from(MEMBERS), st.sampled_from(["ERROR", "SHUTOFF", "BUILD", "PAUSED", "dumb"]))
def test_one_member_that_does_not_run_is_found(member: tuple[str, str], how: str) -> None:
    name, label = member
    fields = {"serving": False} if how == "dumb" else {"status": how}
    record = edit_inventory(clouds(), name, edit_object("servers", label, **fields))
    checks = ["one-vnf", "overflow"] + (["surviving-members"] if name == "members-site-b-after" else [])
    for check in checks:
        verdict = judge(check, record)
        assert verdict.status is Status.FAIL
        assert label in verdict.reason


@settings(max_examples=40)
@given(st.sampled_from([op for op in large_move().history if op.f == "write" and op.outcome is Outcome.OK]))
def test_one_write_that_a_move_loses_is_found_and_named(victim: object) -> None:
    key, number = getattr(victim, "key", None), getattr(victim, "id", None)
    verdict = judge("move-acknowledged-writes", edit_read(large_move(), lambda i: [x for x in i if x[0] != key]))
    assert verdict.status is Status.FAIL
    assert [(e.kind, e.ref) for e in verdict.evidence] == [("lost write", str(number))]


@settings(max_examples=20)
@given(st.integers(0, 7))
def test_one_record_that_survives_is_found_where_nothing_should(n: int) -> None:
    verdict = judge("stateless", edit_read(stateless(), lambda items: [*items, (f"b-{n}", f"v{n}")]))
    assert verdict.status is Status.FAIL
    assert f"b-{n} was written before" in verdict.reason
