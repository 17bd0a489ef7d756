"""What a VNF's guests need that not every image has: in the lab, of this machine."""

from __future__ import annotations

import shutil

from conformance.errors import UsageError
from conformance.lab import packages
from conformance.lab.guests import SYSTEM_PATH
from conformance.lab.startup import Progress, ensure_packages
from conformance.paths import cache_dir
from conformance.sites import LabPower, Site
from conformance.vnf.blueprint import Blueprint


def check_programs(blueprint: Blueprint) -> None:
    """UsageError, with what to install, when a program is missing that guests of the lab are to find here."""
    missing = {
        program: package
        for program, package in blueprint.needs.programs.items()
        if shutil.which(program, path=SYSTEM_PATH) is None
    }
    if missing:
        raise UsageError(
            f"The VNF {blueprint.name} is not applicable here: its guests need {' and '.join(missing)} on this "
            f"machine. Install it (Debian: apt-get install {' '.join(missing.values())}); it need not run as a service."
        )


def fetch_packages(blueprint: Blueprint, progress: Progress) -> None:
    """Have the Python packages ready that guests of the lab are to find here."""
    if blueprint.needs.packages is not None:
        ensure_packages(blueprint.needs.packages, progress)


def packages_of(blueprint: Blueprint, site: Site) -> str | None:
    """Where guests at a site find them; None where they need none, or have to get them by themselves."""
    if blueprint.needs.packages is None or not isinstance(site.spec.power, LabPower):
        return None
    return str(packages.folder(cache_dir(), blueprint.needs.packages))
