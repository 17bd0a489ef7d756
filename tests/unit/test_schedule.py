"""What a nemesis does is drawn from a seed, the same each time, and can be written down and read again."""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from conformance.cli import cli
from conformance.errors import UsageError
from conformance.request import Request, RunOptions
from conformance.resources import features_dir
from conformance.schedule import Planned, draw, read_schedule, seed_for, write_schedule
from conformance.vocabulary import LINK_PHRASES, check_schedule, fault_of, faults_of, link_fault

SEEDS = st.integers(min_value=0, max_value=2**32 - 1)
SPANS = st.floats(min_value=1, max_value=300)
SENTENCE = "the link is cut"
GOOD = {"at_s": 0, "sentence": SENTENCE, "lasts_s": 2.5}


@given(SEEDS, SPANS)
def test_the_same_seed_gives_the_same_schedule(seed: int, span_s: float) -> None:
    assert draw(seed, span_s) == draw(seed, span_s)


def test_this_seed_gives_this_schedule_in_every_version_of_python() -> None:
    assert draw(7, 6) == (
        Planned(0.0, "the link answers everything with a reset", 3.0),
        Planned(3.0, "the link closes connections 356 ms late", 1.2),
        Planned(4.3, "the link swallows everything and keeps its connections open", 1.3),
    )


def test_other_seeds_give_other_schedules() -> None:
    assert len({draw(seed, 20) for seed in range(20)}) == 20


@given(SEEDS, SPANS)
def test_disturbances_come_one_after_the_other_within_their_span(seed: int, span_s: float) -> None:
    schedule = draw(seed, span_s)
    assert schedule[0].at_s == 0
    assert all(planned.lasts_s > 0 for planned in schedule)
    assert all(b.at_s >= a.at_s + a.lasts_s - 1e-6 for a, b in pairwise(schedule))
    assert schedule[-1].at_s + schedule[-1].lasts_s <= span_s + 0.05  # times are written with one decimal


@given(SEEDS)
def test_every_disturbance_is_one_of_the_link_and_each_kind_comes_once_before_any_comes_again(seed: int) -> None:
    faults = [link_fault(planned.sentence).fault for planned in draw(seed, 120)]
    kinds = [planned.sentence.translate(str.maketrans("", "", "0123456789")) for planned in draw(seed, 120)]
    assert set(faults) <= {phrase.fault for phrase in LINK_PHRASES}
    assert len(set(kinds[:10])) == 10


def test_some_disturbances_meet_replication_while_it_catches_up_from_the_one_before() -> None:
    gaps = [round(b.at_s - a.at_s - a.lasts_s, 1) for seed in range(20) for a, b in pairwise(draw(seed, 60))]
    assert 0.3 < gaps.count(0.0) / len(gaps) < 0.7


def test_a_span_too_short_for_a_disturbance_is_refused() -> None:
    with pytest.raises(UsageError, match="needs 1 s at least"):
        draw(1, 0.5)


def test_each_scenario_of_a_run_has_a_seed_of_its_own_that_does_not_change() -> None:
    assert seed_for(7, "one") == seed_for(7, "one") != seed_for(7, "other")


@given(SEEDS, st.floats(min_value=1, max_value=60))
def test_what_was_written_is_read_again(seed: int, span_s: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "schedule.json"
        write_schedule(path, draw(seed, span_s))
        assert read_schedule(path) == draw(seed, span_s)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ([], "at least one"),
        ({}, "should be a list"),
        (["a cut"], "disturbance 1 should have at_s"),
        ([GOOD | {"extra": 1}], "and nothing else"),
        ([GOOD | {"at_s": -1}], "seconds from 0"),
        ([GOOD | {"at_s": True}], "seconds from 0"),
        ([GOOD | {"lasts_s": 0}], "seconds above 0"),
        ([GOOD | {"sentence": 5}], "sentence text"),
        ([GOOD, GOOD | {"at_s": 2}], "disturbance 2 begins at 2 s, before the one before it ends"),
    ],
)
def test_a_schedule_that_cannot_be_carried_out_is_refused(content: Any, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UsageError, match=complaint):
        read_schedule(path)


def test_a_schedule_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot read the schedule .*nothing.json"):
        read_schedule(tmp_path / "nothing.json")


def test_a_sentence_that_disturbs_no_link_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(
        UsageError, match="'the link is cutt' does not disturb the link. Did you mean 'the link is cut'"
    ):
        check_schedule((Planned(0, "the link is cutt", 1),))


def test_the_plan_of_a_scenario_holds_every_fault_that_the_nemesis_is_to_inject() -> None:
    sentence = "a nemesis disturbs the link for 30 s"
    schedule = draw(3, 30)
    planned = faults_of(sentence, lambda span_s: draw(3, span_s))
    assert planned == tuple(link_fault(p.sentence).fault for p in schedule) and len(planned) > 3
    assert fault_of(sentence) is None


def test_a_run_draws_for_each_scenario_from_its_seed() -> None:
    request = Request.read(RunOptions(seed=5))
    assert request.scheduled("one", 20) == draw(seed_for(5, "one"), 20) != request.scheduled("other", 20)


def test_a_run_that_is_given_a_schedule_draws_none(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([GOOD]))
    request = Request.read(RunOptions(seed=5, schedule=str(path)))
    assert request.scheduled("one", 20) == request.scheduled("other", 99) == (Planned(0, SENTENCE, 2.5),)


def test_the_plan_that_a_dry_run_shows_is_the_schedule_that_is_given(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([GOOD, GOOD | {"at_s": 3, "sentence": "the link answers everything with a reset"}]))
    feature = str(features_dir() / "geo_redundancy" / "nemesis.feature")
    done = CliRunner().invoke(cli, ["run", "--dry-run", "--schedule", str(path), feature])
    assert done.exit_code == 0, done.output
    assert "faults: link-cut, link-reset; judges MS-GR-14" in done.output
