"""The guests' user data, before any guest runs."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

BLUEPRINT = Path(__file__).parents[2] / "fixtures" / "vnfs" / "subscriber-db"
PROGRAMS = {
    "database": ["guest", "postgresql", "volume", "provisioning", "database"],
    "frontend": ["guest", "reader", "frontend", "agent"],
}


def render(role: str) -> str:
    templates = Environment(loader=FileSystemLoader(BLUEPRINT), undefined=StrictUndefined, keep_trailing_newline=True)
    addresses = {"oam": "127.11.0.10", "service": "127.11.1.10"}
    config = {
        "run_id": "it's a \"run\" $HOME `id` \\n", "site": "site-a", "role": role, "index": 0, "addresses": addresses,
        "peers": {"database": [addresses], "frontend": []}, "variables": {"replication": "sync"}, "primary": None,
        "volumes": {"journal": "0123"},
    }  # fmt: skip
    return templates.get_template("guest.sh.j2").render(config=config)


@pytest.mark.parametrize("role", PROGRAMS)
def test_user_data_is_a_shell_script_that_nova_accepts(role: str) -> None:
    user_data = render(role)
    assert user_data.startswith("#!/bin/sh\n")
    assert len(user_data.encode()) < 48_000, "Nova takes 65535 bytes of base64, which are 49151 of user data"
    subprocess.run(["sh", "-n"], input=user_data.encode(), check=True)


@pytest.mark.parametrize(("role", "program"), [(role, name) for role in PROGRAMS for name in PROGRAMS[role]])
def test_programs_pass_through_the_template_unchanged(role: str, program: str) -> None:
    source = (BLUEPRINT / f"{program}.py").read_text()
    assert f"cat > {program}.py <<'END-OF-PROGRAM'\n{source}\nEND-OF-PROGRAM\n" in render(role)


@pytest.mark.parametrize("program", sorted({name for names in PROGRAMS.values() for name in names}))
def test_programs_are_python_that_the_oldest_supported_image_knows(program: str) -> None:
    ast.parse((BLUEPRINT / f"{program}.py").read_text(), feature_version=(3, 9))


def test_the_configuration_reaches_the_guest_whatever_is_in_it(tmp_path: Path) -> None:
    script = render("frontend").split("cat > guest.py")[0].split('cd "$state"\n')[1]
    subprocess.run(["sh"], input=script.encode(), cwd=tmp_path, check=True)
    assert json.loads((tmp_path / "config.json").read_text())["run_id"] == 'it\'s a "run" $HOME `id` \\n'
