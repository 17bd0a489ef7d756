"""The sites file: which clouds a run is about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from conformance.errors import UsageError
from conformance.resources import closest, find_fixture
from conformance.settings import read_settings
from conformance.sites.clouds import cloud_entry, read_clouds
from conformance.sites.settings import LinkSettings, SitesSettings
from conformance.sites.site import Site


@dataclass(frozen=True)
class SitesFile:
    """A sites file that was read, with its sites in the order written there."""

    path: Path
    sites: tuple[Site, ...]
    link: LinkSettings

    def site(self, name: str) -> Site:
        """The site of this name. UsageError suggests the nearest one."""
        for site in self.sites:
            if site.name == name:
                return site
        raise UsageError(f"There is no site {name!r} in {self.path}. {closest(name, [s.name for s in self.sites])}")

    def tenant_pools(self) -> dict[str, str]:
        """Site name → CIDR that its subnets are carved from."""
        return {s.name: str(s.spec.tenant_pool) for s in self.sites}

    @property
    def lab(self) -> str | None:
        """The lab whose guests' packets can be looked at from inside; None where they cannot."""
        return next((s.spec.data_plane.lab for s in self.sites if s.spec.data_plane is not None), None)

    def close(self) -> None:
        """Close all connections."""
        for site in self.sites:
            site.close()


def load_sites(name_or_path: str | Path) -> SitesFile:
    """Read a sites file and the clouds.yaml it leans on. No cloud is contacted.

    UsageError names the file, the field, what was expected and what was seen, and the nearest known name.
    """
    path = find_fixture("sites", str(name_or_path), "sites").resolve()
    settings = read_settings(path, SitesSettings, "sites")
    clouds = read_clouds(path.parent / settings.clouds_yaml if settings.clouds_yaml else None)
    used = Path(clouds.config_filename).resolve() if clouds.config_filename else None
    folder = path.parent.resolve()
    sites = tuple(
        Site(name, spec, folder, partial(cloud_entry, clouds, spec.cloud, f"Site {name!r} in {path}"), used)
        for name, spec in settings.sites.items()
    )
    return SitesFile(path, sites, settings.link)
