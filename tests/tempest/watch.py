"""While a suite runs: does every server that the API calls ACTIVE have a living guest?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from guest import all_guests
from guests import Check
from keystoneauth1.exceptions import ClientException
from openstack.connection import Connection
from openstack.exceptions import SDKException

from conformance.lab import Lab

INTERVAL = 5.0  # seconds between two looks


class Watch:
    """Looks in a thread of its own; a server is dead when two looks in a row find it unchanged and without a guest."""

    def __init__(self, lab: Lab, cloud: Connection) -> None:
        self._lab, self._cloud = lab, cloud
        self._looks = 0
        self._seen: set[str] = set()
        self._unanswered: list[str] = []
        self._dead: dict[str, str] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look from the beginning to the end of the block."""
        finished = threading.Event()
        thread = threading.Thread(target=self._look_until, args=(finished,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()

    def check(self) -> Check:
        """What was seen."""
        seen = f"{self._looks} looks at {len(self._seen)} ACTIVE servers; dead: {self._dead or 'none'}"
        if self._unanswered:
            seen += f"; {len(self._unanswered)} looks failed, the last with: {self._unanswered[-1]}"
        return Check(
            "during the suite: every ACTIVE server has a living guest",
            bool(self._looks) and not self._dead,
            seen,
            0.0,
        )

    def _look_until(self, finished: threading.Event) -> None:
        suspects: dict[str, str] = {}
        while not finished.wait(INTERVAL):
            started = time.monotonic()
            try:
                suspects = self._look(suspects)
            except (SDKException, ClientException) as error:
                self._unanswered.append(f"{error} after {time.monotonic() - started:.1f} s")

    def _look(self, suspects: dict[str, str]) -> dict[str, str]:
        active = {
            server.id: server.updated_at
            for server in self._cloud.compute.servers(all_projects=True, status="ACTIVE")
            if not server.task_state
        }
        living = {guest.uuid for guest in all_guests(self._lab) if guest.pid}
        dead = {key: changed for key, changed in active.items() if key not in living}
        self._dead.update({key: changed for key, changed in dead.items() if suspects.get(key) == changed})
        self._looks += 1
        self._seen.update(active)
        return dead
