"""``python -m conformance.linkproxy``."""

from __future__ import annotations

import sys

import click

from conformance.linkproxy.command import proxy

USAGE = 64


def main() -> int:
    """Run the command; the exit code is 0, 3 (cannot start) or 64 (wrong usage)."""
    try:
        proxy.main(prog_name="python -m conformance.linkproxy", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
