"""The few numbers a reader looks for first: how long the service was gone, and what was lost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from conformance.model import Status, Thresholds, worst
from conformance.model.results import CheckResult, RunResult, ScenarioResult
from conformance.model.thresholds import MANUAL
from conformance.report.wording import RPO_OPERATIONS, RPO_SECONDS, RTO_HIGH, RTO_LOW, WORDS, counted, number


@dataclass(frozen=True)
class KeyFigure:
    """``value`` is the worst of the run, ``also`` the same in another unit, ``note`` its limit and where it was seen;
    ``scenario_id`` leads there; ``status`` is what the check that measured it concluded."""

    label: str
    value: str
    note: str
    scenario_id: str | None = None
    also: str = ""
    status: Status | None = None

    @property
    def text(self) -> str:
        """The figure in one line."""
        also = f", {self.also}" if self.also else ""
        verdict = f", {WORDS[self.status].text}" if self.status else ""
        return f"{self.label}: {self.value}{also}{verdict} ({self.note})"


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
    check = _measuring(scenario, RTO_HIGH)
    high = _float(check, RTO_HIGH)
    return None if high is None else Bracket(_float(check, RTO_LOW), high)


def loss(scenario: ScenarioResult) -> tuple[int, float | None] | None:
    """Lost operations and the seconds they reach back, as this scenario's checks measured them, or None."""
    check = _measuring(scenario, RPO_OPERATIONS)
    operations = _float(check, RPO_OPERATIONS)
    return None if operations is None else (round(operations), _float(check, RPO_SECONDS))


def key_figures(result: RunResult) -> tuple[KeyFigure, ...]:
    """The longest recovery and the greatest loss of the run; what was not measured is said to be so."""
    return (_rto(result), _rpo(result))


def _rto(result: RunResult) -> KeyFigure:
    label = "Recovery time (RTO)"
    found = [(bracket, s) for s in result.scenarios if (bracket := recovery(s)) is not None]
    if not found:
        return KeyFigure(label, "not measured", "No scenario measured a recovery.")
    bracket, scenario = max(found, key=lambda pair: pair[0].high)
    where = f"Longest of {len(found)} scenarios: {scenario.info.name}" if len(found) > 1 else _only(scenario)
    since = " from the order to fail over, if one was given" if scenario.info.thresholds.trigger == MANUAL else ""
    note = f"Limit {number(scenario.info.thresholds.rto_s)} s{since}. {where}"
    return KeyFigure(label, str(bracket), note, scenario.info.id, status=_status(scenario, RTO_HIGH))


def _rpo(result: RunResult) -> KeyFigure:
    label = "Data loss (RPO)"
    found = [(lost, s) for s in result.scenarios if (lost := loss(s)) is not None]
    if not found:
        return KeyFigure(label, "not measured", "No scenario compared what was acknowledged with what was there.")
    (operations, seconds), scenario = max(found, key=lambda pair: (pair[0][0], pair[0][1] or 0.0))
    status, where = _status(scenario, RPO_OPERATIONS), _only(scenario)
    if len(found) > 1 and operations:
        where = f"Most of {len(found)} scenarios: {scenario.info.name}"
    elif len(found) > 1:
        where = f"The same in all {len(found)} scenarios"
        status = worst(_status(s, RPO_OPERATIONS) for _, s in found)
    also = "" if seconds is None else f"up to {number(seconds)} s" if seconds else "0 s"
    note = f"Limit {_rpo_limit(scenario.info.thresholds)}. {where}"
    return KeyFigure(label, counted(operations, "operation"), note, scenario.info.id, also, status)


def _rpo_limit(limits: Thresholds) -> str:
    """How many may be lost, how old they may be, or both."""
    operations = [] if limits.rpo_operations is None else [number(limits.rpo_operations)]
    return ", ".join(operations + ([] if limits.rpo_s is None else [f"{number(limits.rpo_s)} s"]))


def _only(scenario: ScenarioResult) -> str:
    return f"In: {scenario.info.name}"


def _measuring(scenario: ScenarioResult, figure: str) -> CheckResult | None:
    """The check whose figures hold a number of that name."""
    return next((check for check in scenario.checks if _float(check, figure) is not None), None)


def _status(scenario: ScenarioResult, figure: str) -> Status:
    check = _measuring(scenario, figure)
    return check.verdict.status if check else Status.NOT_TESTED


def _float(check: CheckResult | None, name: str) -> float | None:
    value = check.verdict.figures.get(name) if check else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return None
    return float(value)
