"""Where a command may write what a user asked for with --out."""

from __future__ import annotations

from pathlib import Path

from conformance.errors import UsageError
from conformance.report import is_report
from conformance.store import RUN_FILE


def check_target(out: Path) -> None:
    """UsageError when writing ``out`` would change a run folder by anything but a report of its own: what the run
    recorded is evidence, and so is that nothing came to it."""
    whole = out.resolve()
    for folder in whole.parents:
        if (folder / RUN_FILE).is_file():
            name = whole.relative_to(folder).as_posix()
            if not is_report(name):
                raise UsageError(
                    f"{out} would become a part of the run folder {folder}, whose record is evidence. "
                    "Choose a place outside of it with --out."
                )
