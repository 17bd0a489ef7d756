"""The undo actions that a journal can name: how one run heals what another, killed, left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from conformance.dataplane import WanControl, WanGone
from conformance.errors import HarnessError
from conformance.faults.journal import UndoAction
from conformance.lab import Lab
from conformance.links import ProxyServer, ServerGone
from conformance.paths import state_dir
from conformance.sites import Site, driver_of, load_sites, power_of, sweep
from conformance.storage import unmount


@contextmanager
def _site(arguments: Mapping[str, Any]) -> Iterator[Site | None]:
    """The site an undo is about; None when it belonged to a lab that is gone, with all that was in it.

    HarnessError when it belongs to a lab that cannot be reached from here: labs have the same addresses, each in its
    own namespaces, and another's clouds would be asked.
    """
    path = Path(arguments["sites"])
    if not path.exists() and path.is_relative_to(state_dir()):
        yield None
        return
    sites = load_sites(path)
    try:
        if sites.lab is not None and not Lab(sites.lab).within_reach():
            raise HarnessError(
                f"it is in the lab {sites.lab}, which is out of reach from here. The next run in that lab undoes it "
                f"(multisite-ha run --lab {sites.lab}), and everything goes with the lab: "
                f"multisite-ha lab down --name {sites.lab}"
            )
        yield sites.site(arguments["site"])
    finally:
        sites.close()


def _restore_site(arguments: Mapping[str, Any]) -> None:
    """Bring a lost site back."""
    with _site(arguments) as site:
        if site is not None:
            power_of(site).restore()


def _heal_site_fault(arguments: Mapping[str, Any]) -> None:
    """Take back what was done to a part of a site."""
    with _site(arguments) as site:
        if site is not None:
            driver_of(site, arguments["fault"]).heal(arguments["part"])


def _sweep(arguments: Mapping[str, Any]) -> None:
    """Remove a run's resources from a site."""
    with _site(arguments) as site:
        if site is not None:
            sweep(site, arguments["run_id"])


def _delete_proxy(arguments: Mapping[str, Any]) -> None:
    """Take a link, with whatever disturbs it, off a Toxiproxy. A server that is gone took its links along: so does the
    embedded proxy, which dies with its run."""
    with suppress(ServerGone):
        ProxyServer(arguments["url"]).delete(arguments["name"])


def _restore_wan(arguments: Mapping[str, Any]) -> None:
    """Take impairments off the WAN of a lab; a lab that is gone took its WAN along."""
    with suppress(WanGone):
        WanControl(Path(arguments["control"])).reset(arguments["directions"], arguments["impairments"])


def _unmount(arguments: Mapping[str, Any]) -> None:
    """Give a volume's file back its own content, in place of a mirror that is gone."""
    unmount(Path(arguments["path"]))


def _nothing(_arguments: Mapping[str, Any]) -> None:
    """For a fault that goes with the VNF it struck."""


UNDO_ACTIONS: Mapping[str, UndoAction] = {
    "nothing": _nothing,
    "restore-site": _restore_site,
    "heal-site-fault": _heal_site_fault,
    "sweep": _sweep,
    "delete-proxy": _delete_proxy,
    "unmount": _unmount,
    "restore-wan": _restore_wan,
}
