"""User data is rendered for each member, and a template's mistake shows before anything boots."""

from __future__ import annotations

import base64
import gzip
import json
import random
import subprocess
from pathlib import Path
from typing import cast

import pytest

from conformance.errors import UsageError
from conformance.sites import Site
from conformance.vnf import Blueprint, Endpoint, load_blueprint
from conformance.vnf.build import Build
from conformance.vnf.machines import Parts, render_user_data
from conformance.vnf.networking import BuiltPort

INCOMPRESSIBLE = random.Random(7).randbytes(30_000).hex() * 2


class ASite:
    name = "site-b"


def parts(blueprint: Blueprint) -> Parts:
    ports = {
        f"{role}-{i}": {p.network: BuiltPort("id", f"127.2.{n}.{p.offset + i}") for n, p in enumerate(settings.ports)}
        for role, settings in blueprint.roles.items()
        for i in range(settings.count)
    }
    return Parts(images={}, flavors={}, server_groups={}, ports=ports, volumes={"database-0": {"journal": "vol-1"}})


def rendered(blueprint: Blueprint, primary: Endpoint | None = None) -> dict[tuple[str, int], str]:
    build = Build(cast(Site, ASite()), blueprint, "run-1")
    scripts = render_user_data(build, parts(blueprint), primary)
    return {member: base64.b64decode(script).decode() for member, script in scripts.items()}


def with_template(folder: Path, text: str) -> Blueprint:
    (folder / "t.j2").write_text(text)
    shipped = load_blueprint("subscriber-db-sync")
    roles = {label: role.model_copy(update={"user_data": folder / "t.j2"}) for label, role in shipped.roles.items()}
    return shipped.model_copy(update={"roles": roles})


def test_every_member_is_told_who_and_where_it_and_its_peers_are(tmp_path: Path) -> None:
    scripts = rendered(with_template(tmp_path, "{{ config | tojson }}"), Endpoint("127.2.254.1", 4711))
    assert set(scripts) == {("database", 0), ("frontend", 0), ("frontend", 1)}
    assert json.loads(scripts["frontend", 1]) == {
        "run_id": "run-1",
        "site": "site-b",
        "role": "frontend",
        "index": 1,
        "addresses": {"oam": "127.2.0.21", "service": "127.2.1.21"},
        "peers": {
            "database": [{"oam": "127.2.0.10", "service": "127.2.1.10"}],
            "frontend": [
                {"oam": "127.2.0.20", "service": "127.2.1.20"},
                {"oam": "127.2.0.21", "service": "127.2.1.21"},
            ],
        },
        "variables": {"replication": "sync", "serve_alone_after_s": 2},
        "elsewhere": {},
        "packages": None,
        "primary": {"host": "127.2.254.1", "port": 4711},
        "volumes": {},
    }
    assert json.loads(scripts["database", 0])["volumes"] == {"journal": "vol-1"}


def test_user_data_that_is_too_long_is_compressed_as_cloud_init_takes_it(tmp_path: Path) -> None:
    build = Build(cast(Site, ASite()), with_template(tmp_path, "#!/bin/sh\n" + "# a line\n" * 8000), "run-1")
    script = base64.b64decode(render_user_data(build, parts(build.blueprint), None)["database", 0])
    assert gzip.decompress(script).startswith(b"#!/bin/sh\n# a line\n")


def test_a_primary_is_told_that_it_has_nobody_to_follow(tmp_path: Path) -> None:
    scripts = rendered(with_template(tmp_path, "{{ config.primary is none }}"))
    assert set(scripts.values()) == {"True"}


def test_the_shipped_guests_are_scripts_that_a_shell_can_read() -> None:
    for member, script in rendered(load_blueprint("subscriber-db-async")).items():
        assert script.startswith("#!/bin/sh\n"), member
        read = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True, check=False)
        assert (read.returncode, read.stderr) == (0, ""), member


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ config.sites }}", "'dict object' has no attribute 'sites'"),
        ("a\n{% if %}", "t.j2, line 2"),
        ("{% include 'other.py' %}", "other.py"),
        (INCOMPRESSIBLE, "characters in base64, compressed; Nova takes 65535"),
    ],
)
def test_a_template_that_cannot_be_used_is_named(tmp_path: Path, template: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        rendered(with_template(tmp_path, template))
    assert sentence in str(refused.value)
    assert "role 'database'" in str(refused.value)
