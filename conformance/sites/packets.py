"""What can be done with a site's packets, where there are any: on the sites of a lab in namespaces mode."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path

from conformance.dataplane import OpenSocket, WanLink
from conformance.lab import Lab
from conformance.lab.dataplane import open_socket
from conformance.lab.wan import edge_namespace, services_address, wan_between
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


def storage_listener(site: Site) -> socket.socket:
    """A listening socket of the site's storage, on any free port, for storage at other sites: where the site has
    packets, beside its services: what comes from another site crosses the WAN. Otherwise where links listen."""
    lab = _lab(site)
    if lab is None:
        return socket.create_server((str(site.spec.link_address), 0))
    listening = open_socket(lab, f"services-{site.name}")
    listening.bind((services_address(lab, site.name), 0))
    listening.listen()
    return listening


def wan_of(near: Site, far: Site) -> WanLink | None:
    """The WAN between two sites of one lab; None if they are not. LabError if the lab is not up."""
    lab = one_lab(near, far)
    return None if lab is None else wan_between(lab, near.name, far.name)


def one_lab(near: Site, far: Site) -> Path | None:
    """The folder of the lab of both sites, if packets between them can be got at; None if they cannot. Nobody is
    asked: it is what the sites file says."""
    lab = _lab(near)
    return None if lab != _lab(far) else lab


def _lab(site: Site) -> Path | None:
    return None if site.spec.data_plane is None else Lab(site.spec.data_plane.lab).directory
