"""What other programs take of this machine while something is measured."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from conformance import other_programs
from conformance.other_programs import OtherPrograms

ME = os.getpid()
# pid → parent: a lab (100) with a guest (101), this process's clients (200), a stranger (300), a thread of the kernel.
TREE = {ME: 1, 100: 1, 101: 100, 200: ME, 300: 1, 2: 0, 50: 2}
Looked = Callable[..., float]


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Looked:
    """The share of one core that others had in 10 s, if processes used so many seconds meanwhile."""

    def looked(used: dict[int, float], *, own: tuple[int, ...] = (100,), stolen: float = 0.0) -> float:
        before = dict.fromkeys(TREE, 5.0)
        after = before | {pid: before.get(pid, 0.0) + seconds for pid, seconds in used.items()}
        spent, steal, clock = iter((before, after)), iter((1.0, 1.0 + stolen)), iter((0.0, 10.0))
        monkeypatch.setattr(other_programs, "_parents", lambda: TREE | dict.fromkeys(used.keys() - TREE.keys(), 1))
        monkeypatch.setattr(other_programs, "_spent", lambda: next(spent))
        monkeypatch.setattr(other_programs, "_stolen", lambda: next(steal))
        monkeypatch.setattr(other_programs.time, "monotonic", lambda: next(clock))
        monkeypatch.setattr(other_programs.os, "cpu_count", lambda: 1)
        return OtherPrograms(lambda: own).share()

    return looked


def test_what_the_run_itself_uses_is_not_others(share: Looked) -> None:
    assert share({ME: 3.0, 200: 4.0, 100: 2.0, 101: 1.0}) == 0


def test_what_strangers_use_is(share: Looked) -> None:
    assert share({300: 2.5, ME: 4.0}) == pytest.approx(0.25)


def test_a_lab_that_has_no_part_in_the_run_is_a_stranger(share: Looked) -> None:
    assert share({100: 1.0, 101: 1.0}, own=()) == pytest.approx(0.2)


def test_a_program_that_began_meanwhile_counts_with_all_it_used(share: Looked) -> None:
    assert share({400: 1.5}) == pytest.approx(0.15)


def test_the_kernels_threads_work_for_everybody(share: Looked) -> None:
    assert share({2: 1.0, 50: 3.0}) == 0


def test_what_the_host_gave_to_other_machines_counts(share: Looked) -> None:
    assert share({}, stolen=2.0) == pytest.approx(0.2)


def test_of_a_real_machine_it_is_a_share() -> None:
    assert OtherPrograms(lambda: ()).share() >= 0
