"""The first process of a site's PID namespace: when it dies, everything of the site dies with it."""

from __future__ import annotations

import os
import signal


def serve() -> None:
    """Bury the dead until killed."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.pause()  # interrupted by the next SIGCHLD: one that came just before is found at the next death
