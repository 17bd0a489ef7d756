"""Sentences about a site make the faults they speak of, at the site they speak of, where the sites file allows it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sites_files as files

from conformance.errors import HarnessError, UsageError
from conformance.faults.base import NotPossibleHere
from conformance.faults.journal import UndoAction
from conformance.faults.volume_slow import VolumeSlow
from conformance.lab import clouds
from conformance.lab.addressing import SiteAddresses
from conformance.lab.site import LabSite
from conformance.link_phrases import is_link_fault
from conformance.site_phrases import SITE_PHRASES, Struck, find_site_fault, site_fault
from conformance.sites import Site, driver_of, load_sites
from conformance.undo import UNDO_ACTIONS
from conformance.vocabulary import during, fault_of, site_during

SENTENCES = {
    "the API of the first site falls silent": ("api-silence", "first", None),
    "the API of the second site answers with errors": ("api-errors", "second", None),
    "the block-storage service of the first site is killed": ("service-kill", "first", None),
    "the storage of the second site is full": ("storage-full", "second", None),
    "the storage of the first site is slow": ("storage-slow", "first", None),
    "the clocks of the first site are wrong": ("clock-offset", "first", None),
    "the VNF's database at the first site hangs for 2.5 s": ("vnf-hang", "first", 2.5),
    "the VNF's database at the second site is killed and starts again": ("vnf-kill", "second", 0.0),
    "the process of a front-end at the first site is killed": ("process-kill", "first", 0.0),
}
MADE_BY_A_SITE = [s for s, (fault, _, _) in SENTENCES.items() if not fault.startswith(("vnf-", "process-"))]


def script(code: str) -> list[str]:
    return [sys.executable, "-c", f"import pathlib, sys; state = pathlib.Path('state'); {code}"]


SWITCH = {
    "driver": "command",
    "inject": script("state.write_text(' '.join(sys.argv[1:]) or '-')"),
    "heal": script("state.unlink(missing_ok=True)"),
    "verify": script("sys.exit(0 if state.exists() else 1)"),
}


def site_with(folder: Path, fault: str, **changes: Any) -> Site:
    return files.a_site(folder, allow_faults=[fault], faults={fault: SWITCH | changes})


def no_vnf() -> Any:
    raise HarnessError("There is no VNF.")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_says_which_fault_at_which_site_and_for_how_long(sentence: str) -> None:
    found = site_fault(sentence)
    assert (found.fault, found.which, found.lasts_s) == SENTENCES[sentence]
    assert fault_of(sentence) == found.fault
    assert not is_link_fault(sentence)


def test_every_sentence_about_a_site_is_tried_above() -> None:
    assert [site_fault(s).fault for s in SENTENCES] == [phrase.fault for phrase in SITE_PHRASES]


@pytest.mark.parametrize("sentence", ["the API of the third site falls silent", "the API of the first site is slow"])
def test_a_sentence_about_no_site_of_the_pair_or_no_known_fault_is_none(sentence: str) -> None:
    assert find_site_fault(sentence) is None and fault_of(sentence) is None
    with pytest.raises(HarnessError, match="No fault of a site is known"):
        site_fault(sentence)


def test_a_site_can_be_disturbed_during_an_operation() -> None:
    sentence = "as soon as the failover begins, the API of the second site falls silent"
    assert site_during(sentence) == ("failover", "the API of the second site falls silent")
    assert during(sentence) is None
    assert fault_of(sentence) == "api-silence"
    assert site_during("as soon as the failover begins, the link is cut") is None


@pytest.mark.parametrize("sentence", MADE_BY_A_SITE)
def test_a_fault_that_the_sites_file_does_not_allow_is_left_out(sentence: str, tmp_path: Path) -> None:
    at = Struck(files.a_site(tmp_path, faults={SENTENCES[sentence][0]: SWITCH}), tmp_path / "sites.yaml", no_vnf)
    with pytest.raises(NotPossibleHere, match=f"{SENTENCES[sentence][0]} is not allowed at site site-a"):
        site_fault(sentence).make(at)


def test_a_fault_that_is_allowed_and_nobody_says_how_to_make_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say how it is made: add storage-full with inject, heal and verify"):
        driver_of(files.a_site(tmp_path, allow_faults=["storage-full"]), "storage-full")


@pytest.mark.parametrize("fault", ["storage-full", "storage-slow", "clock-offset"])
def test_what_a_lab_cannot_make_is_said(fault: str, tmp_path: Path) -> None:
    site = files.a_site(tmp_path, allow_faults=[fault], faults={fault: {"driver": "lab"}})
    with pytest.raises(UsageError, match=f"A lab cannot make the fault {fault}, only api-silence"):
        driver_of(site, fault)


@pytest.mark.parametrize("fault", clouds.FAULTS)
def test_what_a_lab_says_it_can_make_it_has_a_driver_for(fault: str, tmp_path: Path) -> None:
    labs = [LabSite(f"site-{n}", "default", tmp_path, SiteAddresses(n), "s3cret") for n in (11, 12)]
    clouds.write(tmp_path, labs)
    assert driver_of(load_sites(tmp_path / "sites.yaml").sites[0], fault).in_force("") is None


def test_the_users_commands_make_a_fault_and_get_what_the_sentence_names(tmp_path: Path) -> None:
    driver = driver_of(site_with(tmp_path, "service-kill"), "service-kill")
    assert driver.in_force("compute") is False
    driver.inject("compute")
    assert (tmp_path / "state").read_text() == "compute"
    assert driver.in_force("compute") is True
    driver.heal("compute")
    driver.heal("compute")
    assert driver.in_force("compute") is False


def test_a_verification_that_goes_wrong_is_neither_yes_nor_no(tmp_path: Path) -> None:
    driver = driver_of(site_with(tmp_path, "storage-full", verify=["sh", "-c", "exit 2"]), "storage-full")
    with pytest.raises(
        HarnessError, match=r"faults.storage-full.verify of site site-a to exit with 0 .* exited with 2"
    ):
        driver.in_force("")


def test_a_command_that_does_not_inject_says_where_it_stands_and_no_secret(tmp_path: Path) -> None:
    driver = driver_of(site_with(tmp_path, "storage-slow", inject=["sh", "-c", "exit 9 # hunter2"]), "storage-slow")
    with pytest.raises(
        HarnessError, match=r"'sh' \(faults.storage-slow.inject of site site-a\).* exited with 9"
    ) as raised:
        driver.inject("")
    assert "hunter2" not in str(raised.value)


def test_a_condition_of_a_site_is_verified_by_the_sites_own_means(tmp_path: Path) -> None:
    site = site_with(tmp_path, "storage-full")
    fault: Any = site_fault("the storage of the first site is full").make(Struck(site, tmp_path / "sites.yaml", no_vnf))
    before = fault.verify()
    assert not before.ok and "say that storage-full is not in force" in before.detail
    fault.driver.inject("")
    assert fault.verify().ok


def test_where_storage_is_under_test_it_is_that_which_is_slow_and_the_other_sites_is_not(tmp_path: Path) -> None:
    storage: Any = SimpleNamespace(volume=SimpleNamespace(site="site-a"))
    at = Struck(files.a_site(tmp_path), tmp_path / "sites.yaml", no_vnf, storage)
    assert isinstance(site_fault("the storage of the first site is slow").make(at), VolumeSlow)
    storage.volume.site = "site-b"
    with pytest.raises(NotPossibleHere, match="storage-slow is not allowed at site site-a"):
        site_fault("the storage of the first site is slow").make(at)


def test_the_undo_of_a_killed_run_heals_the_fault(tmp_path: Path) -> None:
    site = site_with(tmp_path, "clock-offset")
    sites_file = tmp_path / "sites.yaml"
    fault: Any = site_fault("the clocks of the first site are wrong").make(Struck(site, sites_file, no_vnf))
    fault.driver.inject("")
    undo = fault.undo()
    action: UndoAction = UNDO_ACTIONS[undo.action]
    action(undo.arguments)
    action(undo.arguments)
    assert not (tmp_path / "state").exists()
