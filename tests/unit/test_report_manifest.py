"""manifest.json: whether a run folder is as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.report.manifest import MANIFEST_FILE, ManifestError, render_manifest, verify


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "scenarios" / "01-loss").mkdir(parents=True)
    (tmp_path / "run.json").write_text("{}\n")
    (tmp_path / "scenarios" / "01-loss" / "history.jsonl").write_text('{"i":1}\n')
    (tmp_path / MANIFEST_FILE).write_text(render_manifest(tmp_path))
    return tmp_path


def test_every_file_but_the_manifest_is_listed_with_its_hash_and_size(folder: Path) -> None:
    files = json.loads((folder / MANIFEST_FILE).read_text())["files"]
    assert files == {
        "run.json": {"sha256": "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356", "size": 3},
        "scenarios/01-loss/history.jsonl": {
            "sha256": "3e61556219c8ddba801b9d8b7d1d2894af42d122eeddb3407033cf19506c7508",
            "size": 8,
        },
    }


def test_an_untouched_folder_has_no_problems(folder: Path) -> None:
    assert verify(folder) == ()


def test_a_changed_byte_is_seen(folder: Path) -> None:
    (folder / "run.json").write_text("[]\n")
    (problem,) = verify(folder)
    assert problem.startswith("run.json has changed: its SHA-256")


def test_a_file_that_grew_is_seen(folder: Path) -> None:
    with (folder / "scenarios" / "01-loss" / "history.jsonl").open("a") as file:
        file.write("more\n")
    (problem,) = verify(folder)
    assert problem == "scenarios/01-loss/history.jsonl has changed: 8 bytes are listed, 13 are there."


def test_a_missing_and_an_added_file_are_named(folder: Path) -> None:
    (folder / "run.json").rename(folder / "walk.json")
    assert verify(folder) == (
        "run.json is listed in manifest.json and is not there.",
        "walk.json is there and is not listed in manifest.json.",
    )


def test_a_path_that_leads_out_of_the_folder_is_never_followed(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.write_text("x")
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    manifest["files"]["../outside"] = {"sha256": "0" * 64, "size": 1}
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest))
    assert verify(folder) == ("../outside is listed in manifest.json and is not there.",)


def test_a_link_in_the_folder_is_refused_because_a_hash_cannot_stand_for_it(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(ManifestError, match="link is a link or a special file"):
        render_manifest(folder)
    assert len(verify(folder)) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "Cannot read the manifest"),
        ("[]", "is not a manifest"),
        ('{"algorithm": "sha256", "files": {"a": {"sha256": 1, "size": 1}}}', "is not a manifest"),
        ('{"algorithm": "md5", "files": {}}', "only sha256"),
    ],
)
def test_what_is_no_manifest_is_a_problem_and_not_a_pass(folder: Path, text: str, said: str) -> None:
    (folder / MANIFEST_FILE).write_text(text)
    (problem,) = verify(folder)
    assert said in problem


def test_a_folder_without_manifest_is_a_problem(tmp_path: Path) -> None:
    (problem,) = verify(tmp_path)
    assert "which is not there" in problem
