"""Profiles: what is shipped loads, and block settings that cannot be carried out are refused in one sentence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from conformance.errors import UsageError
from conformance.profile import Profile, load_profile
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


# Kinds of limits that came later: a profile that does not use them is what it was.
LATER = {"rpo_s": None, "trigger": "either"}


def limits_of(profile: Profile) -> dict[str, object]:
    """All limits, but for those that came later and leave things as they were. A level is where some come from."""
    limits: dict[str, object] = profile.thresholds.model_dump(exclude={"sal"})
    return {name: value for name, value in limits.items() if name not in LATER or value != LATER[name]}


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
    lists = json.dumps([profile.mandatory, profile.optional, limits_of(profile)], sort_keys=True)
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


@pytest.mark.parametrize(
    "more",
    [
        "plane_rto_s: {media: 0}",
        "plane_rto_s: {media: soon}",
        "plane_rto_s: {media: .inf}",
        "holder_tolerance_s: -1",
        "catch_up_s: .inf",
        "catch_up_s: .nan",
        "catch_up_s: true",
        "rpo_operations: false",
    ],
)
def test_limits_that_are_no_lengths_of_time_are_refused(tmp_path: Path, more: str) -> None:
    with pytest.raises(UsageError, match=more.split(":")[0]):
        load_profile(with_thresholds(tmp_path, more))


def test_of_two_limits_of_one_name_neither_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not valid YAML at line \d+, column 3: there is a second 'catch_up_s'"):
        load_profile(with_thresholds(tmp_path, "catch_up_s: 5\n  catch_up_s: 50"))


# -- levels, triggers, recovery points -------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "detect_s", "rto_s"), [(1, 1, 6), (2, 5, 15), (3, 10, 25)])
def test_a_level_gives_the_limits_of_detection_and_recovery(level: int, detect_s: float, rto_s: float) -> None:
    profile = load_profile(f"opnfv-multisite:sal{level}")
    assert (profile.limits().detect_s, profile.limits().rto_s) == (detect_s, rto_s)
    assert profile.name == f"opnfv-multisite:sal{level}"
    assert profile.limits().plane_rto_s == {"media": 15, "beside": 30}


@pytest.mark.parametrize("name", ["smoke", "opnfv-multisite", "full"])
def test_shipped_profiles_are_of_level_2(name: str) -> None:
    assert load_profile(name).limits() == load_profile(f"{name}:sal2").limits()


def test_limits_that_are_given_override_the_level(tmp_path: Path) -> None:
    limits = load_profile(extending(tmp_path, "thresholds: {sal: 1, rto_s: 8}")).limits()
    assert (limits.detect_s, limits.rto_s) == (1, 8)


def test_a_level_behind_a_profile_overrides_limits_that_it_gives(tmp_path: Path) -> None:
    limits = load_profile(f"{extending(tmp_path, 'thresholds: {detect_s: 2, rto_s: 8}')}:sal3").limits()
    assert (limits.detect_s, limits.rto_s) == (10, 25)


def test_a_level_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Service Availability Level 'sal4': sal1, sal2, sal3"):
        load_profile("smoke:sal4")
    with pytest.raises(UsageError, match="sal"):
        load_profile(extending(tmp_path, "thresholds: {sal: 4}"))


def test_without_a_level_both_limits_must_be_given(tmp_path: Path) -> None:
    path = tmp_path / "bare.yaml"
    path.write_text("{name: bare, version: 1, features: [stretched], mandatory: [], thresholds: {rto_s: 3}}", "utf-8")
    with pytest.raises(UsageError, match="'thresholds.detect_s' is missing"):
        load_profile(str(path))


def test_an_rpo_in_seconds_stands_for_one_in_operations_unless_both_are_given(tmp_path: Path) -> None:
    def point(thresholds: str) -> tuple[int | None, float | None]:
        limits = load_profile(extending(tmp_path, f"thresholds: {thresholds}", base="bare.yaml")).limits()
        return limits.rpo_operations, limits.rpo_s

    plain = "{name: bare, version: 1, features: [stretched], mandatory: [], thresholds: {sal: 2}}"
    (tmp_path / "bare.yaml").write_text(plain, "utf-8")
    assert point("{sal: 2}") == (0, None)
    assert point("{rpo_s: 5}") == (None, 5)
    assert point("{rpo_s: 5, rpo_operations: 100}") == (100, 5)
    (tmp_path / "bare.yaml").write_text(plain.replace("sal: 2", "sal: 2, rpo_operations: 0"), "utf-8")
    assert point("{rpo_s: 5}") == (None, 5)


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [("{rpo_s: 0}", "rpo_s"), ("{rpo_operations: null}", "only where rpo_s has one"), ("{trigger: self}", "trigger")],
)
def test_recovery_points_and_triggers_that_mean_nothing_are_refused(
    tmp_path: Path, thresholds: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        load_profile(extending(tmp_path, f"thresholds: {thresholds}"))


# -- profiles that extend others -------------------------------------------------------------------------------------


def extending(folder: Path, more: str, base: str = "smoke") -> str:
    """A profile that extends another, as a file."""
    path = folder / "upper.yaml"
    path.write_text(f"extends: {base}\nname: upper\nversion: 3\n{more}\n", encoding="utf-8")
    return str(path)


def test_a_profile_takes_from_the_one_it_extends_what_it_does_not_say(tmp_path: Path) -> None:
    base, upper = load_profile("smoke"), load_profile(extending(tmp_path, "load: {clients: 3}\nmandatory: [MS-GR-02]"))
    assert (upper.name, upper.version, upper.description) == ("upper", 3, "")
    assert upper.load == base.load.model_copy(update={"clients": 3})
    assert upper.mandatory == ("MS-GR-02",)
    assert (upper.features, upper.limits()) == (base.features, base.limits())


def test_the_profile_of_background_copies_is_the_whole_one_with_that_mode() -> None:
    whole, background = load_profile("opnfv-multisite"), load_profile("opnfv-multisite-background")
    same = {"name": background.name, "description": background.description, "storage_mode": "background"}
    assert background == whole.model_copy(update=same)


def test_what_an_extending_profile_is_called_and_versioned_it_says_itself(tmp_path: Path) -> None:
    path = tmp_path / "nameless.yaml"
    path.write_text("extends: smoke\n", encoding="utf-8")
    with pytest.raises(UsageError, match="field 'name' is missing. field 'version' is missing"):
        load_profile(str(path))


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("smok", "There is no profile named 'smok'. Did you mean 'smoke'"),
        ("other.yaml", "other.yaml, which is not there"),
        ("upper.yaml", "extends itself"),
        ("[smoke]", "expected the name of a profile, or a file"),
    ],
)
def test_what_cannot_be_extended_is_refused(tmp_path: Path, base: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("[", r"\[")):
        load_profile(extending(tmp_path, "", base))
