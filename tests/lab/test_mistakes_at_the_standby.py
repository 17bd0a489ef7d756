"""A network of the standby that lets too much through is found out by packets, and so is one of the first site that
lets too little through once the service is back: the whole product, on a real lab."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mistaken_operator
import pytest
import yaml

from conformance.checkers.registry import judge
from conformance.lab import Lab
from conformance.model import ScenarioRecord, Status
from conformance.model.inventory import SecurityGroup
from conformance.records import load_scenario
from conformance.resources import fixtures_dir

pytestmark = pytest.mark.lab

SCHEMES = ("OneRuleTooMany", "OnePortTooMany", "OneRuleNotBack")
REACHED = "outside to database-0 (tcp 5432 on service) is not reached at site-a and reached at site-b"


@pytest.fixture
def installed(tmp_path: Path) -> str:
    """PYTHONPATH of a package that brings these schemes."""
    metadata = tmp_path / "mistaken_operator-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mistaken-operator\nVersion: 0\n")
    points = [f"{name} = mistaken_operator:{name}" for name in SCHEMES]
    (metadata / "entry_points.txt").write_text("\n".join(["[conformance.schemes]", *points, ""]))
    return os.pathsep.join([str(tmp_path), str(Path(mistaken_operator.__file__).parent)])


def run(
    lab: Lab, installed: str, scheme: str, folder: Path, *, scenario: str = "link is clean", profile: str = "smoke"
) -> ScenarioRecord:
    """What `multisite-ha run` recorded of a scenario, by default the loss of the first site, once it has said that
    something is violated."""
    command = [sys.executable, "-m", "conformance", "run", scenario, "--profile", profile, "--lab", lab.name]
    done = subprocess.run(
        [*command, "--scheme", scheme, "--out", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": installed},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    (scenario,) = (folder / "scenarios").iterdir()
    return load_scenario(scenario)


def test_one_rule_too_many_at_the_standby_is_found_by_its_record_and_by_packets(
    namespaces_lab: Lab, installed: str, tmp_path: Path
) -> None:
    record = run(namespaces_lab, installed, "OneRuleTooMany", tmp_path / "run")
    found = judge("network", record)
    assert found.status is Status.FAIL
    assert "rule ingress IPv4 tcp 5432 from anybody is only at site-b" in found.reason
    assert REACHED in found.reason

    silent = judge("network", with_the_groups_of_the_first_site(record))
    assert (silent.status, silent.figures["differences"]) == (Status.FAIL, 0)
    assert silent.reason.startswith("The records are equal.") and REACHED in silent.reason
    assert {evidence.kind for evidence in silent.evidence} == {"reachability"}


def with_the_groups_of_the_first_site(record: ScenarioRecord) -> ScenarioRecord:
    """The same packets, by the word of an API that does not tell of the rule."""
    before, after = record.inventories["first-before"], record.inventories["second-after"]
    wanted = {group.label: len(group.rules) for group in before.security_groups}

    def told(group: SecurityGroup) -> SecurityGroup:
        kept = [rule for rule in group.rules if (rule.port_min, rule.remote_group_id) != (5432, None)]
        return replace(group, rules=tuple(kept)) if len(group.rules) > wanted[group.label] else group

    groups = tuple(map(told, after.security_groups))
    return replace(record, inventories={**record.inventories, "second-after": replace(after, security_groups=groups)})


def test_a_leak_of_which_no_record_tells_is_found_by_packets_alone(
    namespaces_lab: Lab, installed: str, tmp_path: Path
) -> None:
    record = run(namespaces_lab, installed, "OnePortTooMany", tmp_path / "run")
    found = judge("network", record)
    assert (found.status, found.figures["differences"]) == (Status.FAIL, 0)
    assert found.reason.startswith("The records are equal.") and REACHED in found.reason


@pytest.fixture
def maintenance(tmp_path: Path) -> str:
    """A profile of two clouds in which the return after maintenance is mandatory."""
    profile = yaml.safe_load((fixtures_dir() / "profiles" / "smoke.yaml").read_text())
    profile |= {"features": ["maintenance/planned_move.feature"], "mandatory": ["MS-MT-07"], "optional": []}
    path = tmp_path / "maintenance.yaml"
    path.write_text(yaml.safe_dump(profile))
    return str(path)


def test_a_rule_that_does_not_come_back_with_the_service_is_found_by_its_record_and_by_packets(
    namespaces_lab: Lab, installed: str, maintenance: str, tmp_path: Path
) -> None:
    scenario, folder = "returns after the maintenance", tmp_path / "run"
    record = run(namespaces_lab, installed, "OneRuleNotBack", folder, scenario=scenario, profile=maintenance)
    for check in ("way-back-order", "way-back-acknowledged-writes", "way-back-sessions", "way-back-vm-count"):
        kept = judge(check, record)
        assert kept.status is Status.PASS, kept.reason
    found = judge("way-back-network", record)
    assert found.status is Status.FAIL
    assert "rule ingress IPv4 tcp 22 from anybody of site-a is missing at site-a after the return" in found.reason
    assert "(tcp 22 on oam) is reached at site-a and not reached at site-a after the return" in found.reason
