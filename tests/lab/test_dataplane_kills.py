"""SIGKILL of parts of a lab of three sites in namespaces mode, and of all of it: what is there afterwards is what
Neutron says, and what is taken down leaves nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import permutations
from pathlib import Path

import psutil
import pytest
from empty_labs import empty_lab
from plane import PATIENCE, Guest, Tenant
from plane_state import crash, daemon, holders, names_of_namespaces, remains, settled

from conformance.dataplane import Place, ping
from conformance.lab import Lab, dataplane, namespaces, site_names
from conformance.lab.wan import wan_between
from conformance.waiting import NotReached, wait_until

pytestmark = pytest.mark.lab

SITES = site_names(3)
NUMBERS = {site: number for number, site in enumerate(SITES, start=1)}


@pytest.fixture(scope="module")
def three() -> Iterator[Lab]:
    """Three running clouds in namespaces mode, for the tests of this module to wreck."""
    if reason := namespaces.missing():
        pytest.skip(reason)
    with empty_lab("lab-three", SITES, mode="namespaces") as made:
        made.up()
        yield made


@pytest.fixture(scope="module")
def guests(three: Lab) -> tuple[Guest, Guest]:
    """Two in site-a on one network behind a router, where everything is allowed."""
    tenant = Tenant.of(three, "site-a", 1)
    subnet, group = tenant.network("10.1.90.0/24"), tenant.group()
    tenant.allow(group, None)
    tenant.router(subnet, external=True)
    one, two = tenant.guests(("one", subnet, group), ("two", subnet, group))
    return one, two


def crosses(lab: Lab, near: str, far: str) -> bool:
    """Whether the services of one site reach those of another."""
    ends = (Place(site, f"services-{site}", f"100.64.{NUMBERS[site]}.10") for site in (near, far))
    return bool(ping(partial(dataplane.open_socket, lab.directory), *ends, count=1, timeout=1.0).times_ns)


def joined(lab: Lab, sites: tuple[str, ...] = SITES) -> dict[tuple[str, str], bool]:
    """By (from, to): whether packets pass."""
    return {pair: crosses(lab, *pair) for pair in permutations(sites, 2)}


def delivered(lab: Lab, near: str, far: str) -> int:
    return wan_between(lab.directory, near, far).counters(f"{near}>{far}")["delivered"]


def status(lab: Lab) -> tuple[int, str]:
    """What the command says, which is no process of the lab."""
    command = [Path(sys.executable).with_name("multisite-ha"), "lab", "status", "--name", lab.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def said_to_be_up(lab: Lab) -> None:
    """It is; on a busy machine an API may be slower than the command waits."""
    said = ""

    def up() -> bool:
        nonlocal said
        code, said = status(lab)
        return code == 0

    try:
        wait_until(up, timeout=PATIENCE, what="the lab to be up")
    except NotReached:
        pytest.fail(said)


def heads(said: str) -> dict[str, str]:
    """By site, what its table's title says."""
    titles = [line for line in said.splitlines() if line.startswith("site-") and " · " in line]
    return {line.split()[0]: line.split(" · ")[2].strip() for line in titles}


def differing(lab: Lab) -> list[str]:
    return settled(lab, [Tenant.of(lab, site, number) for site, number in NUMBERS.items()], timeout=PATIENCE)


def answers(lab: Lab, guests: tuple[Guest, Guest]) -> None:
    one, two = guests
    tenant = Tenant.of(lab, "site-a", 1)
    wait_until(lambda: tenant.says(one.place, two.ip) == "two", timeout=PATIENCE, what="a guest to answer")


