"""`python enter.py PID -- COMMAND...`: run a command in the namespaces of a lab whose keeper is PID.

nsenter(1) before 2.41 loses the capabilities at exec when the uid is not 0.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from netplane import kernel  # noqa: E402


def main() -> None:
    """Become the command."""
    pid, separator, *command = sys.argv[1:]
    if separator != "--" or not command:
        sys.exit(__doc__)
    kernel.enter(int(pid), ("user", "mnt", "net"))
    kernel.keep_capabilities()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
