"""A qemu-storage-daemon as a child process, which never outlives the harness."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from conformance.storage.errors import NotApplicable, StorageError
from conformance.storage.qmp import Qmp
from conformance.waiting import NotReached, wait_until

PROGRAM = "qemu-storage-daemon"
_STARTS_WITHIN_S = 20.0
_ENDS_WITHIN_S = 10.0
# The shell holds the pipe's end: when the harness is gone, however it went, the daemon is killed. It does not reap the
# daemon before that, so the daemon's number cannot have become another's.
_KEEPER = '"$@" </dev/null >&2 & echo $!; read -r _; kill -KILL $! 2>/dev/null; wait'


def program() -> str:
    """Where qemu-storage-daemon is; NotApplicable says what to install."""
    found = shutil.which(PROGRAM)
    if found is None:
        raise NotApplicable(
            f"Replication through the storage needs {PROGRAM}, which is not on this machine. Install it (Debian and "
            "Ubuntu: qemu-system-common) and run again."
        )
    return found


class StorageDaemon:
    """Starts the daemon with ``arguments`` in the directory ``home``, which is made, and holds its log and its sockets.

    Paths in ``arguments`` may be relative to ``home``; ``descriptors`` are inherited by it. A site's power switch that
    knows its processes by their working directory (the lab's does) takes it along. StorageError with the daemon's last
    words when it does not start.
    """

    def __init__(self, home: Path, arguments: Sequence[str], *, descriptors: Sequence[int] = ()) -> None:
        command = [program(), "--chardev", "socket,id=qmp,path=qmp,server=on,wait=off", "--monitor", "chardev=qmp"]
        home.mkdir(parents=True, exist_ok=True)
        (home / "qmp").unlink(missing_ok=True)
        self.home = home
        self._log = home / "storage-daemon.log"
        with self._log.open("wb") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "storage-keeper", *command, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home,
                pass_fds=descriptors,
                start_new_session=True,
            )
        assert self._keeper.stdout is not None
        self.pid = int(self._keeper.stdout.readline())
        self._process = psutil.Process(self.pid)
        try:
            self.qmp = wait_until(self._answering, timeout=_STARTS_WITHIN_S, what=f"{PROGRAM} to start", interval=0.01)
        except BaseException as error:
            self.kill()
            if isinstance(error, NotReached):
                raise StorageError(f"{PROGRAM} did not start in {home}: {self.last_words()}") from None
            raise

    def _answering(self) -> Qmp | None:
        if not self.alive():
            raise StorageError(f"{PROGRAM} ended as soon as it was started in {self.home}: {self.last_words()}")
        try:
            return Qmp(self.home / "qmp")
        except OSError:
            return None

    def alive(self) -> bool:
        """Whether the daemon lives."""
        try:
            return self._process.is_running() and self._process.status() not in (
                psutil.STATUS_ZOMBIE,
                psutil.STATUS_DEAD,
            )
        except psutil.NoSuchProcess:
            return False

    def last_words(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace").strip()[-500:] or "(it said nothing)"

    def stop(self) -> None:
        """Have it write everything out and end; kill it when it does not within 10 s. May be called twice."""
        if self.alive():
            try:
                self.qmp.execute("quit")
                wait_until(lambda: not self.alive(), timeout=_ENDS_WITHIN_S, what=f"{PROGRAM} to end")
            except (StorageError, NotReached):
                pass  # it hangs on a dead link, say: it is killed below
        self.kill()

    def kill(self) -> None:
        """SIGKILL it, as the loss of its site would; returns when it is gone. May be called twice."""
        if self._keeper.poll() is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was killed together with others a moment ago
        assert self._keeper.stdin is not None and self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait()
        self._keeper.stdout.close()
        try:
            wait_until(lambda: not self.alive(), timeout=_ENDS_WITHIN_S, what=f"{PROGRAM} to be gone", interval=0.01)
        except NotReached:
            raise StorageError(f"{PROGRAM} {self.pid} survived SIGKILL. Look: ps -o stat,wchan -p {self.pid}") from None
