"""The first process of a site's PID namespace: when it dies, everything of the site dies with it."""

from __future__ import annotations

import os
import signal


def serve() -> None:
    """Bury the dead until killed."""
    death = {signal.SIGCHLD}
    # Blocked, so that none is missed between the look and the wait; what is ignored by default ends no pause().
    signal.pthread_sigmask(signal.SIG_BLOCK, death)
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        signal.sigwait(death)
