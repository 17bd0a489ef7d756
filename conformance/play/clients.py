"""The clients of one VNF: they use it, all the time, while everything else happens."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence

from conformance.play.stage import Stage
from conformance.sites import Site
from conformance.waiting import wait_until
from conformance.workloads import Plane, Workload, WorkloadPlan

_LOOK_EVERY_S = 0.05
# Writes per second and client that no service takes: each asks again as soon as it is answered.
_UNPACED = 1e6


class Clients:
    """Clients of the service; every request of theirs and every probe is on record.

    ``offered_per_s`` is the pace they are given, all together, None where they ask as fast as they are answered.
    """

    def __init__(
        self,
        stage: Stage,
        urls: Mapping[str, Sequence[str]],
        planes: Mapping[str, Plane] | None = None,
        *,
        unpaced: bool = False,
        registers: bool = False,
    ) -> None:
        load = stage.load
        self.offered_per_s: float | None = None if unpaced else load.clients * load.rate_per_client
        self._stage = stage
        self._workload = Workload(
            WorkloadPlan(
                endpoints=urls,
                folder=stage.folder,
                workers=load.clients,
                registers=load.registers if registers else 0,
                rate=_UNPACED if unpaced else load.rate_per_client,
                planes=planes or {},
                probe_interval_ns=stage.info.probe_interval_ns,
                seed=stage.session.request.seed ^ zlib.crc32(stage.info.name.encode()),
            )
        )
        self._running = False

    def start(self) -> None:
        """Returns once all of them are being served."""
        self._workload.start()
        self._running = True

    def watch(self, seconds: float) -> None:
        """Let the service be used for a while. WorkloadError when the clients die meanwhile."""
        until = time.monotonic() + seconds

        def over() -> bool:
            if self._running:
                self._workload.counters()
            return time.monotonic() >= until

        wait_until(over, timeout=seconds + 60, what="the time of observation to be over", interval=_LOOK_EVERY_S)

    def rest(self) -> None:
        """Nobody writes or probes any more."""
        self._workload.rest()

    def read_back(self, site: Site) -> None:
        """Stop, and read everything back at one site."""
        self._workload.stop(final_read_from=site.name)
        self._running = False

    def stop(self) -> None:
        """Stop, and read nothing back."""
        self._workload.stop(final_read_from=None)
        self._running = False

    def kill(self) -> None:
        """End them, whatever they are at."""
        self._workload.kill()
        self._running = False
