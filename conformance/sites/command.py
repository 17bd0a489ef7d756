"""Running an executable that a user named in the sites file, in a way that tells no secrets."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from conformance.errors import HarnessError


class CommandError(HarnessError):
    """A user's executable could not be run to its end, or did not end as it should."""


def run_command(command: Sequence[str], where: str, folder: Path, timeout_s: float, unknown: str) -> int:
    """Run it without a shell, in ``folder``, and return its exit status.

    ``where`` names the entry of the sites file; ``unknown`` is what is not known any more when it had to be killed.
    CommandError then, and when it cannot be started. Neither its arguments nor what it says are told: that is where
    passwords are, and messages reach reports.
    """
    try:
        return subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        raise CommandError(
            f"Expected {_shown(command, where)} to end within {timeout_s:g} s; it was killed. {unknown} is unknown."
        ) from None
    except OSError as error:
        raise CommandError(f"Cannot run {_shown(command, where)}: {error.strerror}.") from None


def run_to_success(command: Sequence[str], where: str, folder: Path, timeout_s: float, unknown: str) -> str:
    """The same, and any exit status but 0 is a CommandError. Returns a sentence."""
    shown = _shown(command, where)
    status = run_command(command, where, folder, timeout_s, unknown)
    if status != 0:
        raise CommandError(f"Expected {shown} to exit with 0; it exited with {status}. Run it by hand to see why.")
    return f"Ran {shown}."


def _shown(command: Sequence[str], where: str) -> str:
    return f"{command[0]!r} ({where})"
