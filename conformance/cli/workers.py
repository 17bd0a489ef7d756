"""Scenarios side by side: pytest-xdist starts the processes, and this is what they and the run know of each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from execnet.gateway_base import RemoteError, TimeoutError
from xdist.remote import Producer
from xdist.scheduler import LoadScheduling, Scheduling
from xdist.workermanage import WorkerController

from conformance.joining import Invitation, Place, end, interrupt, read_places
from conformance.plugin import INVITATION, TROUBLE
from conformance.session import RunSession, uninterrupted

CLEAN_UP_S = 240.0
"""How long an interrupted process may take to heal and remove what is its own; what it has not done by then is done
from its journal."""


class Workers:
    """pytest's plugin in the process that opened the run."""

    def __init__(self, session: RunSession) -> None:
        self._session = session
        invitation = Invitation.to(session)
        self._invitation = invitation.as_text()
        self._lobby = Path(invitation.lobby)
        self._places: dict[str, Place] = {}
        self._nodes: list[WorkerController] = []

    @staticmethod
    def arguments(jobs: int) -> list[str]:
        """pytest's: so many processes, each handed one scenario beyond the one it is at."""
        return ["-n", str(jobs), "--maxschedchunk", "1", "--max-worker-restart", str(jobs)]

    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a process what it is going to join."""
        node.workerinput[INVITATION] = self._invitation
        self._nodes.append(node)

    def pytest_xdist_node_collection_finished(self, node: WorkerController) -> None:
        """The first to know what was selected tells it for all: xdist sees to it that they found the same."""
        places = () if self._places else read_places(self._lobby, node.gateway.id)
        if places:
            self._places = {place.item: place for place in places}
            self._session.plan([place.scenario for place in sorted(places, key=lambda place: place.number)])

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> Scheduling:
        """In their order, which is that of the processes: what can be side by side comes first."""
        return LoadScheduling(config, log)

    def pytest_handlecrashitem(self, crashitem: str) -> None:
        """A process died while it carried out a scenario, which is that scenario's error."""
        place = self._places.get(crashitem)
        if place is not None:
            self._session.died(place.number, place.scenario.name)

    def pytest_testnodedown(self, node: WorkerController, error: object | None) -> None:
        """A process has left: as it should, or because it was interrupted, or because it died."""
        if error is not None and error != "keyboard-interrupt":
            self._session.note_trouble(f"A process for carrying out scenarios was lost: {error}.")
        for sentence in getattr(node, "workeroutput", {}).get(TROUBLE, []):
            self._session.note_trouble(sentence)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self) -> object:
        """Before the run is closed and judged, everybody has left. Who has not said so yet is interrupted."""
        with uninterrupted():
            for node in self._nodes:
                if not hasattr(node, "workeroutput") and not node.channel.isclosed():
                    interrupt(node.gateway._rinfo().pid)
            for node in self._nodes:
                try:
                    node.channel.waitclose(CLEAN_UP_S)
                except TimeoutError:
                    end(node.gateway._rinfo().pid)
                except (RemoteError, EOFError):
                    continue  # it died: what it left is healed from its journal
            return (yield)
