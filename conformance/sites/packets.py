"""What can be done with a site's packets, where there are any: on the sites of a lab in namespaces mode."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from conformance.dataplane import OpenSocket, WanLink
from conformance.lab import Lab
from conformance.lab.dataplane import open_socket
from conformance.lab.wan import edge_namespace, wan_between
from conformance.sites.site import Site


def sockets_of(site: Site) -> OpenSocket | None:
    """Sockets at any place of the site's lab (``guest-SERVER-ID``, ``edge-SITE``, ``operator``); None if its packets
    cannot be got at."""
    lab = _lab(site)
    return None if lab is None else partial(open_socket, lab)


def dialled_from(site: Site) -> Path | None:
    """The network namespace that links from this site dial from, so that they cross the WAN; None if there is none."""
    lab = _lab(site)
    return None if lab is None else edge_namespace(lab, site.name)


def wan_of(near: Site, far: Site) -> WanLink | None:
    """The WAN between two sites of one lab; None if they are not. LabError if the lab is not up."""
    lab = _lab(near)
    return None if lab is None or lab != _lab(far) else wan_between(lab, near.name, far.name)


def _lab(site: Site) -> Path | None:
    return None if site.spec.data_plane is None else Lab(site.spec.data_plane.lab).directory
