"""The events of a run's progress. Each is one line of ``--json-events``; docs/progress-events.md describes them.

Every field is a plain JSON value. ``t`` is the instant as the run folder holds it, CLOCK_MONOTONIC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["pass", "fail", "inconclusive", "error", "not_applicable", "not_tested"]


@dataclass(frozen=True)
class RunStarted:
    """The run has its sites and its folder; nothing has been done to them yet."""

    run_id: str
    product_version: str
    profile: str
    vnf: str
    scheme: str
    seed: int
    sites: tuple[str, ...]
    folder: str
    event: Literal["run-started"] = "run-started"


@dataclass(frozen=True)
class RunPlanned:
    """How many scenarios were selected, and how many of them are carried out at the same time at the most."""

    scenarios: int
    side_by_side: int = 1
    event: Literal["run-planned"] = "run-planned"


@dataclass(frozen=True)
class ScenarioBegun:
    """``number`` counts from 1 in the order in which scenarios were selected; it is what their ids begin with."""

    scenario: str
    number: int
    name: str
    feature: str
    requirements: tuple[str, ...]
    event: Literal["scenario-begun"] = "scenario-begun"


@dataclass(frozen=True)
class PhaseChanged:
    """``state`` is begin or end; ``ok`` is False for a phase that went wrong, and ``detail`` then says how."""

    scenario: str
    t: int
    name: str
    state: str
    ok: bool | None
    detail: str
    event: Literal["phase"] = "phase"


@dataclass(frozen=True)
class FaultChanged:
    """``state`` is injecting, injected, verified, healing, healed, heal-verified or skipped; ``ok`` of verified is
    whether the fault was measured to bite."""

    scenario: str
    t: int
    name: str
    target: str | None
    state: str
    ok: bool | None
    detail: str
    event: Literal["fault"] = "fault"


@dataclass(frozen=True)
class Noted:
    """Anything else that the run folder's events say: ``kind`` is scheme, observation, block, …"""

    scenario: str
    t: int
    kind: str
    name: str
    state: str
    target: str | None
    ok: bool | None
    detail: str
    observed: Mapping[str, Any] = field(default_factory=dict)
    event: Literal["noted"] = "noted"


@dataclass(frozen=True)
class Sample:
    """How the service did in the last ``interval_s`` seconds, counted from what its clients recorded.

    Rates are writes per second; ``error_share`` is the share of the probes that failed, None without probes; latencies
    are of the probes that were answered (done − due), None when none was."""

    scenario: str
    interval_s: float
    writes_per_s: float
    writes_failed_per_s: float
    probes: int
    probes_failed: int
    error_share: float | None
    latency_p50_ms: float | None
    latency_max_ms: float | None
    event: Literal["sample"] = "sample"


@dataclass(frozen=True)
class CheckJudged:
    """The verdict on one Then sentence. ``final`` is False while the run goes on: what happens to the scenario after
    it was judged may still make it worse, never better."""

    scenario: str
    check: str
    phrase: str
    requirements: tuple[str, ...]
    verdict: Verdict
    reason: str
    final: bool = True
    event: Literal["check"] = "check"


@dataclass(frozen=True)
class ScenarioEnded:
    """The scenario came to its end; ``error`` says what went wrong in it, ``duration_s`` is None when it was cut."""

    scenario: str
    error: str | None
    duration_s: float | None
    event: Literal["scenario-ended"] = "scenario-ended"


@dataclass(frozen=True)
class RunEnded:
    """The run's verdict; ``exit_code`` is what the process is going to end with if its reports say so."""

    verdict: Verdict
    exit_code: int
    finished: bool
    folder: str
    event: Literal["run-ended"] = "run-ended"


@dataclass(frozen=True)
class Said:
    """A sentence for people about what is being done; programs have the other events."""

    text: str
    event: Literal["said"] = "said"


ProgressEvent = (
    RunStarted
    | RunPlanned
    | ScenarioBegun
    | PhaseChanged
    | FaultChanged
    | Noted
    | Sample
    | CheckJudged
    | ScenarioEnded
    | RunEnded
    | Said
)
