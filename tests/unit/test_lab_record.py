"""Names, records and slots of labs."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from conformance.errors import UsageError
from conformance.lab import Lab, LabError, record
from conformance.lab.record import LabRecord


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty parent of labs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "multisite-ha" / "labs"


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "-a", "a-", "1a", "a" * 33, ".."])
def test_a_name_that_cannot_be_a_host_name_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a lab"):
        record.check_names(name, ("site-a", "site-b"))


@pytest.mark.parametrize("sites", [("site-a",), ("site-a", "site-a"), tuple(f"s{number}" for number in range(11))])
def test_a_lab_has_two_to_ten_different_sites(sites: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="2 to 10 sites"):
        record.check_names("default", sites)


def test_a_record_is_read_as_it_was_written_and_by_its_owner_only(tmp_path: Path) -> None:
    written = LabRecord("default", 3, {"site-a": "secret", "site-b": "other"}, "0123")
    record.save(tmp_path, written)
    assert record.load(tmp_path) == written
    assert (tmp_path / "lab.json").stat().st_mode & 0o777 == 0o600


def test_a_broken_record_says_how_to_clean_up(tmp_path: Path) -> None:
    (tmp_path / "lab.json").write_text("{}")
    with pytest.raises(LabError, match="multisite-ha lab down --name"):
        record.load(tmp_path)


def test_a_slot_of_another_lab_is_not_given_twice(labs: Path) -> None:
    first = record.free_slot()
    (labs / "other").mkdir(parents=True)
    record.save(labs / "other", LabRecord("other", first, {"site-a": "x", "site-b": "y"}, "0"))
    assert record.free_slot() > first


def test_a_slot_held_by_a_lab_of_another_user_is_passed_over(labs: Path) -> None:
    first = record.free_slot()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as holder:
        holder.bind("\0" + record.claim_name(first))
        assert record.free_slot() > first


def test_a_broken_record_of_another_lab_does_not_keep_this_one_from_starting(labs: Path) -> None:
    (labs / "broken").mkdir(parents=True)
    (labs / "broken" / "lab.json").write_text("{")
    assert record.free_slot() >= 0


def test_a_lab_of_which_only_the_logs_are_left_is_not_there(labs: Path) -> None:
    lab = Lab("gone")
    for site in ("site-a", "site-b"):
        (lab.directory / "sites" / site / "log").mkdir(parents=True)
    record.save(lab.directory, LabRecord("gone", 3, {"site-a": "secret", "site-b": "other"}, "0123"))
    assert not lab.exists()
    (lab.directory / "sites" / "site-b" / "site.json").touch()
    assert lab.exists()
