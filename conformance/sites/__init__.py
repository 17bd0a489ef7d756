"""OpenStack clouds as sites: the sites file, what a run owns there, whether a VIM works, and a site's
power."""

from conformance.sites.ballast import ask_for_volume
from conformance.sites.disturbing import FaultDriver, driver_of
from conformance.sites.file import SitesFile, load_sites
from conformance.sites.health import api_answers, api_errs, api_silent, vim_check
from conformance.sites.inventory import take_inventory
from conformance.sites.marks import run_prefix, run_tag
from conformance.sites.packets import dialled_from, one_lab, sockets_of, storage_listener, wan_of
from conformance.sites.power import SitePower, power_of
from conformance.sites.settings import LabDataPlane, LabPower, LinkSettings, SiteSettings
from conformance.sites.site import Site, SiteError
from conformance.sites.sweep import sweep

__all__ = [
    "FaultDriver",
    "LabDataPlane",
    "LabPower",
    "LinkSettings",
    "Site",
    "SiteError",
    "SitePower",
    "SiteSettings",
    "SitesFile",
    "api_answers",
    "api_errs",
    "api_silent",
    "ask_for_volume",
    "dialled_from",
    "driver_of",
    "load_sites",
    "one_lab",
    "power_of",
    "run_prefix",
    "run_tag",
    "sockets_of",
    "storage_listener",
    "sweep",
    "take_inventory",
    "vim_check",
    "wan_of",
]
