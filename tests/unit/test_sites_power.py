"""Whole sites are lost only where the sites file allows it, and by the means that it names."""

import sys
from pathlib import Path
from typing import Any

import pytest
import sites_files as files

from conformance.errors import HarnessError, UsageError
from conformance.sites import SitePower, power_of


def command_power(folder: Path, lose: list[str], restore: list[str] | None = None, **more: Any) -> SitePower:
    power = {"driver": "command", "lose": lose, "restore": restore or ["true"]} | more
    return power_of(files.a_site(folder, allow_faults=["site-loss"], power=power))


def test_a_site_that_does_not_allow_its_loss_is_not_lost(tmp_path: Path) -> None:
    site = files.a_site(tmp_path, power={"driver": "lab"})
    with pytest.raises(UsageError, match=r"add the line 'allow_faults: \[site-loss\]' to sites.site-a"):
        power_of(site)


def test_a_site_without_a_switch_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="add 'power:' with driver lab, command or ssh to sites.site-a"):
        power_of(files.a_site(tmp_path, allow_faults=["site-loss"]))


def test_the_users_commands_are_run_with_their_arguments_as_they_are(tmp_path: Path) -> None:
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(sys.argv[2])"
    lost, back = tmp_path / "lost", tmp_path / "back"
    power = command_power(
        tmp_path,
        [sys.executable, "-c", script, str(lost), "$HOME; *"],
        [sys.executable, "-c", script, str(back), "again"],
    )
    power.lose()
    assert lost.read_text() == "$HOME; *"
    assert not back.exists()
    power.restore()
    assert back.read_text() == "again"


def test_a_relative_command_starts_at_the_sites_file(tmp_path: Path) -> None:
    (tmp_path / "lose.sh").write_text("#!/bin/sh\npwd > lost\n")
    (tmp_path / "lose.sh").chmod(0o755)
    command_power(tmp_path, ["./lose.sh"]).lose()
    assert (tmp_path / "lost").read_text().strip() == str(tmp_path.resolve())


def test_a_command_that_fails_is_named_with_its_status_and_without_its_secrets(tmp_path: Path) -> None:
    power = command_power(tmp_path, ["sh", "-c", "echo wrong password: hunter2 >&2; exit 3", "hunter2"])
    with pytest.raises(HarnessError, match=r"'sh' \(power.lose of site site-a\).* exited with 3") as raised:
        power.lose()
    assert "hunter2" not in str(raised.value)


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    power = command_power(tmp_path, ["sleep", "60"], timeout_s=0.2)
    with pytest.raises(HarnessError, match=r"to end within 0.2 s; it was killed. Whether the site is lost or not is"):
        power.lose()


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    power = command_power(tmp_path, ["/nonexistent/site-power", "off"])
    with pytest.raises(HarnessError, match=r"Cannot run '/nonexistent/site-power' .*No such file"):
        power.lose()
