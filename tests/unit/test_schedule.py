"""What a nemesis does is drawn from a seed, the same each time, and can be written down and read again."""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sites_files as files
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from conformance.cli import cli
from conformance.errors import UsageError
from conformance.link_phrases import LINK_PHRASES, find_link_fault, link_fault
from conformance.request import Request, RunOptions, allowed_at
from conformance.resources import features_dir
from conformance.schedule import Needed, Planned, draw, read_schedule, seed_for, write_schedule
from conformance.site_phrases import site_fault
from conformance.sites import load_sites
from conformance.vocabulary import Loose, check_schedule, fault_of, faults_of

SEEDS = st.integers(min_value=0, max_value=2**32 - 1)
SPANS = st.floats(min_value=1, max_value=300)
SENTENCE = "the link is cut"
LINK, ALL = Loose(20, everything=False), Loose(20, everything=True)
EVERYTHING = {(f, at) for f in ("api-silence", "api-errors", "service-kill") for at in ("first", "second")}
SILENT = "the API of the second site falls silent"
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


@given(SEEDS)
def test_where_packets_can_be_got_at_they_are_disturbed_too_and_each_kind_once_before_any_again(seed: int) -> None:
    schedule = draw(seed, 240, packets=True)
    kinds = [planned.sentence.translate(str.maketrans("", "", "0123456789")) for planned in schedule]
    faults = {link_fault(planned.sentence).fault for planned in schedule[:19]}
    assert len(set(kinds[:19])) == 19
    assert {f for f in faults if f.startswith("wan-")} == {
        "wan-delay", "wan-loss", "wan-corruption", "wan-duplication", "wan-reordering", "wan-cut", "wan-one-way-cut",
        "wan-flapping",
    }  # fmt: skip
    check_schedule(schedule)


def test_no_packets_are_disturbed_between_sites_of_no_lab(tmp_path: Path) -> None:
    path = files.write(tmp_path, {"site-a": files.site(1), "site-b": files.site(2)})
    pair = load_sites(path).sites
    drawn = Request.read(RunOptions(seed=5)).scheduled("one", Loose(240, everything=False), pair)
    assert drawn == draw(seed_for(5, "one"), 240)
    assert not any(planned.sentence.startswith("the WAN") for planned in drawn)


def test_packets_are_disturbed_between_sites_of_one_lab(tmp_path: Path) -> None:
    plane = {"driver": "lab", "lab": "no-such-lab"}
    path = files.write(tmp_path, {"site-a": files.site(1, data_plane=plane), "site-b": files.site(2, data_plane=plane)})
    pair = load_sites(path).sites
    drawn = Request.read(RunOptions(seed=5)).scheduled("one", Loose(240, everything=False), pair)
    assert drawn == draw(seed_for(5, "one"), 240, packets=True)
    assert any(planned.sentence.startswith("the WAN") for planned in drawn)


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
    with pytest.raises(UsageError, match="'the link is cutt' disturbs neither .* Did you mean 'the link is cut'"):
        check_schedule((Planned(0, "the link is cutt", 1),))


def test_the_plan_of_a_scenario_holds_every_fault_that_the_nemesis_is_to_inject() -> None:
    sentence = "a nemesis disturbs the link for 30 s"
    schedule = draw(3, 30)
    planned = faults_of(sentence, lambda loose: draw(3, loose.span_s))
    assert planned == tuple(link_fault(p.sentence).fault for p in schedule) and len(planned) > 3
    assert fault_of(sentence) is None


def test_a_run_draws_for_each_scenario_from_its_seed() -> None:
    request = Request.read(RunOptions(seed=5))
    drawn = request.scheduled("one", LINK)
    assert drawn == draw(seed_for(5, "one"), 20, packets=True) != request.scheduled("other", LINK)


def test_a_run_that_is_given_a_schedule_draws_none(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([GOOD]))
    request = Request.read(RunOptions(seed=5, schedule=str(path)))
    assert request.scheduled("one", LINK) == request.scheduled("other", ALL) == (Planned(0, SENTENCE, 2.5),)