def test_each_pair_of_three_sites_has_a_way_of_its_own(three: Lab) -> None:
    assert all(joined(three).values())
    before = {pair: delivered(three, *pair) for pair in permutations(SITES, 2)}
    assert crosses(three, "site-a", "site-c")
    after = {pair: delivered(three, *pair) for pair in before}
    assert {pair for pair in before if after[pair] > before[pair]} == {("site-a", "site-c"), ("site-c", "site-a")}
    wan = wan_between(three.directory, "site-a", "site-b")
    wan.change({"up": False})
    try:
        assert {pair for pair, passes in joined(three).items() if not passes} == {
            ("site-a", "site-b"),
            ("site-b", "site-a"),
        }
    finally:
        wan.control.reset()


def test_the_loss_of_one_site_leaves_the_other_pair_working_and_is_seen(three: Lab) -> None:
    said_to_be_up(three)
    three.kill_site("site-c")
    assert all(joined(three, ("site-a", "site-b")).values())
    assert not crosses(three, "site-a", "site-c") and not crosses(three, "site-b", "site-c")
    assert status(three)[0] == 3
    wanted = {"site-a": "up", "site-b": "up", "site-c": "DOWN"}
    wait_until(lambda: heads(status(three)[1]) == wanted, timeout=PATIENCE, what=f"the command to say {wanted}")
    three.start_site("site-c")
    assert all(joined(three).values())
    said_to_be_up(three)


def test_a_killed_network_daemon_is_followed_by_one_that_does_what_neutron_says(
    three: Lab, guests: tuple[Guest, Guest]
) -> None:
    tenant = Tenant.of(three, "site-a", 1)
    killed = daemon(three)
    group = tenant.group()
    for number in range(3):
        tenant.allow(group, "udp", port_range_min=1, port_range_max=1000 + number)
    killed.send_signal(signal.SIGKILL)
    added = tenant.network("10.1.91.0/24")
    assert differing(three) == []
    assert daemon(three).pid != killed.pid
    assert any(added.network_id[:11] in line for line in _links(three))
    answers(three, guests)


def test_a_guest_that_ended_by_itself_is_silent_when_it_was_stopped(three: Lab, guests: tuple[Guest, Guest]) -> None:
    tenant = Tenant.of(three, "site-a", 1)
    subnet = tenant.cloud.network.get_subnet(guests[0].port.fixed_ips[0]["subnet_id"])
    group = tenant.group()
    (ended,) = tenant.guests(("ended", subnet, group))
    (pid,) = (
        guest.pid for site in three.status().sites for guest in site.guests if guest.uuid == ended.id and guest.pid
    )
    psutil.Process(pid).kill()
    wait_until(lambda: not psutil.pid_exists(pid), timeout=PATIENCE, what="the guest to be gone")
    compute = tenant.cloud.compute
    compute.stop_server(ended.id)
    wait_until(lambda: compute.get_server(ended.id).status == "SHUTOFF", timeout=PATIENCE, what="it to be stopped")
    gone = f"guest-{ended.id}"
    wait_until(
        lambda: gone not in dataplane.status(three.directory)["netns"], timeout=PATIENCE, what="its network to be gone"
    )
    assert differing(three) == []


def test_a_lab_of_which_every_process_was_killed_is_as_neutron_says_again(
    three: Lab, guests: tuple[Guest, Guest]
) -> None:
    names = names_of_namespaces(three)
    crash(three, random.Random(1))
    assert status(three)[0] == 3
    three.up()
    assert differing(three) == []
    answers(three, guests)
    assert all(joined(three).values())
    assert holders(three, names) == []


def test_down_after_every_process_was_killed_leaves_nothing(three: Lab, guests: tuple[Guest, Guest]) -> None:
    names = names_of_namespaces(three)
    namespaces.living_keeper(three.directory).kill()
    assert holders(three, names) != []  # what is looked for would be found
    crash(three, random.Random(2))
    three.down()
    assert remains(three, names) == []
    assert status(three)[0] == 3


def _links(lab: Lab) -> list[str]:
    """Interfaces of site-a's bridges."""
    place = lab.directory / "netns" / "fabric-site-a"
    command = lab.command(["nsenter", f"--net={place}", "ip", "-o", "link"])
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
