"""The files by which a lab is used: clouds.yaml for OpenStack clients, sites.yaml for the harness."""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from conformance.lab.site import LabSite, region


def write(directory: Path, sites: list[LabSite]) -> None:
    """Write both files into the lab's directory (clouds.yaml holds passwords and is readable by its owner only)."""
    clouds = {site.cloud: _cloud(site) for site in sites}
    _write(directory / "clouds.yaml", {"clouds": clouds})
    _write(
        directory / "sites.yaml",
        {
            "clouds_yaml": "clouds.yaml",
            "sites": {site.name: _site(site) for site in sites},
            "link": {"toxiproxy": None},
        },
    )


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
        "allow_faults": ["site-loss"],
    }


def _write(path: Path, content: dict[str, object]) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yaml.safe_dump(content, file, sort_keys=False)
    temporary.replace(path)
