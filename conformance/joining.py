"""A process that carries out scenarios of a run beside others: it joins a session that another process has opened.

It has connections, a link proxy and a journal of its own. It writes the folders of its own scenarios and nothing else
of the run folder: planning, judging and reporting are for whoever opened the session.
"""

from __future__ import annotations

import fcntl
import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType

import psutil
from pydantic import TypeAdapter

from conformance.errors import HarnessError
from conformance.faults.journal import Journal, heal_leftovers
from conformance.links import EmbeddedProxy, ProxyServer
from conformance.progress import Progress
from conformance.progress.plain import numbered_as
from conformance.progress.relay import relay_writer
from conformance.redaction import redact, remember_url
from conformance.request import Request, RunOptions
from conformance.session import RunSession, uninterrupted
from conformance.sites import load_sites
from conformance.store import PlannedScenario, RunFolder, write_json
from conformance.undo import UNDO_ACTIONS

_TURNS = "turns"


@dataclass(frozen=True)
class Place:
    """A scenario among those that were selected: ``item`` is what pytest calls it, ``number`` what its folder begins
    with; ``alone`` whether no other may go on at the same time."""

    item: str
    number: int
    scenario: PlannedScenario
    alone: bool


@dataclass(frozen=True)
class Invitation:
    """What a process has to know to join: as text, because it comes through a pipe."""

    options: RunOptions
    seed: int
    run_id: str
    folder: str
    sites: str
    lobby: str

    @classmethod
    def to(cls, session: RunSession) -> Invitation:
        """An invitation to a session that was opened for several."""
        if session.lobby is None:
            raise HarnessError("A run was opened for one scenario at a time, and several are to be carried out.")
        request = session.request
        return cls(
            options=request.options,
            seed=request.seed,
            run_id=session.run_id,
            folder=str(session.folder.path.resolve()),
            sites=str(session.sites.path),
            lobby=str(session.lobby),
        )

    def as_text(self) -> str:
        """For ``from_text``."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Invitation:
        """What ``as_text`` wrote."""
        return TypeAdapter(cls).validate_json(text)


class JoinedSession(RunSession):
    """The session as one of several processes has it. ``finish`` leaves it, and judges nothing."""

    _number = 0
    _worker = ""
    trouble: tuple[str, ...] = ()
    """What went wrong while everything was taken back; only after ``finish``."""

    @classmethod
    def join(cls, invitation: Invitation, worker: str) -> JoinedSession:
        """Take part in a run under the name ``worker``."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _interrupt_once)
        request = Request.read(replace(invitation.options, seed=invitation.seed))
        lobby = Path(invitation.lobby)
        undo = ExitStack()
        try:
            progress = undo.enter_context(Progress(relay_writer(lobby, worker)))
            sites = load_sites(invitation.sites)
            undo.callback(sites.close)
            url = request.options.toxiproxy or sites.link.toxiproxy
            remember_url(url or "")
            journal = Journal(f"{invitation.run_id}@{worker}")
            undo.callback(journal.close)
            proxy = ProxyServer(url) if url else undo.enter_context(EmbeddedProxy(seed=request.seed)).server
        except BaseException:
            with uninterrupted():
                undo.close()
            raise

        def say(text: str) -> None:
            progress.say(redact(numbered_as(session._number, text)))

        folder = RunFolder(Path(invitation.folder))
        session = cls(request, folder, sites, proxy, journal, undo, progress, say, lobby)
        session._worker = worker
        return session

    def take_places(self, places: Sequence[Place]) -> None:
        """Say what was selected; every process finds the same."""
        write_json(_places(Path(str(self.lobby)), self._worker), [asdict(place) for place in places])

    @contextmanager
    def turn(self, number: int, *, alone: bool) -> Iterator[None]:
        """Wait until no other scenario is in the way, and keep those away that would be.

        Files' locks go with their process. What a process that died left behind is healed before anybody goes on at the
        sites that it was at.
        """
        self._number = number
        with (Path(str(self.lobby)) / _TURNS).open("w") as turns:
            fcntl.flock(turns, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            failures = heal_leftovers(UNDO_ACTIONS, self.say, run=self.run_id)
            if failures:
                raise HarnessError(" ".join(failures))
            yield

    def finish(self, *, interrupted: bool = False, trouble: Sequence[str] = ()) -> int:
        """Take everything back that this process is answerable for. Returns 0: verdicts are not given here."""
        with uninterrupted():
            self.trouble = (*trouble, *self._close())
        return 0


def read_places(lobby: Path, worker: str) -> tuple[Place, ...]:
    """What ``take_places`` wrote; nothing when nothing was selected."""
    path = _places(lobby, worker)
    return TypeAdapter(tuple[Place, ...]).validate_json(path.read_bytes()) if path.exists() else ()


def _places(lobby: Path, worker: str) -> Path:
    return lobby / f"{worker}.places.json"


def _interrupt_once(_signal: int, _frame: FrameType | None) -> None:
    """A terminal's Ctrl-C and the word of the process that opened the session are one and the same interruption."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def interrupt(pid: int) -> None:
    """Have a process that joined leave, cleaning up."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).send_signal(signal.SIGINT)


def end(pid: int) -> None:
    """Kill one that did not leave, so that what it left can be healed from its journal."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.kill()
        process.wait()
