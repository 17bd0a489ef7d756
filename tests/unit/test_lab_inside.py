"""The parts of what runs inside the OpenStack environment that need no OpenStack."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import conformance.lab.supervisor
from conformance.waiting import wait_until

sys.path.insert(0, str(conformance.lab.supervisor.INSIDE))

from labcloud import instance, patches, processes, wire  # noqa: E402


@pytest.fixture
def family() -> Iterator[int]:
    """Pid of a process with a child in another session."""
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    child = int(process.stdout.readline())
    yield process.pid
    for pid in (child, process.pid):
        processes.send(pid, signal.SIGKILL)
    process.wait()


def test_a_tree_holds_children_in_other_sessions(family: int) -> None:
    assert len(processes.tree(family)) == 2
    assert processes.tree(family)[0] == family


def test_a_tree_of_a_dead_process_is_empty(family: int) -> None:
    os.kill(family, signal.SIGKILL)
    wait_until(lambda: processes.started_at(family) is None, timeout=5, what="the process to die")
    assert processes.tree(family) == []


def test_a_signal_reaches_the_whole_tree(family: int) -> None:
    members = processes.tree(family)
    processes.signal_tree(family, signal.SIGSTOP)
    wait_until(lambda: all(state(pid) == "T" for pid in members), timeout=5, what="all to be stopped")
    processes.signal_tree(family, signal.SIGCONT)
    wait_until(lambda: all(state(pid) == "S" for pid in members), timeout=5, what="all to go on")


def test_a_start_time_tells_a_process_from_a_later_one_with_its_pid() -> None:
    first = processes.started_at(os.getpid())
    assert first
    assert first == processes.started_at(os.getpid())
    assert processes.started_at(2**22 + 1) is None


def test_lines_are_told_apart_however_they_arrive() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        lines = wire.Lines(ours)
        theirs.sendall(b'{"a": 1}\n{"a": 2}\n{"a"')
        assert lines.read() == [{"a": 1}, {"a": 2}]
        theirs.sendall(b": 3}\n")
        assert lines.read() == [{"a": 3}]
        theirs.close()
        assert lines.read() is None


def spec(**volumes: str) -> dict:
    return {
        "uuid": "u",
        "volumes": {f"/dev/{name}": {"id": id_, "path": f"/pool/{id_}"} for name, id_ in volumes.items()},
    }


def test_links_to_volumes_follow_the_spec(tmp_path: Path) -> None:
    directory = tmp_path / "u"
    instance.create(directory, spec(vdb="0123456789abcdef0123456789"), b"#!/bin/sh\n")
    links = directory / "dev" / "disk" / "by-id"
    assert {link.name: str(link.readlink()) for link in links.iterdir()} == {
        "virtio-0123456789abcdef0123": "/pool/0123456789abcdef0123456789"
    }
    instance.change(directory, lambda found: found.update(spec(vdc="ffff")))
    assert [link.name for link in links.iterdir()] == ["virtio-ffff"]
    assert (directory / "user_data").stat().st_mode & 0o777 == 0o700


def test_an_init_is_remembered_by_pid_and_start_time(tmp_path: Path) -> None:
    started = processes.started_at(os.getpid())
    assert started
    instance.remember_init(tmp_path, os.getpid(), started)
    assert instance.init_pid(tmp_path) == os.getpid()
    instance.remember_init(tmp_path, os.getpid(), started + 1)  # the pid was given to another process
    assert instance.init_pid(tmp_path) is None


class Patched:
    """What stands for a class of OpenStack."""

    def greet(self) -> str:
        """Say hello."""
        return "hello"


def test_a_patch_of_a_changed_source_fails_loudly_and_changes_nothing() -> None:
    with pytest.raises(patches.PatchOutdated, match=r"Patched\.greet was written for nova 1.*no greeting"):
        patches.replace(
            Patched, "greet", lambda self: "bye", digest="000000000000", release="nova 1", symptom="no greeting"
        )
    assert Patched().greet() == "hello"


def test_importing_eventlet_is_refused_while_the_blocker_is_active() -> None:
    blocker = patches.EventletBlocker()
    with pytest.raises(ImportError, match="not used here"):
        blocker.find_spec("eventlet.green", None)
    assert blocker.find_spec("json", None) is None
    blocker.active = False
    assert blocker.find_spec("eventlet", None) is None


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[0]
