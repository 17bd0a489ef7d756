"""What became of each fault: injected, seen to bite, healed, seen to be gone, each with what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.model import Event


@dataclass(frozen=True)
class Stage:
    """One stage of a fault: when (CLOCK_MONOTONIC nanoseconds), whether it was as meant, and what was measured."""

    t: int
    ok: bool | None
    detail: str
    observed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FaultRun:
    """One injection of one fault, from its begin to its proven end; a stage that never came is None."""

    name: str
    target: str | None
    skipped: Stage | None = None
    injecting: Stage | None = None
    injected: Stage | None = None
    verified: Stage | None = None
    healing: Stage | None = None
    healed: Stage | None = None
    heal_verified: Stage | None = None

    @property
    def begin(self) -> int:
        """When it began to act, as far as is known."""
        stages = (
            self.injected,
            self.skipped,
            self.injecting,
            self.verified,
            self.healing,
            self.healed,
            self.heal_verified,
        )
        return next(stage.t for stage in stages if stage is not None)

    @property
    def end(self) -> int | None:
        """When it was taken back; None when it never was."""
        stage = self.healed or self.heal_verified
        return stage.t if stage else None

    @property
    def bit(self) -> bool | None:
        """Whether it was seen to bite; None when nobody looked."""
        return self.verified.ok if self.verified else None


_STAGES = ("skipped", "injecting", "injected", "verified", "healing", "healed", "heal-verified")


def fault_runs(events: Iterable[Event]) -> tuple[FaultRun, ...]:
    """The fault events joined into runs, in order of their begin.

    A stage that comes before, or at, the last one seen of the same fault and target begins a new run (flapping). Only
    ``verified`` may come twice: what had bitten was not kept up until it was healed, and the last word counts.
    """
    done: list[FaultRun] = []
    open_runs: dict[tuple[str, str | None], tuple[FaultRun, int]] = {}
    for event in events:
        if event.kind != "fault" or event.state not in _STAGES:
            continue
        key, rank = (event.name, event.target), _STAGES.index(event.state)
        run, last = open_runs.get(key, (FaultRun(event.name, event.target), -1))
        if rank < last or (rank == last and event.state != "verified"):
            done.append(run)
            run = FaultRun(event.name, event.target)
        stage = Stage(event.t, event.ok, event.detail, event.observed)
        changed: dict[str, Any] = {event.state.replace("-", "_"): stage}
        open_runs[key] = (replace(run, **changed), rank)
    done.extend(run for run, _ in open_runs.values())
    return tuple(sorted(done, key=lambda run: run.begin))
