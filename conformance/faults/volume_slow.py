"""The storage below a volume that it replicates answers late: its own daemon paces what it carries out."""

from __future__ import annotations

import statistics
import time

from conformance.faults.base import Observation, Undo
from conformance.faults.site_condition import StorageSlow
from conformance.storage import StorageReplication
from conformance.storage.imaging import BLOCK_SIZE
from conformance.storage.nbd import NbdClient
from conformance.storage.replication import EXPORT

REQUESTS_PER_S = 2
_LATE_S = 0.5 / REQUESTS_PER_S
_READS = 3


class VolumeSlow:
    """Whoever uses the volume shares a few requests a second with everybody else who does."""

    name = StorageSlow.name

    def __init__(self, site: str, storage: StorageReplication) -> None:
        self.target = site
        self._storage = storage
        self._before_s = 0.0

    def undo(self) -> Undo:
        """The storage daemon does not outlive the harness."""
        return Undo("nothing", {})

    def inject(self) -> None:
        """Measure the storage, and slow it down."""
        self._before_s = self._took()
        self._storage.pace(REQUESTS_PER_S)

    def verify(self) -> Observation:
        """Reads through the storage take long that did not before."""
        now_s = self._took()
        late = self._before_s < _LATE_S <= now_s
        return Observation(late, self._said(now_s), {"before_s": self._before_s, "now_s": now_s})

    def heal(self) -> None:
        """Have it go as fast as it can, unless it is gone with its site."""
        if self._storage.daemon.alive():
            self._storage.pace(None)

    def verify_healed(self) -> Observation:
        """Reads are quick again; storage that is gone is not slow."""
        if not self._storage.daemon.alive():
            return Observation(True, f"The storage of {self.target} was lost while it was slow.")
        now_s = self._took()
        return Observation(now_s < _LATE_S, self._said(now_s), {"before_s": self._before_s, "now_s": now_s})

    def _took(self) -> float:
        """Seconds for a read, the median of a few."""
        client = NbdClient(self._storage.socket, EXPORT)
        try:
            took = []
            for number in range(_READS):
                began = time.monotonic()
                client.read(number * BLOCK_SIZE, BLOCK_SIZE)
                took.append(time.monotonic() - began)
        finally:
            client.close()
        return statistics.median(took)

    def _said(self, now_s: float) -> str:
        before, now = (f"{seconds * 1e3:.1f} ms" for seconds in (self._before_s, now_s))
        return f"A read takes {now} at the storage of {self.target}; before, it took {before}."
