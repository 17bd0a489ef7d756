"""Sites files for tests: two made-up clouds, and ways to change one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from conformance.sites import Site, load_sites

RUN = "20261122T120000Z-abc123.1"


def clouds(**entries: Any) -> dict[str, Any]:
    return {"clouds": entries}


def entry(auth_url: str = "http://127.0.0.1:1/v3") -> dict[str, Any]:
    auth = {
        "auth_url": auth_url,
        "username": "u",
        "password": "p",
        "project_name": "p",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    return {"auth": auth, "region_name": "r", "identity_api_version": "3"}


def site(n: int, **changes: Any) -> dict[str, Any]:
    given = {"cloud": f"cloud-{n}", "tenant_pool": f"127.{n}.0.0/17", "link_address": f"127.{n}.254.1"}
    return given | changes


def write(folder: Path, sites: Any = None, clouds_yaml: Any = None, *, named: bool = True) -> Path:
    """A sites file in ``folder`` with its clouds.yaml beside it, ``named`` in it or not; strings go in as they are."""
    two = {"site-a": site(1), "site-b": site(2)} if sites is None else sites
    both = clouds(**{"cloud-1": entry(), "cloud-2": entry()}) if clouds_yaml is None else clouds_yaml
    whole = {"sites": two} | ({"clouds_yaml": "clouds.yaml"} if named else {})
    for name, data in (("clouds.yaml", both), ("sites.yaml", whole)):
        (folder / name).write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return folder / "sites.yaml"


def a_site(folder: Path, auth_url: str = "http://127.0.0.1:1/v3", **changes: Any) -> Site:
    """The first of two sites, at this identity service."""
    both = clouds(**{"cloud-1": entry(auth_url), "cloud-2": entry()})
    return load_sites(write(folder, {"site-a": site(1, **changes), "site-b": site(2)}, both)).sites[0]
