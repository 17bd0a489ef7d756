"""The guests of the stretched VNF as processes of this machine: real Patroni, PostgreSQL and etcd at three sites."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from subscriber_guests import BLUEPRINT, Guest, ask, lives, postgres_for_everybody

from conformance.lab.startup import ensure_packages
from conformance.waiting import NotReached, wait_until

SITES = ("site-a", "site-b", "site-c")
PATIENCE_S = 120.0

pytestmark = pytest.mark.skipif(
    shutil.which("etcd") is None, reason="needs etcd on the PATH (Debian: apt-get install etcd-server)"
)


class Cluster:
    """A database, a front-end and an etcd at two sites, and an etcd at the third."""

    def __init__(self, folder: Path, replication: str) -> None:
        folder.chmod(0o755)
        self.folder = folder
        self.prefix = f"127.214.{os.getpid() % 256}"
        self.replication = replication
        self.path = f"{Path(sys.executable).parent}:{postgres_for_everybody(folder)}:/usr/bin:/bin"
        self.packages = str(ensure_packages(BLUEPRINT / "patroni.lock", print))
        self.peers = {site: self._peers(number, site) for number, site in enumerate(SITES)}
        self.guests: dict[tuple[str, str], Guest] = {}

    def _peers(self, number: int, site: str) -> dict[str, list[dict[str, str]]]:
        at = f"{self.prefix}.{number + 1}"
        found = {"consensus": [{"oam": f"{at}0"}]}
        if site != SITES[-1]:
            found["database"] = [{"oam": f"{at}1", "service": f"{at}2"}]
            found["frontend"] = [{"oam": f"{at}3", "service": f"{at}4"}]
        return found

    def boot(self) -> None:
        """Boot all guests of all sites at once."""
        founder = {"host": self.peers["site-a"]["database"][0]["oam"], "port": 5432}
        for site, roles in self.peers.items():
            for role, members in roles.items():
                config: dict[str, Any] = {
                    "run_id": "stretched.1",
                    "site": site,
                    "role": role,
                    "index": 0,
                    "addresses": members[0],
                    "peers": roles,
                    "elsewhere": {other: there for other, there in self.peers.items() if other != site},
                    "packages": self.packages,
                    "variables": {"replication": self.replication, "ttl_s": 20, "loop_wait_s": 1, "retry_timeout_s": 8},
                    "primary": None if site == "site-a" else founder,
                    "volumes": {},
                }
                home = self.folder / f"{site}-{role}"
                home.mkdir()
                self.guests[site, role] = Guest(home, config, self.path)

    def kill(self, *sites: str) -> None:
        """SIGKILL everything at these sites, also what has left its parent, as PostgreSQL does."""
        homes = [guest.folder for (site, _), guest in self.guests.items() if site in sites]
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(Path(process.cwd()).is_relative_to(home) for home in homes):
                    found.append(process)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for (site, _), guest in self.guests.items():
            if site in sites:
                guest.process.wait()
        wait_until(lambda: not any(map(lives, found)), timeout=10, what=f"{' and '.join(sites)} to be gone")

    def await_(self, site: str, **fields: Any) -> None:
        """Return when the database of a site says all of this of itself."""
        guest = self.guests[site, "database"]
        try:
            wait_until(
                lambda: guest.status().items() >= fields.items(), timeout=PATIENCE_S, what=f"{site} to say {fields}"
            )
        except NotReached as error:
            for one in self.guests.values():
                logs = [one.folder / "console.log", *one.folder.glob("*/*/postgresql.log")]
                error.add_note(f"--- {one.folder.name}: " + "\n".join(log.read_text()[-1500:] for log in logs))
            raise

    def ask(self, site: str, method: str, path: str, body: str = "", session: str = "") -> tuple[int, Any]:
        """Ask the front-end of a site."""
        return ask(method, self.guests[site, "frontend"].url(path), body, session)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """pytest's own temporary folders are closed to the account PostgreSQL runs as."""
    with tempfile.TemporaryDirectory(prefix="stretched-") as name:
        made = Cluster(Path(name), "sync")
        try:
            made.boot()
            yield made
        finally:
            made.kill(*SITES)


def test_the_loss_of_the_primarys_site_is_survived_by_itself_and_with_all_that_was_acknowledged(
    cluster: Cluster,
) -> None:
    cluster.await_("site-a", role="primary", protected=True)
    cluster.await_("site-b", role="standby", database="read-only", protected=False)
    status, opened = cluster.ask("site-a", "POST", "/sessions", '{"subscriber": "s"}')
    assert status == 201
    session = opened["session"]
    written = [f"k{n}" for n in range(50) if cluster.ask("site-a", "PUT", f"/records/k{n}", "v", session)[0] == 201]
    assert len(written) == 50
    assert cluster.ask("site-b", "PUT", "/records/not-here", "v", session)[0] == 503
    assert ask("POST", cluster.guests["site-b", "database"].url("/promote"), "")[0] == 409

    cluster.kill("site-a")
    cluster.await_("site-b", role="primary", database="writable", protected=False)
    kept = {item[1] for item in cluster.ask("site-b", "GET", "/records")[1]["items"]}
    assert kept == set(written)
    assert cluster.ask("site-b", "PUT", "/records/after", "v", session)[0] == 201
