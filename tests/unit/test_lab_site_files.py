"""What is written for a site and for the users of a lab."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import pytest
import yaml

from conformance.lab import clouds, guests
from conformance.lab.addressing import PORTS, SiteAddresses
from conformance.lab.site import LabSite, new_password, write_files


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabSite:
    """A site with its files written."""
    monkeypatch.setattr(guests, "OPEN_STATE", tmp_path / "open")  # used by root, since pytest's directories are closed
    made = LabSite("site-a", "default", tmp_path / "labs" / "default" / "sites" / "site-a", SiteAddresses(11), "s3cret")
    write_files(made, Path("/venv"), "/guest/bin")
    return made


def test_every_service_has_a_configuration_without_open_placeholders(site: LabSite) -> None:
    written = sorted(path.name for path in (site.directory / "etc").glob("*.conf"))
    assert written == ["cinder.conf", "glance-api.conf", "keystone.conf", "neutron.conf", "nova.conf", "placement.conf"]
    for name in written:
        text = (site.directory / "etc" / name).read_text()
        assert "$" not in text
        parser = configparser.RawConfigParser(strict=True)  # strict: no section or option twice
        parser.read_string(text)


def test_configuration_passwords_and_keys_are_for_the_owner_only(site: LabSite) -> None:
    for name in ("etc", "db", "fernet"):
        assert (site.directory / name).stat().st_mode & 0o777 == 0o700
    for path in (site.directory / "site.json", *(site.directory / "fernet").iterdir()):
        assert path.stat().st_mode & 0o777 == 0o600


def test_guests_directories_can_be_passed_by_every_user(site: LabSite) -> None:
    for directory in (site.guests, site.instances, site.guests / "volumes"):
        assert directory.stat().st_mode & 0o005 == 0o005


def test_guests_of_root_are_moved_to_an_open_place_only_when_the_labs_directory_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    site_directory = tmp_path / "labs" / "default" / "sites" / "site-a"
    monkeypatch.setattr(guests, "open_to_all", lambda path: False)
    assert guests.guests_directory(site_directory).parent == guests.OPEN_STATE
    monkeypatch.setattr(guests, "open_to_all", lambda path: True)
    assert guests.guests_directory(site_directory) == site_directory
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(guests, "open_to_all", lambda path: False)
    assert guests.guests_directory(site_directory) == site_directory


def test_keys_survive_a_second_start(site: LabSite) -> None:
    key = (site.directory / "fernet" / "1").read_text()
    write_files(site, Path("/venv"), "/guest/bin")
    assert (site.directory / "fernet" / "1").read_text() == key


def test_what_runs_inside_is_told_all_addresses(site: LabSite) -> None:
    told = json.loads((site.directory / "site.json").read_text())
    assert told["urls"] == {service: f"http://127.11.255.1:{port}" for service, port in PORTS.items()}
    assert (told["name"], told["guest_path"], told["external_cidrs"]) == ("site-a", "/guest/bin", ["127.11.192.0/19"])


def test_passwords_are_not_guessable() -> None:
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert min(len(password) for password in made) >= 20


def test_clouds_yaml_and_sites_yaml_describe_the_same_clouds(site: LabSite, tmp_path: Path) -> None:
    other = LabSite("site-b", "default", tmp_path / "site-b", SiteAddresses(12), "other")
    clouds.write(tmp_path, [site, other])
    described = yaml.safe_load((tmp_path / "sites.yaml").read_text())
    known = yaml.safe_load((tmp_path / "clouds.yaml").read_text())["clouds"]
    assert [entry["cloud"] for entry in described["sites"].values()] == list(known) == ["lab-site-a", "lab-site-b"]
    assert known["lab-site-a"]["auth"]["auth_url"] == "http://127.11.255.1:5000/v3"
    assert described["sites"]["site-b"] == {
        "cloud": "lab-site-b",
        "tenant_pool": "127.12.0.0/17",
        "link_address": "127.12.254.1",
        "external_network": "public",
        "volume_type": "lab",
        "availability_zone": None,
        "power": {"driver": "lab", "lab": "default"},
        "faults": {
            "api-silence": {"driver": "lab", "lab": "default"},
            "api-errors": {"driver": "lab", "lab": "default"},
            "service-kill": {"driver": "lab", "lab": "default"},
            "storage-full": {"driver": "ballast"},
        },
        "allow_faults": ["site-loss", "api-silence", "api-errors", "service-kill", "storage-full"],
    }
    assert (tmp_path / "clouds.yaml").stat().st_mode & 0o777 == 0o600


def test_clouds_of_another_lab_have_other_names(tmp_path: Path) -> None:
    assert LabSite("site-a", "second", tmp_path, SiteAddresses(21), "x").cloud == "lab-second-site-a"


def test_a_place_below_a_closed_directory_is_not_open_to_all(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not guests.open_to_all(closed / "below")
    closed.chmod(0o711)
    assert guests.open_to_all(closed / "below") == guests.open_to_all(tmp_path)
