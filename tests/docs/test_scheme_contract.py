"""What docs/how-to-scheme.md says of settings and contract is all there is, and its example works."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hook_rig import OK, Rig, saying, sh
from vnf_guests import guests

from conformance import redaction
from conformance.schemes import command, contract, hook_settings, read_scheme
from conformance.vnf import Endpoint

PAGE = Path(__file__).parents[2] / "docs" / "how-to-scheme.md"
SHOWN = set(re.findall(r"`([^`\s]+)`", PAGE.read_text()))
MODELS = [
    hook_settings.Hook,
    hook_settings.Look,
    hook_settings.CommandSettings,
    hook_settings.ObserveSettings,
    contract.StepLine,
    contract.GuestLine,
    contract.DeploymentLine,
    contract.LastLine,
    contract.StatusLine,
]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with guests("site-a", "127.77.12.") as first, guests("site-b", "127.77.13.", primary=Endpoint("x", 1)) as second:
        yield Rig(tmp_path, first.deployment, second.deployment)
    redaction.forget()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_on_the_page(model: type[contract.StepLine]) -> None:
    named = SHOWN | set(re.findall(r"^(\w+):", "\n".join(blocks("yaml")), flags=re.MULTILINE))
    assert set(model.model_fields) - named == set()


def test_every_field_of_the_question_is_on_the_page(rig: Rig) -> None:
    scheme = rig.scheme("command", protect=saying(OK), failback=sh(f"cat > asked; echo '{OK}'"))
    assert scheme.failback(rig.sites[1], rig.sites[0], Endpoint("127.0.0.1", 1)).ok
    asked = json.loads((rig.folder / "asked").read_text())
    within = [asked, asked["vnf"], asked["vnf"]["deployments"][0], asked["vnf"]["deployments"][0]["guests"][0]]
    within += [asked["sites"][0], asked["marks"], asked["arguments"], asked["link"]]
    assert {name for part in within for name in part} - SHOWN == set()


def test_every_operation_is_on_the_page() -> None:
    assert set(command.OPERATIONS) - SHOWN == set()


def test_the_settings_on_the_page_can_be_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_AUTH", "Bearer of-a-test")
    for name in ("protect.sh", "failover.sh"):
        (rig.folder / name).write_text("#!/bin/sh\n")
        (rig.folder / name).chmod(0o755)
    for_command, for_observe = (yaml.safe_load(block) for block in blocks("yaml"))
    assert read_scheme(f"command:{rig.settings(**for_command)}").plan
    assert read_scheme(f"observe:{rig.settings(**for_observe)}").plan == read_scheme("observe").plan


@pytest.mark.parametrize("status", [0, 2])
def test_the_script_on_the_page_keeps_to_the_contract(rig: Rig, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    tools = rig.folder / "bin"
    tools.mkdir()
    (tools / "ansible-playbook").write_text(f'#!/bin/sh\necho "PLAY RECAP"; cat "${{3#@}}" > played; exit {status}\n')
    (rig.folder / "failover.sh").write_text(next(block for block in blocks("sh") if "ansible-playbook" in block))
    for file in (tools / "ansible-playbook", rig.folder / "failover.sh"):
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    result = rig.scheme("command", protect=saying(OK), failover={"run": ["./failover.sh"]}).failover(*rig.sites)
    assert result.ok is (status == 0)
    assert "PLAY RECAP" in rig.log.read_text()
    assert json.loads((rig.folder / "played").read_text())["operation"] == "failover"
