"""What a judged run amounts to: the values that reports are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.model.record import ScenarioInfo
from conformance.model.verdict import FigureValue, Status, Verdict
from conformance.model.waiver import Waiver


@dataclass(frozen=True)
class SiteInfo:
    """One site as the run knew it; never a secret."""

    name: str
    cloud: str
    region: str | None = None
    identity_endpoint: str | None = None


@dataclass(frozen=True)
class RunInfo:
    """What was asked of a run (run.json). ``started_wall`` is ISO 8601 with zone; ``started`` the same instant on
    CLOCK_MONOTONIC in nanoseconds. ``mandatory`` and ``optional`` are requirement ids from the profile, of which
    ``profile_version`` is the version (None in runs from before it was kept)."""

    run_id: str
    product_version: str
    profile: str
    seed: int
    vnf: str
    scheme: str
    started_wall: str
    started: int
    sites: tuple[SiteInfo, ...] = ()
    command_line: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mandatory: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    faults_enabled: bool = True
    profile_version: int | None = None
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """One Then step judged."""

    scenario_id: str
    check: str
    phrase: str
    requirements: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class ScenarioResult:
    """One scenario: its checks and, where a phase went wrong, ``error`` in one sentence. ``failed_step`` is which of
    its steps (from 0) could not be carried out, None when none or when that is not known."""

    info: ScenarioInfo
    status: Status
    checks: tuple[CheckResult, ...]
    error: str | None = None
    finished: bool = True
    duration_s: float | None = None
    failed_step: int | None = None


@dataclass(frozen=True)
class RequirementResult:
    """A requirement over all scenarios that judged it; ``scenarios`` are scenario ids. ``waiver`` is one by which the
    run's verdict does without it; its own verdict is what it is."""

    id: str
    verdict: Status
    reason: str
    figures: Mapping[str, FigureValue] = field(default_factory=dict)
    scenarios: tuple[str, ...] = ()
    waiver: Waiver | None = None


@dataclass(frozen=True)
class RunResult:
    """The whole run. ``exit_code``: 0 pass, 1 fail, 2 inconclusive, 3 error. ``notes`` are sentences that a reader of
    the verdict must know: what was left out, what was violated though optional, what went wrong at the end.
    ``but_for_waivers`` is the verdict over what was not waived, None where nothing was: a run that leans on a waiver is
    never a pass."""

    info: RunInfo
    verdict: Status
    requirements: tuple[RequirementResult, ...]
    scenarios: tuple[ScenarioResult, ...]
    finished: bool = True
    notes: tuple[str, ...] = ()
    but_for_waivers: Status | None = None

    @property
    def exit_code(self) -> int:
        """The process exit code that this verdict stands for."""
        return {Status.PASS: 0, Status.FAIL: 1, Status.ERROR: 3}.get(self.verdict, 2)
