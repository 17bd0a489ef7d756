"""The journal of undos outlives a killed run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.faults import journal as journal_module
from conformance.faults.base import Undo
from conformance.faults.journal import Journal, heal_leftovers, leftovers

KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from conformance.faults.base import Undo
from conformance.faults.journal import Journal
journal = Journal("run-killed", Path(sys.argv[1]))
journal.done(journal.record(Undo("restore", {"site": "healed before the kill"})))
journal.record(Undo("restore", {"site": "first"}))
journal.record(Undo("restore", {"site": "second"}))
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_a_run(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_RUN, str(folder)], check=False)
    assert done.returncode == -9


def test_what_a_killed_run_left_is_undone_last_first_and_only_once(tmp_path: Path) -> None:
    kill_a_run(tmp_path)
    undone: list[str] = []
    assert heal_leftovers({"restore": lambda a: undone.append(a["site"])}, lambda _: None, tmp_path) == ()
    assert undone == ["second", "first"]
    assert leftovers(tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_an_undo_that_fails_is_said_and_stays_for_the_next_start(tmp_path: Path) -> None:
    kill_a_run(tmp_path)
    failed = heal_leftovers({}, lambda _: None, tmp_path)
    assert len(failed) == 2
    assert "run-killed" in failed[0]
    assert len(leftovers(tmp_path)) == 2


def test_a_run_that_is_alive_is_left_alone(tmp_path: Path) -> None:
    journal = Journal("run-alive", tmp_path)
    journal.record(Undo("restore", {"site": "first"}))
    assert leftovers(tmp_path) == ()


@pytest.mark.parametrize("field", ["boot", "start"])
def test_whoever_has_the_pid_of_a_dead_run_is_not_that_run(tmp_path: Path, field: str) -> None:
    Journal("run-dead", tmp_path).record(Undo("restore", {"site": "first"}))
    path = tmp_path / "run-dead.jsonl"
    header, *rest = path.read_text().splitlines()
    boot, start = json.loads(header)["life"].split()
    life = f"another-boot {start}" if field == "boot" else f"{boot} {int(start) - 1}"
    path.write_text("\n".join([json.dumps({**json.loads(header), "life": life}), *rest, ""]))
    assert [left.undo.action for left in leftovers(tmp_path)] == ["restore"]


def test_a_journal_in_the_making_is_nobodys_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def looking(pid: int) -> str:
        monkeypatch.undo()
        assert leftovers(tmp_path) == ()  # as another process that starts at the same moment does
        return life(pid)

    life = journal_module._life
    monkeypatch.setattr(journal_module, "_life", looking)
    journal = Journal("run-alive", tmp_path)
    journal.record(Undo("restore", {"site": "first"}))
    assert (tmp_path / "run-alive.jsonl").exists()
    assert leftovers(tmp_path) == ()


def test_only_what_processes_of_one_run_left_is_healed_where_that_is_asked_for(tmp_path: Path) -> None:
    kill_a_run(tmp_path)
    undone: list[str] = []
    actions = {"restore": lambda a: undone.append(a["site"])}
    assert heal_leftovers(actions, lambda _: None, tmp_path, run="run-other") == ()
    assert undone == []
    assert heal_leftovers(actions, lambda _: None, tmp_path, run="run-kil") == ()
    assert undone == ["second", "first"]


def test_a_line_cut_short_by_the_kill_is_ignored(tmp_path: Path) -> None:
    kill_a_run(tmp_path)
    path = tmp_path / "run-killed.jsonl"
    path.write_text(path.read_text() + json.dumps({"entry": 9, "action": "restore"})[:12])
    assert [left.undo.arguments["site"] for left in leftovers(tmp_path)] == ["second", "first"]


def test_a_clean_end_removes_the_file(tmp_path: Path) -> None:
    journal = Journal("run-clean", tmp_path)
    journal.done(journal.record(Undo("restore", {})))
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_what_was_to_be_undone_at_sites_that_are_gone_is_struck_out_and_nothing_else(tmp_path: Path) -> None:
    journal = Journal("run-lab", tmp_path)
    journal.record(Undo("sweep", {"sites": "/labs/mine/sites.yaml", "site": "site-a", "run_id": "r.3"}))
    journal.record(Undo("sweep", {"sites": "/somebody/sites.yaml", "site": "site-a", "run_id": "r.3"}))
    journal.record(Undo("delete-proxy", {"url": "http://127.0.0.1:8474", "name": "site-b-to-site-a"}))
    journal.gone(Path("/labs/mine/sites.yaml"))
    struck = [line for line in (tmp_path / "run-lab.jsonl").read_text().splitlines() if "done" in line]
    assert struck == ['{"done": 1}']
    journal.close()
    assert (tmp_path / "run-lab.jsonl").exists()
