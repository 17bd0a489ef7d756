"""The undo actions that a journal can name: how one run heals what another, killed, left behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.faults.journal import UndoAction
from conformance.links import ProxyServer
from conformance.sites import load_sites, power_of, sweep


def _restore_site(arguments: Mapping[str, Any]) -> None:
    """Bring a lost site back."""
    sites = load_sites(arguments["sites"])
    try:
        power_of(sites.site(arguments["site"])).restore()
    finally:
        sites.close()


def _sweep(arguments: Mapping[str, Any]) -> None:
    """Remove a run's resources from a site."""
    sites = load_sites(arguments["sites"])
    try:
        sweep(sites.site(arguments["site"]), arguments["run_id"])
    finally:
        sites.close()


def _delete_proxy(arguments: Mapping[str, Any]) -> None:
    """Take a link, with whatever disturbs it, off a Toxiproxy. The embedded proxy dies with its run."""
    ProxyServer(arguments["url"]).delete(arguments["name"])


UNDO_ACTIONS: Mapping[str, UndoAction] = {
    "restore-site": _restore_site,
    "sweep": _sweep,
    "delete-proxy": _delete_proxy,
}
