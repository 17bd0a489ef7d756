"""What a user types wrong ends in one sentence and exit code 64, before anything is started."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from conformance.catalogue import load_catalogue
from conformance.cli import COMMANDS, cli, requirements
from conformance.features import scenarios_by_requirement


def multisite_ha(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--profile", "smok"], "There is no profile named 'smok'. Did you mean 'smoke'?"),
        (["run", "--vnf", "subscriber-db-synk"], "Did you mean 'subscriber-db-sync'?"),
        (["run", "--scheme", "referenz"], "There is no scheme named 'referenz'. Did you mean 'reference'?"),
        (["run", "--sites", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "MS-GR-55"], "'MS-GR-55' is neither a known requirement nor a feature file."),
        (["run", "--seed", "many"], "'many' is not a valid integer"),
        (["requirements", "MS-GR-99"], "There is no requirement 'MS-GR-99'."),
        (["judge", "nowhere"], "Is its folder a run folder?"),
        (["report", "nowhere"], "Is its folder a run folder?"),
        (["bundle", "nowhere"], "Is its folder a run folder?"),
        (["verify", "nowhere"], "there is nothing"),
        (["diff", "nowhere", "nowhere"], "There is no results.json in nowhere."),
        (["trend", "nowhere"], "Expected a folder of runs at nowhere"),
        (["rum"], "No such command 'rum'"),
        (["lab", "kill"], "Missing argument"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_answered_by_a_sentence_and_64(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    done = multisite_ha(*arguments, cwd=tmp_path)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 64
    assert list(tmp_path.iterdir()) == []


def test_a_malformed_sites_file_names_the_file_and_the_field(tmp_path: Path) -> None:
    sites = tmp_path / "sites.yaml"
    sites.write_text("sites:\n  site-a: {clowd: x}\n  site-b: {cloud: y}\n")
    done = multisite_ha("run", "--sites", str(sites), cwd=tmp_path)
    assert str(sites) in done.stderr
    assert "clowd" in done.stderr
    assert done.returncode == 64


def test_broken_yaml_names_line_and_column(tmp_path: Path) -> None:
    sites = tmp_path / "sites.yaml"
    sites.write_text("sites:\n  site-a: [1,\n  b: 2\n")
    done = multisite_ha("run", "--sites", str(sites), cwd=tmp_path)
    assert "not valid YAML at line" in done.stderr
    assert done.returncode == 64


def test_a_date_that_there_is_not_names_the_file(tmp_path: Path) -> None:
    waivers = tmp_path / "waivers.yaml"
    waivers.write_text("waivers:\n  - {requirement: MS-GR-08, reason: x, by: y, expires: 2027-02-30}\n")
    done = multisite_ha("run", "--dry-run", "--waivers", str(waivers), cwd=tmp_path)
    assert f"The waivers file {waivers} holds a value that there is not: day is out of range for month" in done.stderr
    assert done.returncode == 64


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--toxiproxy", "notaurl"), "such as http://127.0.0.1:8474"),
        (("--lab", "../etc"), "'../etc' cannot be the name of a lab"),
        (("--lab", ""), "'' cannot be the name of a lab"),
    ],
)
def test_options_that_can_be_nothing_are_refused_before_anything_starts(
    tmp_path: Path, option: tuple[str, str], said: str
) -> None:
    done = multisite_ha("run", "--dry-run", *option, cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (64, True), done.stdout + done.stderr


def test_a_dry_run_names_scenarios_and_faults_and_starts_nothing(tmp_path: Path) -> None:
    done = multisite_ha("run", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "link-stall, site-loss" in done.stdout
    assert "Nothing was done" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_catalogue_is_listed_with_the_scenarios_that_judge_it(tmp_path: Path) -> None:
    done = multisite_ha("requirements", "--json", cwd=tmp_path)
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert set(rows) == set(load_catalogue())
    assert {r: row["scenarios"] for r, row in rows.items() if row["scenarios"]} == scenarios_by_requirement()
    lines = multisite_ha("requirements", cwd=tmp_path).stdout.splitlines()
    shown = {line.split()[0]: line.split()[-1] for line in lines[1:]}
    assert shown == {r: str(len(row["scenarios"])) for r, row in rows.items()}


def test_a_requirement_without_a_scenario_is_listed_as_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {r: names for r, names in scenarios_by_requirement().items() if r != "MS-GR-05"}
    monkeypatch.setattr(requirements, "scenarios_by_requirement", lambda: left)
    table = CliRunner().invoke(requirements.requirements, []).output
    assert [line.split()[0] for line in table.splitlines() if line.endswith("not tested")] == ["MS-GR-05"]
    for written in ("MS-GR-05", "ms-gr-05"):
        assert "- not tested" in CliRunner().invoke(requirements.requirements, [written]).output


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    for name, (_, sentence) in COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.get_short_help_str(limit=1000) == sentence


def test_the_list_of_commands_imports_none_of_them() -> None:
    code = (
        "import sys, conformance.cli as c\n"
        "c.cli.main(['--help'], standalone_mode=False)\n"
        "print('imported:', *({p.partition(':')[0] for p, _ in c.COMMANDS.values()} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"


def test_a_run_waits_for_no_library_that_only_others_need() -> None:
    code = (
        "import sys, conformance.cli.run, conformance.play\n"
        "print(*({'scipy', 'numpy', 'hdrh', 'fabric', 'paramiko'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_teaches_itself(command: str, tmp_path: Path) -> None:
    done = multisite_ha(*command.split(), "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 4


def test_a_sentence_that_nothing_stands_behind_is_refused_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "mine.feature"
    path.write_text(
        "Feature: mine\n\n  @MS-GR-14\n  Scenario: one\n    When the link is chopped\n"
        "    Then replication catches up when the link heals, and nothing is lost or doubled\n"
    )
    done = multisite_ha("run", str(path), "--dry-run", cwd=tmp_path)
    assert done.returncode == 64
    assert "nothing is known to do for the sentence When 'the link is chopped'" in done.stderr
    assert "Did you mean 'the link is cut'?" in done.stderr