def test_the_plan_that_a_dry_run_shows_is_the_schedule_that_is_given(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([GOOD, GOOD | {"at_s": 3, "sentence": "the link answers everything with a reset"}]))
    feature = str(features_dir() / "geo_redundancy" / "nemesis.feature")
    done = CliRunner().invoke(cli, ["run", "--dry-run", "--schedule", str(path), feature])
    assert done.exit_code == 0, done.output
    assert "faults: link-cut, link-reset; judges MS-GR-14" in done.output


def others(seed: int, allowed: set[Needed], span_s: float = 240) -> list[str]:
    """The sentences of a schedule that are not about the link."""
    return [p.sentence for p in draw(seed, span_s, allowed) if find_link_fault(p.sentence) is None]


@given(SEEDS)
def test_a_nemesis_of_everything_disturbs_sites_and_guests_in_between_and_the_same_each_time(seed: int) -> None:
    schedule = draw(seed, 240, EVERYTHING)
    assert schedule == draw(seed, 240, EVERYTHING)
    about_the_link = [find_link_fault(planned.sentence) is not None for planned in schedule]
    assert about_the_link == [n % 2 == 0 for n in range(len(schedule))]
    assert all(b.at_s >= a.at_s + a.lasts_s - 1e-6 for a, b in pairwise(schedule))  # never two sites at once
    check_schedule(schedule)


@given(SEEDS)
def test_what_a_site_does_not_allow_is_not_drawn_for_it(seed: int) -> None:
    struck = [site_fault(sentence) for sentence in others(seed, {("service-kill", "second")})]
    assert {(s.fault, s.which) for s in struck if not s.fault.startswith("vnf-")} <= {("service-kill", "second")}
    assert {s.fault for s in struck} >= {"service-kill", "vnf-hang", "vnf-kill"}
    assert {site_fault(sentence).fault for sentence in others(seed, set())} == {"vnf-hang", "vnf-kill"}


@given(SEEDS)
def test_no_site_is_lost_and_the_first_database_not_killed_by_a_nemesis(seed: int) -> None:
    struck = [site_fault(sentence) for sentence in others(seed, {*EVERYTHING, ("site-loss", "first")}, 400)]
    assert ("vnf-kill", "second") in {(s.fault, s.which) for s in struck}
    assert not {(s.fault, s.which) for s in struck} & {("vnf-kill", "first"), ("site-loss", "first")}


@given(SEEDS)
def test_a_guest_hangs_for_as_long_as_is_planned(seed: int) -> None:
    hangs = [p for p in draw(seed, 240, set()) if fault_of(p.sentence) == "vnf-hang"]
    assert hangs and all(site_fault(p.sentence).lasts_s == p.lasts_s for p in hangs)


def test_what_is_drawn_is_what_both_sites_allow(tmp_path: Path) -> None:
    path = files.write(tmp_path, {"site-a": files.site(1), "site-b": files.site(2, allow_faults=["api-silence"])})
    first, second = load_sites(path).sites
    assert allowed_at((first, second)) == {("api-silence", "second")}
    drawn = Request.read(RunOptions(seed=5)).scheduled("one", Loose(240, everything=True), (first, second))
    assert {p.sentence for p in drawn if fault_of(p.sentence) == "api-silence"} == {SILENT}


def test_the_plan_of_a_nemesis_of_everything_holds_faults_of_every_kind() -> None:
    sentence = "a nemesis disturbs the link, the sites and the VNF for 60 s"
    planned = faults_of(sentence, lambda loose: draw(3, loose.span_s, EVERYTHING if loose.everything else None))
    assert planned == tuple(fault_of(p.sentence) for p in draw(3, 60, EVERYTHING))
    assert faults_of(sentence) == ("faults of the link, the sites and the VNF drawn from the seed",)


def test_a_schedule_may_strike_a_site(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps([GOOD | {"sentence": SILENT}]))
    check_schedule(read_schedule(path))
