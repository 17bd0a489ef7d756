"""When a site is up: every API answers over HTTP, every worker has a heartbeat, every compute its inventory."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from conformance.lab import dataplane
from conformance.lab.addressing import PORTS
from conformance.lab.site import COMPUTES, LabSite

LISTINGS = {"glance": "/v2/images?limit=1", "neutron": "/v2.0/networks?limit=1"}  # answered from their databases
TIMEOUT = 20.0  # seconds for one answer; the first one of a service can take a second


def answers(site: LabSite, service: str, timeout: float = TIMEOUT) -> bool:
    """Whether the service's API gives an HTTP answer, whatever it is."""
    try:
        _open(site, urllib.request.Request(f"{site.addresses.url(service)}/"), timeout).close()
    except urllib.error.HTTPError:
        return True  # 300 Multiple Choices and 401 are answers
    except (OSError, http.client.HTTPException):
        return False
    return True


def silent(site: LabSite) -> list[str]:
    """Services of the site that do not answer."""
    return [service for service in PORTS if not answers(site, service)]


def shortcomings(site: LabSite) -> list[str]:
    """What keeps the site from being usable, as the APIs themselves say; empty when it is up."""
    try:
        token = _token(site)
        asked = {
            **LISTINGS,
            "nova": "/v2.1/os-services",
            "cinder": "/v3/os-services",
            "placement": "/resource_providers?resources=VCPU:1,MEMORY_MB:1,DISK_GB:1",
        }
        with ThreadPoolExecutor(len(asked)) as pool:  # the first answer of each service takes the longest
            answers = pool.map(lambda service: _get(site, service, asked[service], token), asked)
            told = dict(zip(asked, answers, strict=True))
        missing = [
            f"{worker['binary']} on {worker['host']} is {worker['state']}"
            for service in ("nova", "cinder")
            for worker in told[service]["services"]
            if worker["state"] != "up"
        ]
        providers = told["placement"]["resource_providers"]
        if len(providers) < COMPUTES:
            missing.append(f"placement knows {len(providers)} of {COMPUTES} computes")
    except urllib.error.HTTPError as error:
        return [f"{error.url} answered {error.code} {error.reason}"]
    except (OSError, http.client.HTTPException) as error:
        return [f"no answer: {error}"]
    return missing


def _token(site: LabSite) -> str:
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": site.password}},
            },
            "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
        }
    }
    request = urllib.request.Request(
        f"{site.addresses.url('keystone')}/v3/auth/tokens",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with _open(site, request, TIMEOUT) as answer:
        return str(answer.headers["X-Subject-Token"])


def _get(site: LabSite, service: str, path: str, token: str) -> Any:
    headers = {"X-Auth-Token": token}
    if service == "placement":
        headers["OpenStack-API-Version"] = "placement 1.18"
    request = urllib.request.Request(site.addresses.url(service) + path, headers=headers)
    with _open(site, request, TIMEOUT) as answer:
        return json.load(answer)


def _open(site: LabSite, request: urllib.request.Request, timeout: float) -> Any:
    """Ask the site, from the operator's network where the lab has one."""
    opener = dataplane.opener(site.lab_directory) if site.addresses.packets else urllib.request.build_opener()
    return opener.open(request, timeout=timeout)
