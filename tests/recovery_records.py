"""Small correct records of what recovers by itself or is brought back: a link that heals, and a faulty update that is
gone back from. Times as in builders: ``at(0)`` is the turning point.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builders import A, B, at, edit_read, info, numbered, pages
from move_records import LIMITS, cut, scheme

from conformance.model import Event, Operation, Outcome, ScenarioRecord

CAUGHT_UP_PHRASES = ("replication catches up when the link heals, and nothing is lost or doubled",)
CLEAN_PHRASES = ("a clean state is regained at the second site, and what was given up for it is stated",)


def look(t: float, ok: bool | None, behind: int | None = 0, since: float | None = None) -> Event:
    """How replication was seen to be; ``since`` is how long ago it was last looked at."""
    observed: dict[str, Any] = {"behind_bytes": behind}
    if since is not None:
        observed["since_last_look_s"] = since
    detail = f"site-a is active, {'protected' if ok else 'unprotected'}."
    return Event(at(t), "observation", "replication", "", "a-b", ok, detail, observed)


def caught_up(writes: int = 55, **changes: Any) -> ScenarioRecord:
    """The link is cut from 0 s to 3.1 s. Replication is whole again at 3.5 s, has handed everything over by 3.7 s, and
    everything is read back at B."""
    there = cut()
    ops = [
        Operation(0, n % 2, "write", at(t), Outcome.OK, at(t + 0.01), f"k-{n}", f"v{n}", A)
        for n, t in enumerate(-2 + i * 5.4 / writes for i in range(writes))
    ]
    kept = [(str(op.key), str(op.value)) for op in ops]
    record = replace(
        there,
        info=replace(there.info, then=CAUGHT_UP_PHRASES, requirements=("MS-GR-14",), name="The link is cut"),
        history=numbered([*ops, *pages(kept, process=2, start=4)]),
        events=(*there.events, look(3.35, False, 900), look(3.5, True, 300, 0.1), look(3.7, True)),
        holders=(),
        probes=(),
    )
    return replace(record, **changes)


def read_again(record: ScenarioRecord, change: Any, start: float, site: str = B) -> ScenarioRecord:
    """The final read found something else, or somewhere else, or at another time."""
    return edit_read(record, change, start=start, site=site, process=2)


def free_of_fault(t: float, ok: bool | None, site: str = B) -> Event:
    """Whether a site was seen to be free of a fault of the software."""
    detail = f"Front-ends at {site} {'go on' if ok else 'still end'}."
    return Event(at(t), "observation", "free-of-fault", "", site, ok, detail)


def recovered(writes: int = 40, later: int = 20, fault: str = "bad-update", **changes: Any) -> ScenarioRecord:
    """The state is kept from -2 s to -1.9 s, ruined at 0 s, and gone back to from 1 s to 3 s; B serves until 6 s and is
    read then. A quarter of the writes from before the fault came after the savepoint. B was seen to be free of a fault
    that records do not show at 5.5 s."""

    def write(n: int, key: str, t: float, site: str) -> Operation:
        return Operation(0, n % 2, "write", at(t), Outcome.OK, at(t + 0.01), f"{key}-{n}", f"v{n}", site)

    step = 8 / writes
    ops = [write(n, "k", -8 + n * step, A) for n in range(writes)]
    ops += [write(n, "w", 3.1 + n * 2.5 / later, B) for n in range(later)]
    kept = [(str(op.key), str(op.value)) for op in ops if not at(-2) < (op.completed or 0) < at(3)]
    ops.append(Operation(0, 0, "write", at(1.5), Outcome.FAIL, at(1.51), "r-0", "vr", A, "503 read-only"))
    ops.append(Operation(0, 3, "write", at(0.9), Outcome.INFO, None, "u-0", "vu", A, "connection broke"))
    phases = Event(at(-9), "phase", "load", "begin"), Event(at(-0.1), "phase", "load", "end")
    events = (
        *phases,
        scheme("savepoint", -2, "begin", "clean", None),
        scheme("savepoint", -1.95, "name-it", "clean"),
        scheme("savepoint", -1.9, "end", "clean"),
        Event(at(0), "fault", fault, "injecting", A),
        Event(at(0.1), "fault", fault, "injected", A),
        Event(at(0.3), "fault", fault, "verified", A, True, "40 of 40 records looked at were ruined."),
        scheme("recover", 1, "begin", B, None),
        scheme("recover", 1.1, "quiesce", A),
        scheme("recover", 2, "stop", A),
        scheme("recover", 2.9, "go-back", B),
        scheme("recover", 3, "end", B),
        *(() if fault == "bad-update" else (free_of_fault(5.5, True),)),
        Event(at(8), "fault", fault, "healing", A),
        Event(at(8.1), "fault", fault, "healed", A),
        Event(at(8.2), "fault", fault, "heal-verified", A, True),
    )
    record = ScenarioRecord(
        info(
            then=CLEAN_PHRASES,
            faults_planned=(fault,),
            thresholds=LIMITS,
            requirements=("MS-GR-09",),
            name="A faulty update",
        ),
        numbered([*ops, *pages(kept, process=2, start=6)]),
        (),
        events,
    )
    return replace(record, **changes)
