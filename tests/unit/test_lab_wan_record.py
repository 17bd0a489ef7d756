"""Where the WAN between two sites is, by what a lab says about itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.lab.errors import LabError
from conformance.lab.wan import wan_between


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    sites = [{"name": name, "number": n} for n, name in enumerate(("north", "south", "west"), start=1)]
    (tmp_path / "netplane.json").write_text(json.dumps({"sites": sites}))
    return tmp_path


def test_the_ends_of_a_wan_are_the_edges_at_their_addresses_towards_each_other(lab: Path) -> None:
    link = wan_between(lab, "west", "south")
    assert link.directions == ("west>south", "south>west")
    assert (link.near.netns, link.near.ipv4, link.near.ipv6) == ("edge-west", "100.65.2.14", "fd65:0:2:3::2")
    assert (link.far.netns, link.far.ipv4, link.far.ipv6) == ("edge-south", "100.65.2.13", "fd65:0:2:3::1")


@pytest.mark.parametrize("sites", [("north", "east"), ("north", "north")])
def test_a_wan_needs_two_sites_of_the_lab(lab: Path, sites: tuple[str, str]) -> None:
    with pytest.raises(LabError, match="Known: north, south, west"):
        wan_between(lab, *sites)


def test_a_loopback_lab_has_no_wan(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="in loopback mode sites have no WAN"):
        wan_between(tmp_path, "a", "b")


def test_a_record_that_is_no_record_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "netplane.json").write_text('{"sites": 3}')
    with pytest.raises(LabError, match="cannot be read"):
        wan_between(tmp_path, "a", "b")
