"""The ssh driver of a site's power against a real SSH server: what a lost host looks like, and what does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest
import sites_files as files

from conformance.errors import HarnessError
from conformance.sites import SitePower, power_of, ssh
from conformance.waiting import wait_until

SERVER = Path(__file__).with_name("ssh_server.py")


@dataclass
class Host:
    folder: Path
    port: int
    pid: int

    def power(self, lose: list[str], restore: list[str] | None = None, **changes: Any) -> SitePower:
        settings = {
            "driver": "ssh",
            "user": "ha-test",
            "port": self.port,
            "known_hosts": str(self.folder / "known_hosts"),
            "key_file": str(self.folder / "client_key"),
            "timeout_s": 10,
            "lose": [{"host": "127.0.0.1", "run": command} for command in lose],
            "restore": [{"host": "127.0.0.1", "run": command} for command in restore or ["true"]],
        }
        return power_of(files.a_site(self.folder, allow_faults=["site-loss"], power=settings | changes))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    for name in ("host_key", "client_key", "other_key"):
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(tmp_path / name)
        key.write_public_key(tmp_path / f"{name}.pub")
    command = [sys.executable, str(SERVER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        public = (tmp_path / "host_key.pub").read_text()
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
        yield Host(tmp_path, port, server.pid)
        server.kill()


def test_all_commands_of_lose_are_run_and_none_of_restore(host: Host) -> None:
    paths = [host.folder / name for name in ("one", "two's", "back")]
    power = host.power([f'echo "$0 gone" > "{path}"' for path in paths[:2]], [f"touch {paths[2]}"])
    power.lose()
    assert [path.read_text() for path in paths[:2]] == ["sh gone\n", "sh gone\n"]
    assert not paths[2].exists()
    power.restore()
    assert paths[2].exists()


def test_a_host_that_takes_the_connection_with_it_is_a_lost_host(host: Host) -> None:
    said = host.power([f"kill -9 {host.pid}; sleep 60"]).lose()
    assert "127.0.0.1 cut the connection" in said


def test_a_host_that_falls_silent_is_a_lost_host(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "_ANSWER_GRACE_S", 0.3)
    said = host.power([f"kill -STOP {host.pid}; sleep 60"], timeout_s=3).lose()
    assert "127.0.0.1 fell silent" in said


def test_a_cut_connection_while_restoring_is_an_error(host: Host) -> None:
    power = host.power(["true"], [f"kill -9 {host.pid}; sleep 60"])
    with pytest.raises(HarnessError, match="Could not restore site site-a over SSH"):
        power.restore()


def test_a_command_that_fails_is_told_by_its_status_and_without_its_secrets(host: Host) -> None:
    with pytest.raises(HarnessError, match=r"ran its command, which exited with 3") as raised:
        host.power(["echo hunter2 >&2; exit 3"]).lose()
    assert "hunter2" not in str(raised.value)


def test_a_command_that_hangs_is_ended_on_the_host_and_the_site_is_not_called_lost(host: Host) -> None:
    pid_file = host.folder / "pid"
    power = host.power([f"echo $$ > {pid_file}; exec sleep 600"], timeout_s=4)
    with pytest.raises(HarnessError, match="did not finish .* within 4 s; it was ended there"):
        power.lose()
    pid = int(pid_file.read_text())
    wait_until(lambda: not psutil.pid_exists(pid), timeout=15, what="the remote command to be gone")


def test_a_host_whose_key_is_not_known_is_not_spoken_to(host: Host) -> None:
    (host.folder / "known_hosts").write_text(f"[127.0.0.1]:{host.port} {(host.folder / 'other_key.pub').read_text()}")
    with pytest.raises(HarnessError, match="Cannot log in to 127.0.0.1"):
        host.power([f"touch {host.folder / 'spoken'}"]).lose()
    (host.folder / "known_hosts").write_text("")
    with pytest.raises(HarnessError, match="Expected its host key in"):
        host.power([f"touch {host.folder / 'spoken'}"]).lose()
    assert not (host.folder / "spoken").exists()


def test_a_login_that_is_refused_says_so(host: Host) -> None:
    with pytest.raises(HarnessError, match=r"Cannot log in to 127.0.0.1 port \d+ as ha-test: "):
        host.power(["true"], key_file=str(host.folder / "other_key")).lose()


def test_known_hosts_that_are_not_there_are_named(host: Host) -> None:
    with pytest.raises(HarnessError, match=r"Cannot read power.known_hosts .*nowhere of site site-a"):
        host.power(["true"], known_hosts=str(host.folder / "nowhere")).lose()


def test_one_host_that_fails_does_not_hide_that_the_others_did_their_part(host: Host) -> None:
    done = host.folder / "done"
    with pytest.raises(HarnessError, match="which exited with 1") as failed:
        host.power(["false", f"touch {done}"]).lose()
    assert done.exists()
    assert "touch" not in str(failed.value)
