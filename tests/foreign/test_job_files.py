"""The job files under docs/ci: known to the schema or linter of their CI, and to our own command line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest
from readers import python_with

from conformance.cli import cli

CI = Path(__file__).parents[2] / "docs" / "ci"
FILES = sorted(p for p in CI.rglob("*") if p.suffix in (".yml", ".yaml"))
LINTERS = ("zuul-lint==0.1.2", "jenkins-job-builder==6.5.0", "ansible-core==2.19.14", "setuptools<81")


def run(*command: object, cwd: Path = CI) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("github-actions.yml", ["--builtin-schema", "vendor.github-workflows"]),
        ("gitlab-ci.yml", ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
)
def test_github_and_gitlab_know_every_key(file: str, arguments: list[str], tmp_path: Path) -> None:
    check = [sys.executable, "-m", "check_jsonschema", *arguments]
    done = run(*check, CI / file)
    assert done.returncode == 0, done.stdout
    text = (CI / file).read_text()
    (tmp_path / file).write_text(re.sub(r"timeout(-minutes)?:.*", "timeout\\1: [never]", text))
    assert run(*check, tmp_path / file).returncode == 1, "the schema is not looked at"


@pytest.mark.foreign
def test_zuul_knows_every_key_and_ansible_every_task(tmp_path: Path) -> None:
    python = python_with(*LINTERS)
    done = run(python.with_name("zuul-lint"), CI / "zuul" / "zuul.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "zuul.yaml").write_text((CI / "zuul" / "zuul.yaml").read_text().replace("post-run:", "afterwards:"))
    assert run(python.with_name("zuul-lint"), tmp_path / "zuul.yaml").returncode == 1
    named = re.findall(r"playbooks/\w+\.yaml", (CI / "zuul" / "zuul.yaml").read_text())
    playbooks = [CI / "zuul" / place for place in named]
    assert len(playbooks) == 2
    done = run(python.with_name("ansible-playbook"), "--syntax-check", "-i", "localhost,", *playbooks)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.foreign
def test_jenkins_job_builder_makes_a_job_that_archives_and_publishes() -> None:
    python = python_with(*LINTERS)
    done = run(python.with_name("jenkins-jobs"), "test", "jenkins-job-builder.yaml")
    assert done.returncode == 0, done.stderr
    job = ET.fromstring(done.stdout)
    assert job.findtext(".//testResults") == "reports/ci/junit.xml"
    assert job.findtext(".//artifacts") == "reports/ci/**, multisite-ha.tar.gz"
    assert "--profile smoke" in str(job.findtext(".//command"))


@pytest.mark.foreign
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_jenkins_step_ends_with_the_verdict_and_packs_in_any_case(code: int, tmp_path: Path) -> None:
    shown = run(python_with(*LINTERS).with_name("jenkins-jobs"), "test", "jenkins-job-builder.yaml").stdout
    script = str(ET.fromstring(shown).findtext(".//command"))
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name, body in {
        "pip": "exit 0",
        "multisite-ha": f'echo "$@" >> called; if [ "$1" = run ]; then exit {code}; fi',
    }.items():
        program = tmp_path / ".venv" / "bin" / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    script = script.replace("python3 -m venv .venv", "true")
    assert run("sh", "-c", script, cwd=tmp_path).returncode == code
    assert [line.split()[0] for line in (tmp_path / "called").read_text().splitlines()] == ["run", "bundle"]


@pytest.mark.parametrize("file", FILES, ids=lambda p: p.name)
def test_every_command_and_option_in_a_job_exists(file: Path) -> None:
    text = re.sub(r"#.*", "", file.read_text())
    calls = re.findall(r"(?:^|[\s/])multisite-ha ((?:run|bundle|judge|report)\b[^\n|&]*)", text)
    assert calls or file.name in ("zuul.yaml", "testcases.yaml")
    for call in calls:
        words = call.split()
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None, call
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert [word for word in words if word.startswith("--") and word not in known] == []


def test_no_job_file_names_a_host_of_anybody() -> None:
    assert FILES
    for file in FILES:
        assert re.findall(r"https?://[^\s\"']+", file.read_text()) == [], file
