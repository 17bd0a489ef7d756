"""Which mode a lab gets, and the addresses of namespaces mode."""

from __future__ import annotations

import _thread
import json
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from conformance.cli import doctor
from conformance.lab import dataplane, namespaces, record, status
from conformance.lab.addressing import SITES_PER_SLOT, NamespaceAddresses, site_addresses
from conformance.lab.errors import LabError, LabUsageError


@pytest.fixture
def impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "missing", lambda: "This machine does not give us namespaces. Buy another.")


def test_a_mode_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(LabUsageError, match="auto, namespaces, loopback; given was 'real'"):
        namespaces.choose("real")


def test_namespaces_that_were_asked_for_and_cannot_be_had_are_an_error_that_says_why(impossible: None) -> None:
    with pytest.raises(LabUsageError, match=r"Buy another\. Or use --mode loopback"):
        namespaces.choose("namespaces")


def test_a_lab_that_takes_what_there_is_is_in_loopback_mode_without_namespaces(
    impossible: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "PREFERRED", "namespaces")
    assert namespaces.choose("auto") == "loopback"
    monkeypatch.setattr(namespaces, "missing", lambda: None)
    assert namespaces.choose("auto") == "namespaces"


def test_loopback_mode_does_not_even_look_at_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked() -> str:
        raise AssertionError("it looked")

    monkeypatch.setattr(namespaces, "missing", looked)
    assert namespaces.choose("loopback") == "loopback"


def test_a_process_with_a_thread_that_python_knows_nothing_of_is_told_so_and_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(namespaces, "living_keeper", lambda directory: psutil.Process())
    monkeypatch.setattr(namespaces.kernel, "same_namespace", lambda pid, kind: False)
    monkeypatch.setattr(namespaces.kernel, "enter", lambda *_: pytest.fail("it tried"))
    hold = _thread.allocate_lock()
    hold.acquire()
    _thread.start_new_thread(hold.acquire, ())
    try:
        with pytest.raises(LabError, match=r"This process has \d+ threads, and only one with a single thread can move"):
            namespaces.enter(tmp_path)
    finally:
        hold.release()


def test_status_and_doctor_say_why_a_lab_is_in_loopback_mode(
    impossible: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "_CHECKS", (doctor._namespaces,))
    assert "loopback mode. This machine does not give us" in CliRunner().invoke(doctor.doctor).output
    assert status.of_lab("none", tmp_path, None, "loopback", ()).mode.endswith("us namespaces. Buy another.")


def test_status_and_doctor_say_that_a_lab_is_in_namespaces_mode(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(namespaces, "missing", lambda: None)
    monkeypatch.setattr(doctor, "_CHECKS", (doctor._namespaces,))
    assert "the lab runs in namespaces mode" in CliRunner().invoke(doctor.doctor).output
    assert status.of_lab("none", tmp_path, None, "namespaces", ()).mode.startswith("namespaces (packets pass")


def test_no_two_sites_share_a_network() -> None:
    sites = [site_addresses(0, number, packets=True) for number in range(SITES_PER_SLOT)]
    networks = []
    for site in sites:
        assert isinstance(site, NamespaceAddresses)
        networks += [ip_network(cidr) for cidr in (site.tenant_pool, site.external, site.services)]
        assert ip_address(site.api) in ip_network(site.services)
        assert ip_address(site.link) not in ip_network(site.tenant_pool)
    assert not any(a.overlaps(b) for number, a in enumerate(networks) for b in networks[:number])


def test_databases_of_the_two_modes_are_kept_apart() -> None:
    assert site_addresses(0, 0).key != site_addresses(0, 0, packets=True).key


def test_a_lab_from_before_there_were_modes_is_in_loopback_mode(tmp_path: Path) -> None:
    written = {"name": "old", "slot": 0, "passwords": {"site-a": "x", "site-b": "y"}, "generation": "g"}
    (tmp_path / "lab.json").write_text(json.dumps(written))
    known = record.load(tmp_path)
    assert known is not None
    assert known.mode == "loopback"


def test_a_lab_that_lost_its_namespaces_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataplane, "RETRY_FOR", 1e9)
    with pytest.raises(LabError, match="namespaces of the lab in .* are gone. Make it anew: multisite-ha lab up"):
        dataplane.status(tmp_path)


def test_a_keeper_that_was_killed_holds_nothing_any_more(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)", namespaces.KEEPER, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = namespaces.keeper(tmp_path)
        assert found is not None
        assert found.pid == process.pid
        process.kill()
        assert namespaces.keeper(tmp_path) is None  # at once: whoever has been killed cannot be relied on
