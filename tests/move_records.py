"""Small correct records of other scenarios than the loss of a site: a planned move, a move that was called off, a way
back, a cut link, a stateless failover, and one VNF in two clouds. Times as in builders: ``at(0)`` is the turning point.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builders import (
    A,
    B,
    add_events,
    at,
    clean,
    drop_events,
    edit_ops,
    edit_read,
    history,
    info,
    inventories,
    inventory,
    numbered,
    pages,
    probes,
)

from conformance.checkers.expected_reach import expected_reach
from conformance.checkers.one_cloud import as_one
from conformance.model import (
    Event,
    Holding,
    Inventory,
    Operation,
    Outcome,
    Probe,
    Reach,
    Reachability,
    ScenarioRecord,
    Thresholds,
)

POOLS = info().tenant_pools
LIMITS = Thresholds(rto_s=5.0, detect_s=2.0, max_interruption_s=2.0)
SERVICES = (("tcp", 5432), ("tcp", 8080), ("tcp", 8009), ("icmp", None))

MOVE_PHRASES = (
    "the service is replicated to the other site before it is stopped at the first",
    "the second site serves before the first is stopped",
    "the move loses no acknowledged write",
    "after the move the network functions are connected the same way",
    "after the move the same virtual machines are running",
)
REFUSED_PHRASES = ("the first site is not stopped without a copy",)
BACK_PHRASES = (
    "the way back keeps the same order",
    "the way back loses no acknowledged write",
    "the return to the repaired site keeps the same order",
    "the return to the repaired site loses no acknowledged write",
    "every session survives the way back",
    "every session survives the return to the repaired site",
    "after the way back the network functions are connected the same way",
    "after the return to the repaired site the network functions are connected the same way",
    "after the way back the same virtual machines are running",
    "after the return to the repaired site the same virtual machines are running",
)
CUT_PHRASES = (
    "never do two sites hold the same identity at once",
    "no acknowledged write is lost when the link heals",
)
STATELESS_PHRASES = ("the virtual machines start at the second site in their initial state",)
CLOUD_PHRASES = (
    "one VNF has members in two or more clouds",
    "members in different clouds reach exactly whom they would reach in one cloud",
    "the VNF reaches its full number of machines though the first cloud is full",
    "the members in the other clouds keep serving",
)


def scheme(operation: str, t: float, state: str, target: str, ok: bool | None = True, spread: float = 0) -> Event:
    """A step of an operation of the scheme, its clock uncertain by ``spread`` seconds."""
    observed = {"uncertainty_ns": round(spread * 1e9)}
    return Event(at(t), "scheme", operation, state, target, ok, "", observed)


def steps(operation: str, start: float, source: str, to: str) -> list[Event]:
    """An operation in the right order: copied after 0.5 s, serving after 1 s, stopping from 1.2 s to 1.5 s."""
    return [
        scheme(operation, start, "begin", to, None),
        scheme(operation, start + 0.5, "replicated", to),
        scheme(operation, start + 1.0, "second-serving", to),
        scheme(operation, start + 1.2, "first-stopping", source),
        scheme(operation, start + 1.5, "first-stopped", source),
        scheme(operation, start + 1.6, "end", to),
    ]


def load() -> list[Event]:
    return [Event(at(-4), "phase", "load", "begin"), Event(at(-0.1), "phase", "load", "end")]


def told(found: tuple[Probe, ...]) -> tuple[Probe, ...]:
    """Probes that failed were told by both sites that they do not take writes just now."""
    return tuple(p if p.ok else replace(p, error=f"{A}: 503 read-only; {B}: 503 read-only") for p in found)


def moved(before: int = 12, after: int = 8, **changes: Any) -> ScenarioRecord:
    """The service is moved from A to B; for 0.3 s nobody writes."""
    record = ScenarioRecord(
        info(then=MOVE_PHRASES, faults_planned=(), thresholds=LIMITS, requirements=("MS-MT-01",), name="A move"),
        history(before, after, workers=2),
        told(probes(((-4, 0.7, A), (0.7, 1.0, None), (1.0, 4, B)))),
        (*load(), *steps("migrate", 0, A, B), Event(at(3.1), "observation", "data-plane", "", B, None, "None here.")),
        inventories(),
    )
    return replace(record, **changes)


def refused(**changes: Any) -> ScenarioRecord:
    """The link is cut before the move: no copy comes about, the move is called off, and A goes on serving."""
    events = (
        *load(),
        Event(at(-1), "fault", "link-cut", "injecting", "a-b"),
        Event(at(-0.9), "fault", "link-cut", "injected", "a-b"),
        Event(at(-0.8), "fault", "link-cut", "verified", "a-b", True, "Nothing passes."),
        scheme("migrate", 0, "begin", B, None),
        scheme("migrate", 1, "replicated", B, False),
        scheme("migrate", 1.1, "end", B, False),
        Event(at(5), "fault", "link-cut", "healing", "a-b"),
        Event(at(5.1), "fault", "link-cut", "healed", "a-b"),
        Event(at(5.2), "fault", "link-cut", "heal-verified", "a-b", True),
    )
    record = ScenarioRecord(
        info(then=REFUSED_PHRASES, faults_planned=("link-cut",), thresholds=LIMITS, requirements=("MS-MT-06",)),
        (),
        probes(((-4, 4, A),)),
        events,
    )
    return replace(record, **changes)


def returned(**changes: Any) -> ScenarioRecord:
    """After a move to B, where one more session is opened, the service is brought back to A at 10 s, where all sessions
    are used and the VNF is looked at again."""
    there = moved(8, 4)
    ops = [op for op in there.history if op.f not in ("scan", "use-session")]
    late = {"key": "subscriber-late", "value": "token-late"}
    ops.append(Operation(0, 3, "open-session", at(6), Outcome.OK, at(6.01), site=B, **late))
    written = [
        Operation(0, n % 2, "write", at(t), Outcome.OK, at(t + 0.01), f"{site}-{n}", f"x{n}", site)
        for site, start in ((B, 6.0), (A, 12.0))
        for n, t in enumerate(start + i * 0.2 for i in range(20 if site == B else 5))
    ]
    ops += written
    kept = [(op.key or "", op.value or "") for op in ops if op.f == "write" and op.outcome is Outcome.OK]
    ops += [
        Operation(0, 2, "use-session", at(t), Outcome.OK, at(t + 0.005), op.key, op.value, A, final=True)
        for t, op in zip((14.8, 14.81, 14.82), [op for op in ops if op.f == "open-session"], strict=True)
    ]
    record = replace(
        there,
        info=replace(there.info, then=BACK_PHRASES, requirements=("MS-MT-07", "MS-GR-15"), name="A way back"),
        history=numbered([*ops, *pages(kept, process=2, start=14, site=A)]),
        events=(
            *there.events,
            *steps("failback", 10, B, A),
            Event(at(13.6), "observation", "data-plane", "", A, None, "None here."),
        ),
        inventories={**there.inventories, "first-after": inventory(A, taken=13.8)},
        probes=told(probes(((-4, 0.7, A), (0.7, 1, None), (1, 10.7, B), (10.7, 11, None), (11, 13.5, A)), 0.05)),
    )
    return replace(record, **changes)


def samples(
    holders: dict[str, list[tuple[float, float]]],
    start: float = -2,
    end: float = 5,
    every: float = 0.1,
    silent: dict[str, tuple[float, float]] | None = None,
    identity: str = "database",
) -> tuple[Holding, ...]:
    """Looks on a fixed schedule. ``holders`` says from when to when each site holds the identity, ``silent`` when one
    does not answer. A look takes 4 ms; the truth it states is that of its middle."""
    found = []
    for n in range(round((end - start) / every)):
        sent = start + n * every
        for site, times in holders.items():
            quiet = (silent or {}).get(site)
            active: bool | None = any(a <= sent + 0.002 < b for a, b in times)
            if quiet and quiet[0] <= sent < quiet[1]:
                active = None
            found.append(Holding(at(sent), at(sent + 0.004), identity, site, active))
    return tuple(found)


def cut(**changes: Any) -> ScenarioRecord:
    """The link is cut for 3 s. A goes on holding the identity, and everything that it acknowledges is there at last."""
    ops = [
        Operation(0, n % 2, "write", at(t), Outcome.OK, at(t + 0.01), f"k-{n}", f"v{n}", A)
        for n, t in enumerate(-2 + i * 0.1 for i in range(55))
    ]
    kept = [(str(op.key), str(op.value)) for op in ops]
    events = (
        Event(at(-4), "phase", "load", "begin"),
        Event(at(0), "fault", "link-cut", "injecting", "a-b"),
        Event(at(0.05), "fault", "link-cut", "injected", "a-b"),
        Event(at(0.3), "fault", "link-cut", "verified", "a-b", True, "Nothing passes."),
        Event(at(3), "fault", "link-cut", "healing", "a-b"),
        Event(at(3.1), "fault", "link-cut", "healed", "a-b"),
        Event(at(3.3), "fault", "link-cut", "heal-verified", "a-b", True),
    )
    record = ScenarioRecord(
        info(then=CUT_PHRASES, faults_planned=("link-cut",), thresholds=LIMITS, requirements=("MS-GR-13",)),
        numbered([*ops, *pages(kept, process=2, start=4, site=A)]),
        probes(((-2, 3.9, A),), 0.1),
        events,
        holders=samples({A: [(-9, 9)], B: []}),
    )
    return replace(record, **changes)


def stateless(**changes: Any) -> ScenarioRecord:
    """A is lost; the VMs start at B with nothing of what was before."""
    record = clean(history=history(8, 8, workers=2))
    record = edit_read(record, lambda items: [i for i in items if i[0].startswith("a-")])
    record = edit_ops(record, lambda o: o.f == "use-session", outcome=Outcome.FAIL, error="404 unknown session")
    record = replace(record, info=replace(record.info, then=STATELESS_PHRASES, requirements=("MS-GR-04",)))
    return replace(record, **changes)


def part(site: str, labels: tuple[str, ...], taken: float) -> Inventory:
    """The members of ``labels`` that are at ``site``."""
    whole = inventory(site, taken=taken)
    servers = tuple(s for s in whole.servers if s.label in labels)
    ids = {s.id for s in servers} | {r.id for r in whole.routers}
    return replace(whole, servers=servers, ports=tuple(p for p in whole.ports if p.device_id in ids))


def as_observed(reaches: tuple[Reach, ...]) -> tuple[Reach, ...]:
    """Attempts that came out as expected; what the records do not decide was not tried."""
    return tuple(r for r in reaches if r.reached is not None)


def clouds(**changes: Any) -> ScenarioRecord:
    """One VNF, two members at A and one at B because A was full; then A is lost."""
    here, there = part(A, ("database-0", "frontend-0"), -4), part(B, ("frontend-1",), -4)
    reaches = as_observed(expected_reach(as_one({A: here, B: there}, POOLS), SERVICES))
    refusal = Event(at(-4.5), "observation", "capacity-refused", "", A, True, "No valid host was found.", {"wanted": 3})
    wanted = Event(
        at(-4.8), "observation", "members-wanted", "", A, True, "3 members were to be placed.", {"wanted": 3}
    )
    record = add_events(clean(history=history(8, 8, workers=2)), wanted, refusal)
    record = replace(
        record,
        info=replace(record.info, then=CLOUD_PHRASES, requirements=("MS-DC-01", "MS-DC-02", "MS-DC-03", "MS-DC-04")),
        inventories={
            "members-site-a": here,
            "members-site-b": there,
            "members-site-b-after": part(B, ("frontend-1",), 3),
        },
        reachability={"members": Reachability(A, at(-3.9), at(-3.5), reaches)},
    )
    return replace(record, **changes)


def seen_reach(record: ScenarioRecord, name: str, began: float, ended: float) -> Reachability:
    """Attempts at the site of an inventory, each with the outcome that its rules ask for."""
    there = record.inventories[name]
    return Reachability(there.site, at(began), at(ended), as_observed(expected_reach(there, SERVICES)))


def observed() -> ScenarioRecord:
    """The loss of a site, with reachability observed at both."""
    record = drop_events(clean(), lambda e: e.kind == "observation" and e.name == "data-plane")
    reachability = {
        "first-before": seen_reach(record, "first-before", -3.5, -3.2),
        "second-after": seen_reach(record, "second-after", 3.2, 3.5),
    }
    return replace(record, reachability=reachability)


def returned_observed() -> ScenarioRecord:
    """A way back, with reachability observed at the first site before the move and after the return."""
    record = drop_events(returned(), lambda e: e.kind == "observation" and e.name == "data-plane")
    reachability = {
        "first-before": seen_reach(record, "first-before", -3.5, -3.2),
        "first-after": seen_reach(record, "first-after", 13.2, 13.5),
    }
    return replace(record, reachability=reachability)
