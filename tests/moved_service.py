"""Records of a service that is moved as planned: what is planted in them is known exactly.

Times are seconds from the beginning of the move. Probes take a fixed mixture of times; clients ask one after the other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from builders import A, B, info, numbered
from load_blocks import BASE, shape

from conformance.model import Event, Operation, Outcome, Probe, ScenarioRecord, Thresholds

PHRASE = "the move does not disturb the service beyond the margin"
Span = tuple[float, float]


def when(seconds: float) -> int:
    """Seconds from the beginning of the move as the instant in nanoseconds."""
    return 100_000_000_000 + round(seconds * 1e9)


@dataclass(frozen=True)
class Moved:
    """What the record is made of. The service is away in ``away``; answers that would fall into ``stalled`` come at
    its end. During the move everything takes ``slower`` longer (a factor minus one), the slowest tenth ``tail`` on
    top; before it, it changes by ``drift`` a second. Every n-th probe and operation during the move fails with
    ``failing`` = n (0: none). ``ok`` and ``ended`` are what the scheme says of the move's end."""

    seed: int = 1
    before: float = 12.0
    lasts: float = 10.0
    after: float = 1.0
    period: float = 0.02
    away: Sequence[Span] = ()
    stalled: Sequence[Span] = ()
    slower: float = 0.0
    tail: float = 0.0
    drift: float = 0.0
    failing: int = 0
    failing_before: int = 0
    late: float = 0.0
    clients: int = 4
    operation: float = 0.08
    ok: bool | None = True
    ended: bool = True
    uncertainty: int = 0
    limits: Thresholds = Thresholds(max_interruption_s=1.0, degradation_margin=0.25)


def moved(plan: Moved = Moved(), **changes: Any) -> ScenarioRecord:
    """The record of such a move."""
    plan = replace(plan, **changes)
    states = [("begin", 0.0, None), ("replicated", 0.6, None), ("second-serving", 0.7, None)]
    states += [("first-stopping", 0.8, None), ("first-stopped", 0.9, None)]
    states += [("end", 1.0, plan.ok)] if plan.ended else []
    events = tuple(
        Event(when(part * plan.lasts), "scheme", "migrate", state, B, ok, "", {"uncertainty_ns": plan.uncertainty})
        for state, part, ok in states
    )
    return ScenarioRecord(
        info=info(
            id="02-move", name="A planned move", feature="Maintenance", requirements=("MS-MT-02",), then=(PHRASE,),
            faults_planned=(), thresholds=plan.limits, probe_interval_ns=round(plan.period * 1e9),
        ),
        history=_history(plan),
        probes=_probes(plan),
        events=events,
    )  # fmt: skip


def _probes(plan: Moved) -> tuple[Probe, ...]:
    rng = random.Random(plan.seed)
    quantiles = [(k + 0.5) / 50 for k in range(50)]
    found = []
    for n in range(round((plan.before + plan.lasts + plan.after) / plan.period)):
        # Of every fifty probes each quantile once: hardly anything of a percentile is chance.
        if n % 50 == 0:
            rng.shuffle(quantiles)
        u = quantiles[n % 50]
        due = n * plan.period - plan.before
        sent = due + plan.late
        moving = 0 <= due < plan.lasts
        took = BASE * shape(u) * (1 + plan.drift * min(0.0, due))
        if moving:
            took *= (1 + plan.slower) * (1 + (plan.tail if u > 0.9 else 0))
        ok = _answered(plan, sent, n)
        done = next((end for begin, end in plan.stalled if begin <= sent < end), sent) + took
        site = B if due >= 0.7 * plan.lasts else A
        found.append(Probe(n, when(due), when(sent), when(done), ok, site if ok else None, None if ok else f"{A}: 503"))
    return tuple(found)


def _answered(plan: Moved, t: float, n: int) -> bool:
    every = plan.failing if 0 <= t < plan.lasts else plan.failing_before if t < 0 else 0
    return not any(begin <= t < end for begin, end in plan.away) and not (every and n % every == 0)


def _history(plan: Moved) -> tuple[Operation, ...]:
    ops = []
    for client in range(plan.clients):
        t, k = -plan.before + client * plan.operation / plan.clients, 0
        while t < plan.lasts + plan.after:
            ok = _answered(plan, t, k)
            outcome, error = (Outcome.OK, None) if ok else (Outcome.FAIL, "503 moving")
            site = B if t >= 0.7 * plan.lasts else A
            done = when(t + plan.operation)
            ops.append(Operation(0, client, "write", when(t), outcome, done, f"w{client}-{k}", "v", site, error))
            t += plan.operation
            k += 1
    return numbered(ops)
