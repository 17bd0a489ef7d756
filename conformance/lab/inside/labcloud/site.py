"""The site a process belongs to, as the harness wrote it into ``site.json`` of the site's directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Site:
    """One cloud. ``directory`` is absolute; ``urls`` maps a service's name to ``http://address:port``.

    ``network_daemon`` is the socket of the lab's network daemon, None in loopback mode.
    """

    name: str
    lab: str
    directory: Path
    address: str
    region: str
    password: str
    computes: int
    instances: Path
    guest_path: str
    external_cidrs: list[str]
    network_daemon: str | None
    urls: dict[str, str]

    @property
    def etc(self) -> Path:
        """Where the services' configuration files are."""
        return self.directory / "etc"

    def title(self, what: str) -> str:
        """Command line by which the harness recognises the site's processes."""
        return f"multisite-ha lab {self.lab}: {self.name} {what} [{self.directory}]"

    def compute_hosts(self) -> list[str]:
        """Names of the nova-compute hosts."""
        return [f"{self.name}-compute-{number}" for number in range(self.computes)]


def load() -> Site:
    """Read ``site.json`` in the working directory."""
    raw = json.loads(Path("site.json").read_text())
    return Site(**{**raw, "directory": Path(raw["directory"]), "instances": Path(raw["instances"])})
