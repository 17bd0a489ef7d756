"""Verdicts add up honestly: nothing that went wrong can be outvoted by passes."""

import json
import shutil
from pathlib import Path

import pytest

from conformance.errors import UsageError
from conformance.judge import judge_run
from conformance.model import ScenarioInfo, Status, Thresholds, worst
from conformance.model.results import RunInfo
from conformance.store import PLAN_FILE, End, Outcome, Plan, PlannedScenario, RunFolder

GOOD = Path(__file__).parents[2] / "fixtures" / "histories" / "good"
DATA_CHECK = "no acknowledged write is lost"


def run_folder(folder: Path, **changes: object) -> RunFolder:
    asked = {
        "run_id": "run-1",
        "product_version": "0",
        "profile": "smoke",
        "seed": 1,
        "vnf": "subscriber-db-sync",
        "scheme": "reference",
        "started_wall": "2026-01-01T00:00:00+00:00",
        "started": 0,
        "mandatory": ("MS-GR-05",),
    }
    return RunFolder.create(folder, RunInfo(**{**asked, **changes}))


def scenario(then: tuple[str, ...] = (DATA_CHECK,)) -> ScenarioInfo:
    return ScenarioInfo(
        id="01-one",
        name="one",
        feature="feature",
        requirements=("MS-GR-05",),
        then=then,
        faults_planned=("site-loss",),
        first_site="site-a",
        second_site="site-b",
        thresholds=Thresholds(),
    )


def test_of_nothing_the_verdict_is_not_tested() -> None:
    assert worst([]) is Status.NOT_TESTED


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([Status.PASS, Status.PASS], Status.PASS),
        ([Status.PASS, Status.INCONCLUSIVE], Status.INCONCLUSIVE),
        ([Status.INCONCLUSIVE, Status.ERROR], Status.ERROR),
        ([Status.ERROR, Status.FAIL, Status.PASS], Status.FAIL),
        ([Status.PASS, Status.NOT_TESTED], Status.PASS),
        ([Status.NOT_TESTED, Status.NOT_APPLICABLE], Status.NOT_APPLICABLE),
    ],
)
def test_the_worst_of_several_statuses_stands(statuses: list[Status], expected: Status) -> None:
    assert worst(statuses) is expected


def test_a_run_without_scenarios_is_inconclusive(tmp_path: Path) -> None:
    result = judge_run(run_folder(tmp_path))
    assert (result.verdict, result.exit_code) == (Status.INCONCLUSIVE, 2)
    assert [r.verdict for r in result.requirements] == [Status.NOT_TESTED]


