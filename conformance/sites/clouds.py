"""Finding a cloud's entry in clouds.yaml, with one sentence per mistake, before anything is contacted."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from keystoneauth1.exceptions import ClientException
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion
from openstack.config.loader import CONFIG_FILES
from openstack.exceptions import SDKException

from conformance.errors import UsageError
from conformance.redaction import remember_in
from conformance.resources import closest
from conformance.settings import read_mapping

API_TIMEOUT_S = 60.0
"""How long one API request may take. openstacksdk's default is for ever."""


def read_clouds(clouds_yaml: Path | None) -> OpenStackConfig:
    """The clouds of this file, or of what openstacksdk finds by itself. UsageError names file, line and problem."""
    used = clouds_yaml or _found_by_openstacksdk()
    if used is not None:
        _check_file(used)
    try:
        if clouds_yaml is None:
            return OpenStackConfig(app_name="multisite-ha")
        secure = clouds_yaml.with_name("secure" + clouds_yaml.suffix)
        return OpenStackConfig(
            config_files=[str(clouds_yaml)],
            secure_files=[str(secure)],
            load_envvars=False,
            app_name="multisite-ha",
        )
    except SDKException as error:
        raise UsageError(f"openstacksdk cannot use its configuration: {error}") from None


def _found_by_openstacksdk() -> Path | None:
    """The clouds.yaml that openstacksdk would take: what the environment names, else the first on its path."""
    named = os.environ.get("OS_CLIENT_CONFIG_FILE")
    candidates = [*([named] if named else []), *CONFIG_FILES]
    return next((Path(c) for c in candidates if Path(c).is_file() and not c.endswith(".json")), None)


def cloud_entry(clouds: OpenStackConfig, name: str, used_by: str) -> CloudRegion:
    """The entry of this name, checked as far as that is possible without contacting the cloud.

    Requests time out after API_TIMEOUT_S and are never sent twice: a repeated POST could create a second
    resource.
    """
    where = clouds.config_filename or "any clouds.yaml that openstacksdk looks for"
    known = [n for n in clouds.get_cloud_names() if n != "defaults"]
    if name not in known:
        raise UsageError(f"{used_by} uses cloud {name!r}, which is not in {where}. {closest(name, known)}")
    try:
        entry = clouds.get_one(cloud=name, api_timeout=API_TIMEOUT_S, connect_retries=0)
    except (SDKException, ClientException, TypeError, ValueError, KeyError, AttributeError) as error:
        # Beside its own errors openstacksdk lets plain Python ones out when, say, auth is a string.
        reason = str(error) if isinstance(error, SDKException | ClientException) else f"it is malformed ({error})"
        raise UsageError(f"{used_by} uses cloud {name!r} of {where}, which cannot be used: {reason}") from None
    remember_in(entry.config)
    return entry


def on_loopback(url: str) -> bool:
    """Whether a URL leads to this very machine, where a proxy from the environment would be in the way."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_file(path: Path) -> None:
    """openstacksdk skips a file it cannot parse with a mere warning; a user wants to be told what is wrong."""
    data = read_mapping(path, "clouds")
    clouds = data.get("clouds")
    if not isinstance(clouds, dict) or not clouds:
        raise UsageError(
            f"The clouds file {path} should hold a mapping 'clouds' with one entry per cloud; "
            f"it holds {', '.join(map(repr, data)) or 'nothing'}."
        )
    for name, entry in clouds.items():
        if not isinstance(entry, dict):
            raise UsageError(
                f"The clouds file {path}: entry {name!r} should be a mapping with 'auth' in it; it is {entry!r}."
            )
