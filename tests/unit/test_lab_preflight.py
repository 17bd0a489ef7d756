"""What is looked at before a lab is started."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from conformance.lab import LabError, preflight
from conformance.lab.addressing import PORTS, SiteAddresses
from conformance.lab.places import check_usable
from conformance.lab.site import LabSite

Usage = namedtuple("Usage", "total used free")


def site(tmp_path: Path) -> LabSite:
    return LabSite("site-a", "unit", tmp_path / "labs" / "unit" / "sites" / "site-a", SiteAddresses(251), "secret")


@pytest.mark.parametrize("address", ["127.251.255.1", "0.0.0.0"])
def test_a_taken_port_is_reported_with_address_port_and_process(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as squatter:
        squatter.bind((address, 0))  # labs may be running: 0.0.0.0 with a standard port could be theirs
        squatter.listen()
        port = squatter.getsockname()[1]
        monkeypatch.setitem(PORTS, "placement", port)
        with pytest.raises(LabError) as caught:
            preflight.check_ports([site(tmp_path)])
    assert f"placement of site site-a needs 127.251.255.1 port {port}" in str(caught.value)
    assert f"process {os.getpid()} " in str(caught.value)


def test_free_ports_pass(tmp_path: Path) -> None:
    preflight.check_ports([site(tmp_path)])


def test_too_little_space_is_an_error_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10, 9, 5_000_000))
    with pytest.raises(LabError, match=r"needs 300 MB in .*only 5 MB are free"):
        preflight.check_space(tmp_path / "not" / "there" / "yet", 300_000_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_explained(tmp_path: Path, number: int) -> None:
    with (
        pytest.raises(LabError, match="No space left while writing /some/file"),
        preflight.full_disk_explained(tmp_path),
    ):
        raise OSError(number, os.strerror(number), "/some/file")


def test_other_errors_of_the_system_are_not_called_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), preflight.full_disk_explained(tmp_path):
        raise PermissionError(errno.EACCES, "denied")


def test_the_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    entered = threading.Event()

    def second() -> None:
        with preflight.lock(tmp_path / "lock"):
            entered.set()

    waiting = threading.Thread(target=second)
    with preflight.lock(tmp_path / "lock"):
        waiting.start()
        assert not entered.wait(0.2)
    assert entered.wait(5)
    waiting.join()


@pytest.mark.parametrize("bad", ["a$b", "50%", "what?", "{x}"])
def test_a_directory_that_configuration_files_cannot_hold_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(LabError, match="XDG_STATE_HOME"):
        check_usable(tmp_path / bad)


def test_spaces_in_a_directory_are_fine(tmp_path: Path) -> None:
    check_usable(tmp_path / "My Documents")


def test_a_failure_on_a_full_disk_mentions_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10, 10, 0))
    with pytest.raises(LabError, match=r"nova ended\. The disk that holds"), preflight.full_disk_explained(tmp_path):
        raise LabError("nova ended.")
