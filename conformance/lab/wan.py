"""The WAN between two sites of a lab that has a data plane."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from conformance.dataplane import Place, WanControl, WanLink
from conformance.lab.dataplane import open_socket
from conformance.lab.errors import LabError

_RECORD = "netplane.json"
_CONTROL = "wan.sock"

T = TypeVar("T")


def wan_between(lab: Path, near: str, far: str) -> WanLink:
    """The WAN from one site to another of the lab in this directory, measured between the sites' edges.

    LabError if the lab has no data plane, or no such sites."""
    numbers = _recorded(lab, "number", int)
    for site in (near, far):
        if site not in numbers or near == far:
            known = ", ".join(numbers)
            raise LabError(f"A WAN joins two different sites of the lab, not {near!r} and {far!r}. Known: {known}.")
    control = WanControl(lab / _CONTROL)
    ends = _edge(near, numbers[near], numbers[far]), _edge(far, numbers[far], numbers[near])
    return WanLink(control, partial(open_socket, lab), *ends)


def edge_namespace(lab: Path, site: str) -> Path:
    """The file of the network namespace that a site's packets to other sites leave from; seen from inside the lab."""
    return lab / "netns" / f"edge-{site}"


def services_address(lab: Path, site: str) -> str:
    """Where the services of a site are, in its namespace ``services-SITE``; LabError as from ``wan_between``."""
    return _recorded(lab, "api", str)[site]


def _recorded(lab: Path, field: str, kind: Callable[[Any], T]) -> dict[str, T]:
    """What the lab's record says of each site."""
    try:
        record = json.loads((lab / _RECORD).read_text(encoding="utf-8"))
        return {site["name"]: kind(site[field]) for site in record["sites"]}
    except FileNotFoundError as error:
        raise LabError(
            f"{lab} should be a lab with a data plane, and has no {_RECORD}: in loopback mode sites have no WAN. "
            "multisite-ha lab status shows the mode."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{lab / _RECORD} cannot be read: {error!r}. Take the lab down and up again.") from error


def _edge(site: str, number: int, other: int) -> Place:
    """A site's edge, at its addresses on the WAN to another site."""
    low, high = sorted((number, other))
    host = 1 if number == low else 2
    return Place(site, f"edge-{site}", f"100.65.{low}.{4 * high + host}", f"fd65:0:{low}:{high}::{host}")
