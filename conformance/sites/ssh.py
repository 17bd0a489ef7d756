"""The ssh driver of a site's power: commands on hosts, all at once, by Fabric."""

from __future__ import annotations

import shlex
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fabric
import paramiko
from invoke.exceptions import CommandTimedOut, UnexpectedExit

from conformance.errors import HarnessError, UsageError
from conformance.sites.settings import SshAction, SshPower

# How much longer than the remote `timeout` we wait, so that its answer can still arrive.
_ANSWER_GRACE_S = 5.0

# paramiko's word for a channel that closed without an exit status.
_NO_STATUS = -1


class SshError(HarnessError):
    """A command over SSH could not be carried out."""


class SshPowerDriver:
    """Runs ``lose`` or ``restore`` on all their hosts at the same time.

    Only hosts in ``known_hosts`` are spoken to. Each command is ended on the host itself after ``timeout_s``:
    closing the connection alone would leave it running. A host that loses itself takes the connection with
    it, so on ``lose`` a cut connection or silence is what success looks like, while any exit status but 0 is
    an error.
    """

    def __init__(self, site: str, settings: SshPower, folder: Path) -> None:
        self._site = site
        self._settings = settings
        self._folder = folder

    def lose(self) -> str:
        """Run the commands of ``lose``."""
        return self._run_all("lose", self._settings.lose, expect_cut=True)

    def restore(self) -> str:
        """Run the commands of ``restore``."""
        return self._run_all("restore", self._settings.restore, expect_cut=False)

    def _run_all(self, action: str, actions: tuple[SshAction, ...], *, expect_cut: bool) -> str:
        with ThreadPoolExecutor(len(actions)) as pool:
            running = [pool.submit(self._run, each, expect_cut) for each in actions]
            problems = [str(e) for e in (r.exception() for r in running) if isinstance(e, HarnessError)]
            if problems:
                raise SshError(f"Could not {action} site {self._site} over SSH: {' '.join(problems)}")
            return f"Over SSH, to {action} {self._site}: {'; '.join(r.result() for r in running)}."

    def _run(self, action: SshAction, expect_cut: bool) -> str:
        limit = self._settings.timeout_s
        # -k: what ignores SIGTERM gets SIGKILL one second later.
        command = f"timeout -k 1 {limit:g} sh -c {shlex.quote(action.run)}"
        patience = limit + _ANSWER_GRACE_S
        with self._connect(action.host) as connection:
            began = time.monotonic()
            try:
                connection.run(command, hide=True, in_stream=False, timeout=patience)
                return f"{action.host} ran its command"
            except UnexpectedExit as error:
                if error.result.exited != _NO_STATUS:
                    raise SshError(_failed(action, error.result.exited, limit)) from None
            except (CommandTimedOut, OSError, EOFError, paramiko.SSHException):
                pass
            # By the clock, not by the exception: invoke closes the channel when time is up, and its main thread
            # sometimes sees the closed channel before it sees that time was up.
            silent = time.monotonic() - began >= patience
        if expect_cut:
            return f"{action.host} {'fell silent' if silent else 'cut the connection'}"
        if silent:
            raise SshError(f"{action.host} gave no answer to its command within {limit:g} s.")
        raise SshError(f"{action.host} cut the connection during its command.")

    def _connect(self, host: str) -> fabric.Connection:
        settings = self._settings
        known_hosts = self._folder / settings.known_hosts.expanduser()
        key_file = settings.key_file and self._folder / settings.key_file.expanduser()
        connection = fabric.Connection(
            host,
            user=settings.user,
            port=settings.port,
            connect_timeout=settings.timeout_s,
            connect_kwargs={"key_filename": str(key_file)} if key_file else {},
        )
        try:
            connection.client.load_host_keys(str(known_hosts))
        except (OSError, paramiko.SSHException) as error:
            raise UsageError(f"Cannot read power.known_hosts {known_hosts} of site {self._site}: {error}.") from None
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            connection.open()
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise SshError(
                f"Cannot log in to {host} port {settings.port} as {settings.user}: {error}. Expected its host key in "
                f"{known_hosts} and the login to work without a password."
            ) from None
        # Without it each command takes 40 ms longer (delayed acknowledgements).
        connection.transport.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _failed(action: SshAction, status: int, limit: float) -> str:
    # What `timeout` exits with when it had to end the command: by SIGTERM, or by SIGKILL.
    if status in (124, 137):
        return f"{action.host} did not finish its command within {limit:g} s; it was ended there."
    # Neither the command nor what it said: both may hold secrets, and messages reach reports.
    return f"{action.host} ran its command, which exited with {status}. Run it by hand to see why."
