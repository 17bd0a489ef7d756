"""Losing a whole site and getting it back: the one fault that reaches beyond a run's own resources."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from conformance.errors import UsageError
from conformance.sites.command import run_to_success
from conformance.sites.settings import CommandPower, LabPower, SshPower
from conformance.sites.site import Site


class SitePower(Protocol):
    """Neither method verifies its effect: see api_silent and api_answers. Both raise HarnessError."""

    def lose(self) -> str:
        """Lose the site, all of it at once and without grace. Returns a sentence about what was done."""

    def restore(self) -> str:
        """Bring the site back. Must work after a partial loss, and twice."""


def power_of(site: Site) -> SitePower:
    """The site's power switch. UsageError unless the sites file allows it, naming the line to add."""
    if "site-loss" not in site.spec.allow_faults:
        raise UsageError(
            f"Site {site.name!r} must not be lost: the sites file does not allow it. If all of this cloud "
            "may be killed, "
            f"add the line 'allow_faults: [site-loss]' to sites.{site.name}."
        )
    power = site.spec.power
    if isinstance(power, LabPower):
        return _LabDriver(site.name, power.lab)
    if isinstance(power, CommandPower):
        return CommandDriver(site.name, power, site.folder)
    if isinstance(power, SshPower):
        # Imported here because Fabric takes half a second, which only who has such a site should wait for.
        from conformance.sites.ssh import SshPowerDriver

        return SshPowerDriver(site.name, power, site.folder)
    raise UsageError(
        f"Site {site.name!r} may be lost, but the sites file does not say how: add 'power:' with driver "
        "lab, command or "
        f"ssh to sites.{site.name}."
    )


class _LabDriver:
    """A site of a lab on this machine: SIGKILL for all its processes, guests included."""

    def __init__(self, site: str, lab: str) -> None:
        self._site = site
        self._lab_name = lab

    def lose(self) -> str:
        # Imported here because only this driver has a lab at all.
        from conformance.lab import Lab

        killed = Lab(self._lab_name).kill_site(self._site)
        return f"Killed {killed} processes of {self._site} in lab {self._lab_name!r}."

    def restore(self) -> str:
        from conformance.lab import Lab

        Lab(self._lab_name).start_site(self._site)
        return f"Started {self._site} in lab {self._lab_name!r} again from its own databases."


class CommandDriver:
    """The user's executables. Relative paths start at ``folder``, and so do the commands."""

    def __init__(self, site: str, settings: CommandPower, folder: Path) -> None:
        self._site = site
        self._settings = settings
        self._folder = folder

    def lose(self) -> str:
        """Run the command for it; any exit status but 0 is a CommandError."""
        return self._run("lose", self._settings.lose)

    def restore(self) -> str:
        """Run the command for it; any exit status but 0 is a CommandError."""
        return self._run("restore", self._settings.restore)

    def _run(self, action: str, command: tuple[str, ...]) -> str:
        where = f"power.{action} of site {self._site}"
        unknown = "Whether the site is lost or not"
        return run_to_success(command, where, self._folder, self._settings.timeout_s, unknown)
