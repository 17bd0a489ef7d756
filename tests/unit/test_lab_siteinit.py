"""The init of a lab's site buries the dead that are left to it, also those that come when it had none for a while."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil

from conformance.lab.namespaces import INSIDE
from conformance.waiting import wait_until

# A thread stands for whoever joins the init's PID namespace later.
PROGRAM = """
import signal, subprocess, threading, time
def join():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for _ in range(3):
        time.sleep(0.3)
        print(subprocess.Popen(["sleep", "0.1"]).pid, flush=True)
threading.Thread(target=join).start()
from labcloud import siteinit
siteinit.serve()
"""


def test_the_dead_are_buried_whenever_they_come() -> None:
    environment = {**os.environ, "PYTHONPATH": str(INSIDE)}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True) as init:
        try:
            assert init.stdout is not None
            left = [int(init.stdout.readline()) for _ in range(3)]
            wait_until(lambda: not any(map(psutil.pid_exists, left)), timeout=30, what="the dead to be buried")
            assert init.poll() is None
        finally:
            init.kill()