def test_a_scenario_that_was_only_begun_is_never_a_pass(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    folder.begin_scenario(scenario())
    result = judge_run(folder)
    assert result.verdict is Status.INCONCLUSIVE
    assert not result.finished


def test_a_scenario_that_ended_in_an_error_makes_the_run_an_error(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    folder.begin_scenario(scenario())
    folder.end_scenario("01-one", Outcome("site-a does not answer", 1.0))
    result = judge_run(folder)
    assert result.scenarios[0].status is Status.ERROR
    assert result.scenarios[0].error == "site-a does not answer"
    assert result.verdict is not Status.PASS


def test_what_the_scheme_does_not_have_is_doubt_and_no_error(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    where = folder.begin_scenario(scenario())
    missing = "The scheme x does not support savepoint."
    event = {"t": 1, "kind": "scheme", "name": "savepoint", "state": "not-supported", "detail": missing}
    (where / "events.jsonl").write_text(json.dumps(event) + "\n")
    folder.end_scenario("01-one", Outcome(f"inconclusive: {missing}", 1.0, 4))
    result = judge_run(folder)
    assert (result.verdict, result.scenarios[0].status) == (Status.INCONCLUSIVE, Status.INCONCLUSIVE)
    assert missing in result.scenarios[0].checks[0].verdict.reason
    folder.end_scenario("01-one", Outcome("While healing: site-a does not answer", 1.0))
    assert judge_run(folder).scenarios[0].status is Status.ERROR


def test_trouble_while_cleaning_up_after_what_could_not_be_tried_is_an_error(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    where = folder.begin_scenario(scenario())
    missing = "Packets between site-a and site-b cannot be disturbed."
    event = {"t": 1, "kind": "fault", "name": "site-loss", "state": "skipped", "ok": False, "detail": missing}
    (where / "events.jsonl").write_text(json.dumps(event) + "\n")
    folder.end_scenario("01-one", Outcome(f"inconclusive: {missing}", 1.0, 0, True))
    assert (judge_run(folder).scenarios[0].error, judge_run(folder).verdict) == (None, Status.INCONCLUSIVE)
    trouble = "While removing what was created: site-b does not answer."
    folder.end_scenario("01-one", Outcome(f"inconclusive: {missing}", 1.0, 0, True, trouble))
    result = judge_run(folder)
    assert (result.scenarios[0].error, result.scenarios[0].status, result.exit_code) == (trouble, Status.ERROR, 3)


def test_a_sentence_that_no_check_stands_behind_is_an_error(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    folder.begin_scenario(scenario(then=("all is well",)))
    folder.end_scenario("01-one", Outcome(None, 1.0))
    assert judge_run(folder).scenarios[0].status is Status.ERROR


def test_a_damaged_line_in_the_record_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    where = folder.begin_scenario(scenario())
    (where / "events.jsonl").write_text('{"t": 1, "kind": "phase", "name": "load"}\n{"t": "soon"}\n')
    folder.end_scenario("01-one", Outcome(None, 1.0))
    result = judge_run(folder)
    assert result.verdict is Status.ERROR
    assert "events.jsonl line 2" in result.scenarios[0].checks[0].verdict.reason


def passing_run(folder: Path, planned: int, of: int) -> RunFolder:
    """A run folder whose one scenario is a recorded one that passes."""
    run = run_folder(folder, mandatory=("MS-GR-01",))
    shutil.copytree(GOOD / "clean", run.scenario_folder("01-one"))
    info = run.load("01-one").info
    run.end_scenario("01-one", Outcome(None, 1.0))
    more = [PlannedScenario(f"number {n}", ("MS-GR-01",)) for n in range(2, planned + 1)]
    run.write_plan(Plan((PlannedScenario(info.name, ("MS-GR-01",)), *more), of))
    return run


def vim_verdict(run: RunFolder) -> tuple[Status, Status]:
    result = judge_run(run)
    return result.verdict, next(r.verdict for r in result.requirements if r.id == "MS-GR-01")


def test_a_run_that_came_to_its_end_passes(tmp_path: Path) -> None:
    run = passing_run(tmp_path, planned=1, of=1)
    run.write_end(End(interrupted=False, trouble=()))
    assert vim_verdict(run) == (Status.PASS, Status.PASS)


def test_a_run_killed_between_two_scenarios_is_not_a_pass(tmp_path: Path) -> None:
    run = passing_run(tmp_path, planned=3, of=3)
    assert vim_verdict(run) == (Status.INCONCLUSIVE, Status.INCONCLUSIVE)
    assert "Never begun: number 2; number 3." in judge_run(run).notes


def test_a_run_without_an_end_is_not_a_pass(tmp_path: Path) -> None:
    assert vim_verdict(passing_run(tmp_path, planned=1, of=1))[0] is Status.INCONCLUSIVE


def test_a_run_of_which_nobody_knows_what_was_planned_is_not_a_pass(tmp_path: Path) -> None:
    run = passing_run(tmp_path, planned=1, of=3)
    run.write_end(End(interrupted=False, trouble=()))
    (tmp_path / PLAN_FILE).unlink()
    assert vim_verdict(run)[0] is Status.INCONCLUSIVE
    assert judge_run(run).notes == ("What was planned is not known: its plan.json is missing.",)


def test_an_interrupted_run_is_not_a_pass(tmp_path: Path) -> None:
    run = passing_run(tmp_path, planned=1, of=1)
    run.write_end(End(interrupted=True, trouble=()))
    assert vim_verdict(run)[0] is Status.INCONCLUSIVE


def test_trouble_at_the_end_of_a_run_is_an_error(tmp_path: Path) -> None:
    run = passing_run(tmp_path, planned=1, of=1)
    run.write_end(End(interrupted=False, trouble=("The lab could not be taken down.",)))
    assert vim_verdict(run)[0] is Status.ERROR


def test_a_selection_says_that_it_is_one(tmp_path: Path) -> None:
    run = passing_run(tmp_path, planned=1, of=3)
    run.write_end(End(interrupted=False, trouble=()))
    assert judge_run(run).notes == ("Only 1 of the 3 scenarios of profile smoke were selected.",)


def test_a_damaged_outcome_names_its_file(tmp_path: Path) -> None:
    run = passing_run(tmp_path, planned=1, of=1)
    (run.scenario_folder("01-one") / "outcome.json").write_text('{"err')
    with pytest.raises(UsageError, match="outcome.json is damaged"):
        judge_run(run)


def test_a_mandatory_requirement_that_nothing_judged_leaves_the_run_inconclusive(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, mandatory=("MS-GR-05", "MS-GR-08"))
    verdicts = {r.id: r.verdict for r in judge_run(folder).requirements}
    assert verdicts == {"MS-GR-05": Status.NOT_TESTED, "MS-GR-08": Status.NOT_TESTED}


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("good/way-back", "Held in one scenario. By the log"),
        ("bad/way-back-gone-wrong", "A way back: site-b was stopped 0.300 s at least before"),
    ],
)
def test_several_checks_of_one_scenario_are_not_counted_as_scenarios(tmp_path: Path, stored: str, said: str) -> None:
    run = run_folder(tmp_path, mandatory=("MS-MT-07",))
    shutil.copytree(GOOD.parent / stored, run.scenario_folder("01-one"))
    (result,) = (r for r in judge_run(run).requirements if r.id == "MS-MT-07")
    assert result.reason.startswith(said), result.reason
    assert "more)" not in result.reason
    assert len(result.scenarios) == 1
