"""The few numbers a reader looks for first: how long the service was gone, and what was lost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from conformance.model.results import CheckResult, RunResult, ScenarioResult
from conformance.report.wording import RPO_OPERATIONS, RPO_SECONDS, RTO_HIGH, RTO_LOW, counted, number


@dataclass(frozen=True)
class KeyFigure:
    """``value`` is the worst of the run, ``also`` the same in another unit, ``note`` its limit and where it was seen;
    ``scenario_id`` leads there."""

    label: str
    value: str
    note: str
    scenario_id: str | None = None
    also: str = ""

    @property
    def text(self) -> str:
        """The figure in one line."""
        return f"{self.label}: {self.value}{f', {self.also}' if self.also else ''} ({self.note})"


@dataclass(frozen=True)
class Bracket:
    """A recovery time as an interval in seconds: at least ``low``, at most ``high``, which is infinite while the
    service was not seen back."""

    low: float | None
    high: float

    @property
    def endless(self) -> bool:
        """Whether the service never came back."""
        return math.isinf(self.high)

    def __str__(self) -> str:
        if self.endless:
            return "not seen back" if self.low is None else f"at least {number(self.low)} s"
        if self.low is None:
            return f"at most {number(self.high)} s"
        return f"{number(self.low)} – {number(self.high)} s"


def recovery(scenario: ScenarioResult) -> Bracket | None:
    """The recovery time that this scenario's checks measured, or None when none did."""
    for check in scenario.checks:
        high = _float(check, RTO_HIGH)
        if high is not None:
            return Bracket(_float(check, RTO_LOW), high)
    return None


def loss(scenario: ScenarioResult) -> tuple[int, float | None] | None:
    """Lost operations and the seconds they span, as this scenario's checks measured them, or None."""
    for check in scenario.checks:
        operations = _float(check, RPO_OPERATIONS)
        if operations is not None and math.isfinite(operations):
            return round(operations), _float(check, RPO_SECONDS)
    return None


def key_figures(result: RunResult) -> tuple[KeyFigure, ...]:
    """The longest recovery and the greatest loss of the run; what was not measured is said to be so."""
    return (_rto(result), _rpo(result))


def _rto(result: RunResult) -> KeyFigure:
    label = "Recovery time (RTO)"
    found = [(bracket, s) for s in result.scenarios if (bracket := recovery(s)) is not None]
    if not found:
        return KeyFigure(label, "not measured", "No scenario measured a recovery.")
    bracket, scenario = max(found, key=lambda pair: pair[0].high)
    limit = f"Limit {number(scenario.info.thresholds.rto_s)} s"
    return KeyFigure(label, str(bracket), f"{limit}. {_where('Longest', len(found), scenario)}", scenario.info.id)


def _rpo(result: RunResult) -> KeyFigure:
    label = "Acknowledged writes lost (RPO)"
    found = [(lost, s) for s in result.scenarios if (lost := loss(s)) is not None]
    if not found:
        return KeyFigure(label, "not measured", "No scenario compared what was acknowledged with what was there.")
    (operations, seconds), scenario = max(found, key=lambda pair: (pair[0][0], pair[0][1] or 0.0))
    value = counted(operations, "operation")
    also = "" if seconds is None else f"up to {number(seconds)} s" if seconds else "0 s"
    which = "Most" if operations else "Same"
    note = f"Limit {number(scenario.info.thresholds.rpo_operations)}. {_where(which, len(found), scenario)}"
    return KeyFigure(label, value, note, scenario.info.id, also)


def _where(which: str, among: int, scenario: ScenarioResult) -> str:
    if among == 1:
        return f"In: {scenario.info.name}"
    if which == "Same":
        return f"The same in all {among} scenarios"
    return f"{which} of {among} scenarios: {scenario.info.name}"


def _float(check: CheckResult, name: str) -> float | None:
    value = check.verdict.figures.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return float(value)
