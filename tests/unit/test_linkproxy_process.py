"""The link proxy as a process: how it starts, what it says when it cannot, and that it never outlives its parent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from conformance.links import EmbeddedProxy, Link, LinkError, Toxic

COMMAND = [sys.executable, "-m", "conformance.linkproxy"]
PATIENCE = 30


@contextmanager
def started(*options: str, stdin: int | None = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


def ready(process: subprocess.Popen[bytes]) -> dict[str, object]:
    assert process.stdout
    return dict(json.loads(process.stdout.readline()))


def failing(*arguments: str, command: list[str] = COMMAND) -> tuple[int, str]:
    done = subprocess.run(
        [*command, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )
    assert not done.stdout
    return done.returncode, done.stderr.strip()


def gone(pid: int) -> bool:
    """Whether the process ends, or has ended; waits for it."""
    try:
        psutil.Process(pid).wait(PATIENCE)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_quietly_when_told_to(signum: signal.Signals) -> None:
    with started("--seed", "7") as process:
        said = ready(process)
        assert said["seed"] == 7
        with urllib.request.urlopen(f"{said['url']}/version", timeout=PATIENCE) as response:
            assert json.load(response)["implementation"] == "conformance.linkproxy"
        process.send_signal(signum)
        assert process.wait(PATIENCE) == 0
        assert process.stderr and process.stderr.read() == b""


@pytest.mark.parametrize("command", [COMMAND, [str(Path(sys.executable).with_name("multisite-ha")), "proxy"]])
def test_a_taken_port_is_one_sentence_and_exit_code_3(command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = failing("--port", str(port), command=command)
    assert code == 3
    assert f"cannot listen on 127.0.0.1:{port}" in said and "already in use" in said and "--port" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [("--port", "99999"), ("--nonsense",), ("--config", "/no/such/file"), ("--dial-timeout", "0")]
)
def test_wrong_usage_is_exit_code_64(arguments: tuple[str, ...]) -> None:
    code, said = failing(*arguments)
    assert code == 64
    assert "Error:" in said and "Traceback" not in said


def test_a_configuration_file_creates_proxies(tmp_path: Path) -> None:
    config = tmp_path / "proxies.json"
    config.write_text(json.dumps([{"name": "db", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}]))
    with started("--config", str(config)) as process:
        url = ready(process)["url"]
        with urllib.request.urlopen(f"{url}/proxies/db", timeout=PATIENCE) as response:
            assert json.load(response)["enabled"] is True


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("[{", "bad request body"), ('[{"name": "db"}]', "missing required field: upstream at proxy 1")],
)
def test_a_broken_configuration_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    config = tmp_path / "proxies.json"
    config.write_text(text)
    code, said = failing("--port", "0", "--config", str(config))
    assert code == 3
    assert str(config) in said and sentence in said and len(said.splitlines()) == 1


def test_it_ends_with_its_standard_input() -> None:
    with started("--die-with-stdin", stdin=subprocess.PIPE) as process:
        ready(process)
        assert process.poll() is None
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_it_does_not_end_with_its_standard_input_unless_told_to() -> None:
    with started() as process:
        url = ready(process)["url"]
        with urllib.request.urlopen(f"{url}/version", timeout=PATIENCE) as response:
            assert response.status == 200
        assert process.poll() is None


def test_the_embedded_proxy_does_not_survive_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent("""
                from conformance.links import EmbeddedProxy
                with EmbeddedProxy() as proxy:
                    print(proxy.pid, flush=True)
                    input()
            """),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout and parent.stdin
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    assert gone(child)
    parent.stdout.close()
    parent.stdin.close()


def test_the_embedded_proxy_is_gone_after_its_block_even_with_connections_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as far, EmbeddedProxy() as embedded:
        pid = embedded.pid
        assert pid is not None
        link = Link.open(
            embedded.server,
            name="l",
            from_site="b",
            to_site="a",
            listen_host="127.0.0.1",
            upstream=f"127.0.0.1:{far.getsockname()[1]}",
        )
        embedded.server.add_toxic("l", Toxic("t", "blackhole", "upstream"))
        near = socket.create_connection((link.listen_host, link.listen_port), PATIENCE)
        near.sendall(b"held")
    assert gone(pid)
    near.close()
    with pytest.raises(LinkError, match="outside its with block"):
        _ = embedded.server


def test_ctrl_c_at_the_terminal_does_not_reach_the_embedded_proxy() -> None:
    with EmbeddedProxy() as embedded:
        assert embedded.pid is not None
        assert os.getpgid(embedded.pid) != os.getpgid(0)


def test_an_embedded_proxy_that_cannot_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'out of order' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(LinkError, match="should have said where it listens; it said: out of order"), EmbeddedProxy():
        pass
