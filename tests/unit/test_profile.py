"""Profiles: what is shipped loads, and block settings that cannot be carried out are refused in one sentence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from conformance.errors import UsageError
from conformance.profile import load_profile
from conformance.resources import fixtures_dir

SMOKE = fixtures_dir() / "profiles" / "smoke.yaml"


def written(folder: Path, more: str) -> str:
    """The smoke profile with something added at its end, as a file."""
    path = folder / "mine.yaml"
    path.write_text(f"{SMOKE.read_text(encoding='utf-8')}\n{more}\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("path", sorted((fixtures_dir() / "profiles").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_profile_that_is_shipped_loads(path: Path) -> None:
    profile = load_profile(str(path))
    assert 0 < profile.limits().degradation_margin <= 1
    assert profile.blocks.pilot_rounds <= profile.blocks.max_rounds


def test_thresholds_and_blocks_of_a_profile_reach_the_scenario(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, "blocks: {pilot_rounds: 8, max_rounds: 12, block_s: 4, warmup_s: 0.5}"))
    assert profile.blocks.max_rounds == 12
    assert profile.limits().max_interruption_s == 5


# Digests of the lists and limits by profile and version. Reports name the version: whoever changes a list or a limit
# gives it a new one, and its digest here beside the old.
LISTS = {
    ("smoke", 1): "f6ee6efe23b4",
    ("opnfv-multisite", 1): "e234688c610e",
    ("full", 1): "e234688c610e",
}


@pytest.mark.parametrize("path", sorted((fixtures_dir() / "profiles").glob("*.yaml")), ids=lambda p: p.stem)
def test_lists_and_limits_of_a_version_never_change(path: Path) -> None:
    profile = load_profile(str(path))
    lists = json.dumps([profile.mandatory, profile.optional, profile.thresholds.model_dump()], sort_keys=True)
    digest = hashlib.sha256(lists.encode()).hexdigest()[:12]
    if profile.name in {name for name, _ in LISTS}:
        assert LISTS.get((profile.name, profile.version)) == digest, "new lists or limits need a new version"


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ("{pilot_rounds: 10, max_rounds: 8}", r"max_rounds \(8\) cannot be below pilot_rounds \(10\)"),
        ("{block_s: 2, warmup_s: 2}", r"warmup_s \(2\) must be shorter than block_s \(2\)"),
        ("{pilot_rounds: 5}", "pilot_rounds"),
        ("{rounds: 8}", "rounds"),
    ],
)
def test_block_settings_that_cannot_be_carried_out_are_refused(tmp_path: Path, blocks: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_profile(written(tmp_path, f"blocks: {blocks}"))


def with_thresholds(folder: Path, more: str) -> str:
    """The smoke profile with another threshold, as a file."""
    path = folder / "mine.yaml"
    path.write_text(SMOKE.read_text(encoding="utf-8").replace("thresholds:\n", f"thresholds:\n  {more}\n"), "utf-8")
    return str(path)


def test_planes_have_limits_only_where_the_profile_gives_them(tmp_path: Path) -> None:
    assert load_profile(str(SMOKE)).limits().plane_rto_s == {}
    assert load_profile(with_thresholds(tmp_path, "plane_rto_s: {media: 2.5}")).limits().plane_rto_s == {"media": 2.5}


@pytest.mark.parametrize("more", ["plane_rto_s: {media: 0}", "plane_rto_s: {media: soon}", "holder_tolerance_s: -1"])
def test_limits_that_are_no_lengths_of_time_are_refused(tmp_path: Path, more: str) -> None:
    with pytest.raises(UsageError, match=more.split(":")[0]):
        load_profile(with_thresholds(tmp_path, more))
