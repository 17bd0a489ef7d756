"""Nothing is left behind, and whatever was left behind by others is taken over or cleaned."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from empty_labs import empty_lab

from conformance.lab import Lab, LabError, namespaces, processes
from conformance.lab.addressing import PORTS
from conformance.lab.procfs import command_line
from conformance.paths import cache_dir
from conformance.waiting import wait_until

pytestmark = pytest.mark.lab

NAME = "lab-leftovers"


@pytest.fixture
def mode() -> str:
    """Of the lab that may be wrecked; tests about both modes give others."""
    return "loopback"


@pytest.fixture
def spare(mode: str) -> Iterator[Lab]:
    """A lab that each test may wreck."""
    if mode == "namespaces" and (reason := namespaces.missing()):
        pytest.skip(reason)
    with empty_lab(NAME, mode=mode) as lab:
        yield lab


def left(lab: Lab) -> list[str]:
    return [command_line(process) for process in processes.of_lab(lab.name, lab.directory)]


def half_built() -> list[Path]:
    return [path for path in cache_dir().glob(".*") if path.is_dir()]


def starting(lab: Lab, mode: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [Path(sys.executable).with_name("multisite-ha"), "lab", "up", "--name", lab.name, "--mode", mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored below a shell's "&"
    )


@pytest.mark.parametrize(
    ("mode", "steps"), [("loopback", 1), ("namespaces", 1), ("namespaces", 2), ("loopback", 6), ("namespaces", 12)]
)
def test_interrupting_up_after_any_step_leaves_nothing(spare: Lab, mode: str, steps: int) -> None:
    command = starting(spare, mode)
    assert command.stdout
    announced = [command.stdout.readline() for _ in range(steps)]
    assert command.poll() is None, announced
    command.send_signal(signal.SIGINT)
    said, _ = command.communicate(timeout=30)
    assert command.returncode != 0, said
    assert "Traceback" not in said
    assert left(spare) == [], f"interrupted after {announced[-1]!r}"
    assert half_built() == []
    spare.up()
    assert spare.is_up()


@pytest.mark.parametrize("mode", ["loopback", "namespaces"])
def test_sigkill_of_the_harness_while_it_starts_the_lab_is_taken_over(spare: Lab, mode: str) -> None:
    command = starting(spare, mode)
    wait_until(lambda: len(left(spare)) > 12, timeout=60, what="some services to run")
    command.kill()
    command.communicate()
    assert left(spare) != []
    spare.up()
    assert spare.is_up()
    spare.down()
    assert left(spare) == []


def test_a_lab_whose_supervisor_was_killed_keeps_running_and_is_taken_over(spare: Lab) -> None:
    spare.up()
    before = {service.pid for site in spare.status().sites for service in site.services}
    psutil.Process(spare.status().supervisor).kill()
    wait_until(lambda: spare.status().supervisor is None, timeout=10, what="supervisor and nurseries to end")
    assert spare.is_up()
    spare.up()
    assert {service.pid for site in spare.status().sites for service in site.services} == before
    spare.kill_site("site-b")
    spare.start_site("site-b")  # needs a new supervisor
    assert spare.is_up()


def test_down_cleans_even_when_the_record_is_unreadable(spare: Lab) -> None:
    spare.up()
    (spare.directory / "lab.json").write_text("{")
    with pytest.raises(LabError, match="lab down"):
        spare.status()
    spare.down()
    assert left(spare) == []
    assert [path for path in spare.directory.rglob("*") if path.is_socket()] == []


def test_up_is_idempotent_and_two_labs_run_side_by_side(spare: Lab, lab: Lab) -> None:
    spare.up()
    pids = {service.pid for site in spare.status().sites for service in site.services}
    spare.up()
    assert {service.pid for site in spare.status().sites for service in site.services} == pids
    assert lab.is_up()
    assert not {site.address for site in lab.status().sites} & {site.address for site in spare.status().sites}
    spare.down()
    assert lab.is_up()


def test_a_taken_port_is_named_with_its_holder_and_nothing_is_left_running(spare: Lab) -> None:
    spare.up()
    address = spare.status().sites[1].address
    spare.kill_site("site-b")
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind((address, PORTS["glance"]))
        squatter.listen()
        with pytest.raises(LabError, match=rf"glance of site site-b needs {address} port 9292.*process {os.getpid()} "):
            spare.start_site("site-b")
    assert not any("site-b" in words for words in left(spare))
    spare.start_site("site-b")
    assert spare.is_up()


def test_a_service_that_cannot_start_is_named_with_its_log(spare: Lab) -> None:
    spare.up()
    spare.kill_site("site-a")
    (spare.directory / "sites" / "site-a" / "db" / "cinder.sqlite").write_text("this is not a database")
    with pytest.raises(LabError, match=r"cinder of site site-a ended while starting.*cinder\.out"):
        spare.start_site("site-a")
    assert not any("site-a" in words for words in left(spare))
