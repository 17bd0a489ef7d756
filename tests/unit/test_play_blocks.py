"""Measuring with and without replication: blocks in the drawn order, each noted from its beginning to its end, with
replication on afterwards whatever the noise asked for."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.model import Event, Observation
from conformance.play import blocks
from conformance.records import read_events
from conformance.statistics.planning import RoundPlan
from conformance.statistics.schedule import REPLICATED, block_schedule
from conformance.store import EventLog

PILOT, SEED = 3, 7


class Bench:
    """Stage, subject and clients of pure logic: replication is a switch, a block takes no time."""

    def __init__(self, folder: Path, *, obeys: bool = True) -> None:
        self.path = folder / "events.jsonl"
        self.log = EventLog(self.path)
        self.replicates = True
        self.switched: list[bool] = []
        self.watched: list[float] = []
        self.seen: list[Observation] = []
        self._obeys = obeys
        self.spare = 2

    def switch(self, wanted: bool) -> None:
        self.switched.append(wanted)
        if self._obeys:
            self.replicates = wanted

    def measure(self) -> list[Event]:
        settings = SimpleNamespace(pilot_rounds=PILOT, max_rounds=9, spare_rounds=self.spare, warmup_s=0.5, block_s=2.0)
        stage: Any = SimpleNamespace(
            profile=SimpleNamespace(blocks=settings),
            phase=lambda *_: nullcontext(),
            say=lambda _: None,
            events=self.log,
            observe=lambda _name, _target, seen: self.seen.append(seen),
            info=SimpleNamespace(id="01-one", first_site="site-a", thresholds=SimpleNamespace(degradation_margin=0.1)),
            session=SimpleNamespace(
                request=SimpleNamespace(seed=SEED, options=SimpleNamespace(sites="sites.yaml")),
                folder=SimpleNamespace(load=lambda _: read_events(self.path)[0]),
            ),
        )
        scheme = SimpleNamespace(status=lambda: SimpleNamespace(protected=self.replicates))
        subject: Any = SimpleNamespace(replication=self.switch, scheme=scheme)
        clients: Any = SimpleNamespace(offered_per_s=None, watch=self.watched.append)
        blocks.measure_in_blocks(stage, subject, clients)
        self.log.close()
        return [e for e in read_events(self.path)[0] if e.kind == "block"]


def planning(
    monkeypatch: pytest.MonkeyPatch, *rounds: int, capped: bool = False, disturbed: frozenset[int] = frozenset()
) -> None:
    """After the pilot, and again after more, the noise asks for these."""
    plans = [RoundPlan(rounds=n, needed={"throughput": n}, capped=capped) for n in rounds]
    for name in ("blocks_of", "measure", "log_ratios"):
        monkeypatch.setattr(blocks, name, lambda *_: None)
    monkeypatch.setattr(blocks, "read_blocks", lambda record: record)
    monkeypatch.setattr(blocks, "whole_rounds", lambda events: {e.observed["round"] for e in events})
    monkeypatch.setattr(blocks, "judged_rounds", lambda rounds: rounds - disturbed)
    monkeypatch.setattr(blocks, "plan_rounds", lambda *_, **__: plans.pop(0))


def test_the_pilot_is_carried_out_in_the_drawn_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planning(monkeypatch, PILOT)
    bench = Bench(tmp_path)
    events = bench.measure()
    drawn = list(block_schedule(PILOT, SEED))
    begun = [e for e in events if e.state == "begin"]
    assert [(e.name, e.observed["n"], e.observed["round"]) for e in begun] == [(b.arm, b.n, b.round) for b in drawn]
    assert [e.state for e in events] == ["begin", "end"] * len(drawn)
    assert all(e.ok for e in events)
    assert bench.watched == [2.0] * len(drawn)


def test_replication_is_switched_for_every_block_and_on_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning(monkeypatch, PILOT)
    bench = Bench(tmp_path)
    bench.measure()
    assert bench.switched == [b.arm == REPLICATED for b in block_schedule(PILOT, SEED)] + [True]


def test_more_rounds_are_added_and_none_is_measured_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planning(monkeypatch, 5, 5)
    events = Bench(tmp_path).measure()
    numbers = [e.observed["n"] for e in events if e.state == "begin"]
    assert numbers == [b.n for b in block_schedule(5, SEED)]
    assert len(set(numbers)) == len(numbers)


def test_a_round_that_other_programs_disturbed_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planning(monkeypatch, PILOT, PILOT, disturbed=frozenset({1}))
    events = Bench(tmp_path).measure()
    assert [e.observed["n"] for e in events if e.state == "begin"] == [b.n for b in block_schedule(PILOT + 1, SEED)]
    assert all(e.observed["other_cpu"] >= 0 for e in events if e.state == "end")


def test_there_are_only_so_many_spare_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planning(monkeypatch, *[9] * 20, disturbed=frozenset(range(100)))
    events = Bench(tmp_path).measure()
    assert len(events) == 2 * 2 * (9 + 2)


def test_fewer_rounds_than_were_measured_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planning(monkeypatch, 1)
    assert len(Bench(tmp_path).measure()) == 2 * len(list(block_schedule(PILOT, SEED)))


def test_a_plan_that_is_capped_is_observed_as_one_that_falls_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planning(monkeypatch, PILOT, capped=True)
    bench = Bench(tmp_path)
    bench.measure()
    assert [(o.ok, o.observed["capped"]) for o in bench.seen] == [(False, True)]


def test_a_block_whose_arm_is_not_in_force_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planning(monkeypatch, PILOT)
    events = Bench(tmp_path, obeys=False).measure()
    assert {e.ok for e in events if e.name == REPLICATED} == {True}
    assert {e.ok for e in events if e.name != REPLICATED} == {False}
