"""Faults of a part of a site and of one guest, on real clouds: they bite, guests go on, they heal, and twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_tenant import Tenant, eventually, guest_answer

from conformance.errors import UsageError
from conformance.faults.api_errors import ApiErrors
from conformance.faults.api_silence import ApiSilence
from conformance.faults.service_kill import ServiceKill
from conformance.faults.site_fault import SiteFault
from conformance.faults.storage_full import StorageFull
from conformance.faults.vnf_hang import VnfHang
from conformance.faults.vnf_kill import VnfKill
from conformance.faults.vnf_member import MemberFault
from conformance.lab import Lab
from conformance.sites import Site, SitesFile, api_answers, ask_for_volume, load_sites, sweep
from conformance.undo import UNDO_ACTIONS
from conformance.vnf import Deployment, await_ready, begin, load_blueprint

pytestmark = pytest.mark.lab

RUN = "tests-site-faults"
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")  # the next one that is free after it is given to the next process
# A guest that says of itself what a database would.
GUEST = """#!/bin/sh
exec python3 - <<'END'
import http.server, json
class Status(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"role": "primary", "database": "writable"}')
http.server.ThreadingHTTPServer((json.load(open("spec.json"))["ips"][0], 8080), Status).serve_forever()
END
"""


@pytest.fixture
def sites(lab: Lab) -> Iterator[SitesFile]:
    known = load_sites(lab.sites_yaml)
    yield known
    known.close()


@pytest.fixture
def site(sites: SitesFile) -> Site:
    return sites.site("site-a")


@pytest.fixture
def vnf(site: Site, tmp_path: Path) -> Iterator[Deployment]:
    (tmp_path / "guest.sh").write_text(GUEST)
    point = {"role": "single", "network": "core", "port": 8080}
    role = {"image": "base", "flavor": "small", "user_data": "guest.sh", "ports": [{"network": "core", "offset": 9}]}
    data = {
        "images": {"base": {"generated_mib": 1}},
        "flavors": {"small": {"vcpus": 1, "ram_mib": 64, "disk_gib": 1}},
        "networks": {"core": {"prefix_length": 26}},
        "roles": {"single": role},
        "service": point,
        "management": point,
        "replication": point,
    }
    (tmp_path / "single.yaml").write_text(yaml.safe_dump(data))
    deployment = begin(site, load_blueprint(tmp_path / "single.yaml"), RUN)
    await_ready(site, deployment)
    yield deployment
    sweep(site, RUN)


def made(fault: str, site: Site, path: Path) -> SiteFault:
    if fault == "api-silence":
        return ApiSilence(site, path)
    return ApiErrors(site, path) if fault == "api-errors" else ServiceKill(site, path, "compute")


@pytest.mark.parametrize("name", ["api-silence", "api-errors", "service-kill"])
def test_a_fault_of_a_part_bites_spares_guests_and_neighbours_and_heals(
    name: str, sites: SitesFile, tenant: Tenant
) -> None:
    site = sites.site("site-a")
    server = tenant.server("sturdy", 60)
    before = eventually(tenant.ip(60))
    fault = made(name, site, sites.path)
    assert not fault.verify().ok

    fault.inject()
    try:
        seen = fault.verify()
        assert seen.ok, seen.detail
        assert (guest_answer(tenant.ip(60)) or {}).get("pid") == before["pid"]
        assert api_answers(sites.site("site-b"), timeout=10).ok
    finally:
        fault.heal()
    assert fault.verify_healed().ok
    fault.heal()

    assert not fault.verify().ok
    assert (guest_answer(tenant.ip(60)) or {}).get("pid") == before["pid"]
    assert tenant.cloud.compute.get_server(server).status == "ACTIVE"
    tenant.server("newcomer", 61)


def test_a_service_that_is_not_there_is_named_with_those_that_are(site: Site, sites: SitesFile) -> None:
    with pytest.raises(UsageError, match="has no computer service. Did you mean 'compute'"):
        ServiceKill(site, sites.path, "computer").inject()


def test_the_undo_of_a_killed_run_lets_a_silent_api_answer_again(site: Site, sites: SitesFile) -> None:
    fault = ApiSilence(site, sites.path)
    fault.inject()
    undo = fault.undo()
    UNDO_ACTIONS[undo.action](undo.arguments)
    assert api_answers(site, timeout=10).ok


def test_storage_is_full_when_cinder_refuses_also_after_a_restart_until_another_run_takes_the_ballast_back(
    lab: Lab, sites: SitesFile
) -> None:
    site = sites.site("site-a")
    fault = StorageFull(site, sites.path)
    before = fault.verify()
    assert not before.ok and "was granted" in before.detail

    fault.inject()
    try:
        seen = fault.verify()
        assert seen.ok, seen.detail
        lab.kill_service("site-a", "cinder")
        lab.start_service("site-a", "cinder")
        seen = fault.verify()
        assert seen.ok, seen.detail
        assert ask_for_volume(sites.site("site-b")).ok
    finally:
        undo = fault.undo()
        UNDO_ACTIONS[undo.action](undo.arguments)
    healed = fault.verify_healed()
    assert healed.ok and "was granted" in healed.detail
    assert not list(site.cloud.block_storage.volumes())


@pytest.mark.parametrize("kind", [VnfHang, VnfKill])
def test_a_fault_of_a_guest_silences_it_and_it_comes_back(
    kind: type[VnfHang] | type[VnfKill], site: Site, vnf: Deployment
) -> None:
    fault: Any = kind(site, vnf)
    fault.inject()
    seen = fault.verify()
    assert seen.ok, seen.detail
    assert isinstance(fault, MemberFault) and fault.guest.label == "single-0"
    if kind is VnfHang:
        assert fault.status() == "PAUSED"
    fault.heal()
    back = fault.verify_healed()
    assert back.ok, back.detail
    fault.heal()
    assert fault.status() == "ACTIVE"


def pids_can_be_chosen() -> bool:
    try:
        LAST_PID.write_text(LAST_PID.read_text())
    except OSError:
        return False
    return True


@pytest.mark.skipif(not pids_can_be_chosen(), reason="only root may choose pids, and not in every container")
def test_a_service_that_gets_the_pid_of_one_that_was_killed_is_not_taken_for_it(lab: Lab) -> None:
    """A long run goes once around all pids there are, and a lab remembers how its processes have ended."""
    for _ in range(20):
        killed = service(lab, "glance")
        lab.kill_service("site-a", "glance")
        LAST_PID.write_text(str(killed - 1))
        lab.start_service("site-a", "glance")
        if service(lab, "glance") == killed:
            return
    pytest.skip("Others were quicker to take the pid, 20 times.")


def service(lab: Lab, name: str) -> int:
    site = next(site for site in lab.status().sites if site.name == "site-a")
    pid = next(service.pid for service in site.services if service.name == name)
    assert pid is not None
    return pid
