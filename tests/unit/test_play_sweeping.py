"""Removing what a scenario created: everywhere, but in a lab that is taken down next with all that is in it."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.play import stage as stages
from conformance.play.stage import Stage
from conformance.session import RunSession


class Bench:
    """Stands in for a stage; ``swept`` and ``struck_out`` are what was done."""

    def __init__(self, *, lab_goes_next: bool) -> None:
        self.session = SimpleNamespace(lab_goes_next=lab_goes_next)
        self.journal = SimpleNamespace(done=lambda entry: self.struck_out.append(entry))
        self.swept: list[tuple[str, str]] = []
        self.struck_out: list[int] = []
        self.submit = ThreadPoolExecutor(2).submit

    def site(self, name: str) -> Any:
        return SimpleNamespace(name=name)

    def sweep(self, entries: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
        bench: Any = self
        monkeypatch.setattr(stages, "sweep", lambda site, tag: self.swept.append((site.name, tag)))
        Stage.sweep(bench, entries, "run.1")


def test_all_sites_are_swept_and_struck_out_of_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, entries = Bench(lab_goes_next=False), {"site-a": 1, "site-b": 2}
    bench.sweep(entries, monkeypatch)
    assert sorted(bench.swept) == [("site-a", "run.1"), ("site-b", "run.1")]
    assert bench.struck_out == [1, 2]
    assert entries == {}


def test_nothing_is_swept_in_a_lab_that_goes_next_and_the_journal_still_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, entries = Bench(lab_goes_next=True), {"site-a": 1, "site-b": 2}
    bench.sweep(entries, monkeypatch)
    assert (bench.swept, bench.struck_out) == ([], [])
    assert entries == {"site-a": 1, "site-b": 2}


@pytest.mark.parametrize(
    ("ours", "left", "goes"), [(True, 1, False), (True, 0, True), (False, 0, False), (False, 1, False)]
)
def test_a_lab_goes_next_when_it_is_the_runs_own_and_no_scenario_is_left(ours: bool, left: int, goes: bool) -> None:
    session: Any = SimpleNamespace(_lab_is_ours=ours, _plays_left=left)
    assert RunSession.lab_goes_next.fget(session) is goes  # type: ignore[attr-defined]
