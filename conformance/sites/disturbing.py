"""Disturbing a part of a site: an API that hangs, a service that is killed, and what only its operator can do to it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from conformance.errors import UsageError
from conformance.resources import closest
from conformance.sites.ballast import Ballast
from conformance.sites.command import CommandError, run_command, run_to_success
from conformance.sites.settings import BallastFault, CommandFault, LabFault
from conformance.sites.site import Site

# What the services of a catalog are called in a lab.
_LAB_SERVICES = {
    "identity": "keystone",
    "placement": "placement",
    "image": "glance",
    "network": "neutron",
    "block-storage": "cinder",
    "compute": "nova",
}


class FaultDriver(Protocol):
    """How one fault is made at one site. ``part`` is what the sentence names besides (a service, by its type in the
    catalog), or empty. All methods raise HarnessError."""

    def inject(self, part: str) -> str:
        """Make it happen. Returns a sentence about what was done."""

    def heal(self, part: str) -> str:
        """Take it back. Must work after a partial inject, and twice."""

    def in_force(self, part: str) -> bool | None:
        """What the means themselves say; None where they say nothing, and only the harness's own measuring counts."""


def driver_of(site: Site, fault: str) -> FaultDriver:
    """How this fault is made at this site. UsageError unless the sites file allows it and says how."""
    if fault not in site.spec.allow_faults:
        raise UsageError(
            f"The fault {fault} is not allowed at site {site.name}. If it may hit everybody who uses this cloud, add "
            f"{fault} to allow_faults of sites.{site.name} in the sites file."
        )
    settings = next((given for name, given in site.spec.faults.items() if name == fault), None)
    if settings is None:
        raise UsageError(
            f"The fault {fault} is allowed at site {site.name}, but the sites file does not say how it is made: add "
            f"{fault} with inject, heal and verify to faults of sites.{site.name}."
        )
    if isinstance(settings, CommandFault):
        return CommandDriver(site.name, fault, settings, site.folder)
    if isinstance(settings, BallastFault):
        if fault != "storage-full":
            raise UsageError(
                f"Ballast fills storage, it cannot make the fault {fault}: name another driver for it in faults of "
                f"sites.{site.name}."
            )
        return Ballast(site)
    if fault not in _LAB_DRIVERS:
        raise UsageError(
            f"A lab cannot make the fault {fault}, only {', '.join(_LAB_DRIVERS)}: the guests and services of a lab "
            f"share this machine's disks and clock. Name a driver 'command' for it in faults of sites.{site.name}"
            f"{', or ballast' if fault == 'storage-full' else ''}."
        )
    return _LAB_DRIVERS[fault](site.name, settings)


class CommandDriver:
    """The user's executables. Relative paths start at ``folder``, and so do the commands."""

    def __init__(self, site: str, fault: str, settings: CommandFault, folder: Path) -> None:
        self._site = site
        self._fault = fault
        self._settings = settings
        self._folder = folder

    def inject(self, part: str) -> str:
        """Run the command for it; any exit status but 0 is a CommandError."""
        return run_to_success(*self._call("inject", self._settings.inject, part))

    def heal(self, part: str) -> str:
        """Run the command for it; any exit status but 0 is a CommandError."""
        return run_to_success(*self._call("heal", self._settings.heal, part))

    def in_force(self, part: str) -> bool:
        """Exit status 0 is yes, 1 is no; anything else is a CommandError."""
        status = run_command(*self._call("verify", self._settings.verify, part))
        if status in (0, 1):
            return status == 0
        raise CommandError(
            f"Expected the command faults.{self._fault}.verify of site {self._site} to exit with 0 (in force) or 1 "
            f"(not in force); it exited with {status}. Run it by hand to see why."
        )

    def _call(self, action: str, command: tuple[str, ...], part: str) -> tuple[tuple[str, ...], str, Path, float, str]:
        where = f"faults.{self._fault}.{action} of site {self._site}"
        words = (*command, part) if part else command
        return words, where, self._folder, self._settings.timeout_s, f"Whether {self._fault} is in force there"


class _LabDriver:
    """A site of a lab on this machine."""

    def __init__(self, site: str, settings: LabFault) -> None:
        # Imported here because only these drivers have a lab at all.
        from conformance.lab import Lab

        self._site = site
        self._lab = Lab(settings.lab)

    def in_force(self, _part: str) -> None:
        """The harness measures it itself."""
        return


class _Silence(_LabDriver):
    """SIGSTOP for the services of the site: their sockets stay open, and nobody answers. Guests go on."""

    def inject(self, _part: str) -> str:
        return f"Stopped {self._lab.hang_services(self._site)} services of {self._site} with SIGSTOP."

    def heal(self, _part: str) -> str:
        return f"Let {self._lab.resume_services(self._site)} services of {self._site} go on."


class _Kill(_LabDriver):
    """SIGKILL for a service: all there is of it, its API and its workers, is one process. Guests go on."""

    def inject(self, part: str) -> str:
        self._lab.kill_service(self._site, _lab_service(part))
        return f"Killed the {part} service of {self._site}."

    def heal(self, part: str) -> str:
        self._lab.start_service(self._site, _lab_service(part))
        return f"Started the {part} service of {self._site} again from its own database."


class _Errors(_Kill):
    """Without the identity service no other can tell whether a token is good, and says so with an error."""

    def inject(self, _part: str) -> str:
        return super().inject("identity")

    def heal(self, _part: str) -> str:
        return super().heal("identity")


def _lab_service(part: str) -> str:
    if part not in _LAB_SERVICES:
        raise UsageError(f"A site of a lab has no {part} service. {closest(part, list(_LAB_SERVICES))}")
    return _LAB_SERVICES[part]


_LAB_DRIVERS: dict[str, type[_Silence] | type[_Kill]] = {
    "api-silence": _Silence,
    "service-kill": _Kill,
    "api-errors": _Errors,
}
