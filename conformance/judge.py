"""From stored records to verdicts: the same code judges a live run, a finished one and one that was killed half-way.

Nothing here talks to a cloud. The Then sentences of a scenario, as stored with it, name the checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from conformance import waiving
from conformance.checkers.faults_bit import left_out, not_supported
from conformance.checkers.registry import check_for_phrase
from conformance.checkers.registry import judge as judge_check
from conformance.model import ScenarioRecord, Status, Verdict, worst
from conformance.model.results import CheckResult, RequirementResult, RunInfo, RunResult, ScenarioResult
from conformance.store import End, Plan, PlannedScenario, RunFolder


def judge_phrase(phrase: str, record: ScenarioRecord) -> CheckResult:
    """Judge one Then sentence against a record. An unknown sentence is an error, never skipped."""
    check = check_for_phrase(phrase)
    if check is None:
        verdict = Verdict(Status.ERROR, f"No check is known for the sentence {phrase!r}.")
        return CheckResult(record.info.id, "unknown", phrase, record.info.requirements, verdict)
    requirements = tuple(dict.fromkeys((*check.requirements, *record.info.scopes)))
    return CheckResult(record.info.id, check.name, phrase, requirements, judge_check(check.name, record))


def judge_scenario(run: RunFolder, scenario_id: str) -> ScenarioResult:
    """Judge everything one scenario promised to show."""
    record = run.load(scenario_id)
    outcome = run.outcome(scenario_id)
    checks = tuple(judge_phrase(phrase, record) for phrase in record.info.then)
    error = outcome.error if outcome else None
    if error and any(untried in error for untried in (*not_supported(record), *left_out(record))):
        # Nothing went wrong there: what scheme or sites do not have could not be tried, and the checks say so.
        error = outcome.trouble if outcome else None
    if outcome is None:
        error = "The scenario never came to its end: the run was cut short."
    status = worst(c.verdict.status for c in checks)
    if error and status is not Status.FAIL:
        status = Status.ERROR if outcome else worst([status, Status.INCONCLUSIVE])
    return ScenarioResult(
        info=record.info,
        status=status,
        checks=checks,
        error=error,
        finished=outcome is not None,
        duration_s=outcome.duration_s if outcome else None,
        failed_step=outcome.failed_step if outcome else None,
    )


def judge_run(run: RunFolder) -> RunResult:
    """Judge a whole run folder, whatever state it was left in."""
    info, plan, end = run.info(), run.plan(), run.end()
    scenarios = tuple(judge_scenario(run, scenario_id) for scenario_id in run.scenario_ids())
    begun = {s.info.name for s in scenarios}
    missing = tuple(p for p in plan.scenarios if p.name not in begun) if plan else ()
    requirements = waiving.apply(info, (_requirement(r, scenarios, missing) for r in _ids_in_order(info, scenarios)))
    ended = end is not None and not end.interrupted and plan is not None  # what was planned has to be known, too
    finished = ended and not missing and all(s.finished for s in scenarios)
    verdict = _overall(info, requirements, scenarios)
    if verdict is Status.PASS and not finished:
        verdict = Status.INCONCLUSIVE
    if end is not None and end.trouble and verdict is not Status.FAIL:
        verdict = Status.ERROR
    but_for_waivers = verdict if any(r.waiver for r in requirements) else None
    if but_for_waivers is Status.PASS:
        verdict = Status.INCONCLUSIVE
    return RunResult(
        info=info,
        verdict=verdict,
        requirements=requirements,
        scenarios=scenarios,
        finished=finished,
        notes=tuple(_notes(info, plan, end, missing, requirements, but_for_waivers)),
        but_for_waivers=but_for_waivers,
    )


def _notes(
    info: RunInfo,
    plan: Plan | None,
    end: End | None,
    missing: tuple[PlannedScenario, ...],
    requirements: tuple[RequirementResult, ...],
    but_for_waivers: Status | None,
) -> Iterator[str]:
    if but_for_waivers is Status.PASS:
        yield "What is mandatory and was not waived is a pass."
    yield from waiving.notes(info, requirements)
    if plan is not None and len(plan.scenarios) < plan.of:
        yield f"Only {len(plan.scenarios)} of the {plan.of} scenarios of profile {info.profile} were selected."
    if plan is None and end is not None:
        yield "What was planned is not known: its plan.json is missing."
    if missing:
        yield f"Never begun: {'; '.join(p.name for p in missing)}."
    violated = [r.id for r in requirements if r.verdict is Status.FAIL and r.id not in info.mandatory]
    if violated:
        yield f"Violated, though not mandatory in profile {info.profile}: {', '.join(violated)}."
    if end is not None:
        yield from end.trouble


def _ids_in_order(info: RunInfo, scenarios: Iterable[ScenarioResult]) -> tuple[str, ...]:
    judged = [r for s in scenarios for r in s.info.requirements]
    return tuple(dict.fromkeys([*sorted({*info.mandatory, *info.optional}), *sorted(judged)]))


def _requirement(
    requirement: str, scenarios: Iterable[ScenarioResult], missing: tuple[PlannedScenario, ...]
) -> RequirementResult:
    """Fold one requirement over all scenarios. A scenario that went wrong drags its own checks down with it."""
    found: list[tuple[CheckResult, ScenarioResult]] = []
    for scenario in scenarios:
        checks = [c for c in scenario.checks if requirement in c.requirements]
        found += [(_with_scenario_error(c, scenario), scenario) for c in checks]
    if not found:
        return RequirementResult(requirement, Status.NOT_TESTED, "No scenario of this run judged it.")
    status = worst(c.verdict.status for c, _ in found)
    never_begun = [p.name for p in missing if requirement in p.requirements]
    if status is Status.PASS and never_begun:
        reason = f"Held in {_count(found)}, but planned for it and never begun: {'; '.join(never_begun)}."
        return RequirementResult(requirement, Status.INCONCLUSIVE, reason, scenarios=_scenarios_of(found))
    deciding = [(c, s) for c, s in found if c.verdict.status is status]
    check, scenario = deciding[0]
    where = f"{scenario.info.name}: " if len(found) > 1 and status is not Status.PASS else ""
    others = len(_scenarios_of(deciding)) - 1
    more = f" (and in {others} more)" if others and status is not Status.PASS else ""
    reason = (
        f"Held in {_count(deciding)}. {_worst_passing(deciding).verdict.reason}"
        if status is Status.PASS
        else f"{where}{check.verdict.reason}{more}"
    )
    shown = _worst_passing(deciding) if status is Status.PASS else check
    return RequirementResult(
        id=requirement,
        verdict=status,
        reason=reason,
        figures=dict(shown.verdict.figures),
        scenarios=_scenarios_of(found),
    )


def _scenarios_of(checks: Iterable[tuple[CheckResult, ScenarioResult]]) -> tuple[str, ...]:
    """The ids of the scenarios that checks belong to, each once: several checks of one may judge a requirement."""
    return tuple(dict.fromkeys(s.info.id for _, s in checks))


def _count(checks: Iterable[tuple[CheckResult, ScenarioResult]]) -> str:
    n = len(_scenarios_of(checks))
    return "one scenario" if n == 1 else f"all {n} scenarios"


def _worst_passing(passing: list[tuple[CheckResult, ScenarioResult]]) -> CheckResult:
    """Among passes, the one a reader should see: the slowest recovery where that is measured, else the first."""

    def slowness(check: CheckResult) -> float:
        value = check.verdict.figures.get("rto_high_s")
        return float(value) if isinstance(value, (int, float)) else 0.0

    return max((c for c, _ in passing), key=slowness)


def _with_scenario_error(check: CheckResult, scenario: ScenarioResult) -> CheckResult:
    """A check of a scenario that went wrong elsewhere cannot stay a pass, and its doubt has that cause."""
    if scenario.error is None or check.verdict.status not in (Status.PASS, Status.INCONCLUSIVE):
        return check
    status = Status.ERROR if scenario.finished else Status.INCONCLUSIVE
    passed = check.verdict.status is Status.PASS
    reason = f"{scenario.error} {'Without that it would have passed: ' if passed else ''}{check.verdict.reason}"
    return replace(check, verdict=replace(check.verdict, status=status, reason=reason))


def _overall(info: RunInfo, requirements: Iterable[RequirementResult], scenarios: tuple[ScenarioResult, ...]) -> Status:
    """The verdict over the mandatory requirements that are not waived, all if the profile demands none; what was
    mandatory and not tested leaves it inconclusive."""
    counting = [r for r in requirements if r.waiver is None and (r.id in info.mandatory or not info.mandatory)]
    mandatory = [r.verdict for r in counting]
    status = worst(Status.INCONCLUSIVE if v in (Status.NOT_TESTED, Status.NOT_APPLICABLE) else v for v in mandatory)
    if status is Status.PASS and any(s.status is Status.ERROR for s in scenarios):
        return Status.ERROR
    return Status.INCONCLUSIVE if status is Status.NOT_TESTED else status
