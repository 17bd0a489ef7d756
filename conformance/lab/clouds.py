"""The files by which a lab is used: clouds.yaml for OpenStack clients, sites.yaml for the harness."""

from __future__ import annotations

from pathlib import Path

import yaml

from conformance.lab.files import write_private
from conformance.lab.site import LabSite, region

_OWN_FAULTS = ("api-silence", "api-errors", "service-kill")
_API_FAULTS = {"storage-full": "ballast"}  # by driver: what anybody could do who may use the cloud
FAULTS = (*_OWN_FAULTS, *_API_FAULTS)
"""What can be done to a part of a site, beside losing all of it."""


def write(directory: Path, sites: list[LabSite]) -> None:
    """Write both files into the lab's directory (clouds.yaml holds passwords and is readable by its owner only)."""
    clouds = {site.cloud: _cloud(site) for site in sites}
    description = {
        "clouds_yaml": "clouds.yaml",
        "sites": {site.name: _site(site) for site in sites},
        "link": {"toxiproxy": None},
    }
    write_private(directory / "clouds.yaml", yaml.safe_dump({"clouds": clouds}, sort_keys=False))
    write_private(directory / "sites.yaml", yaml.safe_dump(description, sort_keys=False))


def _cloud(site: LabSite) -> dict[str, object]:
    return {
        "auth": {
            "auth_url": f"{site.addresses.url('keystone')}/v3",
            "username": "admin",
            "password": site.password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": region(site),
        "identity_api_version": "3",
    }


def _site(site: LabSite) -> dict[str, object]:
    return {
        "cloud": site.cloud,
        "tenant_pool": site.addresses.tenant_pool,
        "link_address": site.addresses.link,
        "external_network": "public",
        "volume_type": "lab",
        "availability_zone": None,
        "power": {"driver": "lab", "lab": site.lab},
        **({"data_plane": {"driver": "lab", "lab": site.lab}} if site.addresses.packets else {}),
        "faults": {
            **{name: {"driver": "lab", "lab": site.lab} for name in _OWN_FAULTS},
            **{name: {"driver": driver} for name, driver in _API_FAULTS.items()},
        },
        "allow_faults": ["site-loss", *FAULTS],
    }
