"""A program of the VNF that is killed inside its guest, which goes on."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from conformance.faults.base import Observation, Undo
from conformance.faults.vnf_orders import agent_urls, order, statuses
from conformance.vnf import Deployment
from conformance.waiting import NotReached, wait_until

_ENDED_WITHIN_S = 10.0
_BACK_WITHIN_S = 60.0


class ProcessKill:
    """Has the agent of the first front-end send its process SIGKILL. What becomes of it then is the VNF's affair."""

    name = "process-kill"

    def __init__(self, vnf: Deployment) -> None:
        self.target = vnf.site
        self._agent = agent_urls(vnf)[:1]
        self._service = vnf.service_urls[:1]
        self._label = vnf.members(vnf.blueprint.service.role)[0].label
        self._before: Mapping[str, Any] = {}
        self._killed: int | None = None

    def undo(self) -> Undo:
        """Nothing outlives the VNF, which has an undo of its own."""
        return Undo("nothing", {})

    def inject(self) -> None:
        """Note how the front-end fares, and kill it."""
        self._before = statuses(self._agent)[0]
        self._killed = int(order(f"{self._agent[0]}/kill")["killed"])

    def verify(self) -> Observation:
        """The process that ran before has ended by this signal, says the agent, whose guest goes on."""
        last: list[Mapping[str, Any]] = [{}]

        def ended() -> bool:
            last[0] = statuses(self._agent)[0]
            return last[0].get("ends") == self._before.get("ends", 0) + 1 and last[0].get("ended") == -signal.SIGKILL

        try:
            wait_until(ended, timeout=_ENDED_WITHIN_S, what=f"the process of {self._label} to end", interval=0.05)
            bit = self._killed == self._before.get("pid")
        except NotReached:
            bit = False
        how = last[0].get("ended")
        return Observation(
            bit,
            f"Process {self._killed} of {self._label} at {self.target} was told to end; the last one ended with {how}.",
            {"killed": self._killed, "ended": how, "before": self._before.get("pid")},
        )

    def heal(self) -> None:
        """Its agent runs it again."""

    def verify_healed(self) -> Observation:
        """Another process runs, and the front-end serves, with whatever its database lets it."""
        last: list[Mapping[str, Any]] = [{}]

        def back() -> bool:
            last[0] = statuses(self._agent)[0]
            runs = last[0].get("pid") not in (None, self._killed)
            return runs and statuses(self._service)[0].get("database") not in (None, "down")

        try:
            wait_until(back, timeout=_BACK_WITHIN_S, what=f"{self._label} to serve again", interval=0.1)
        except NotReached:
            return Observation(False, f"{self._label} of {self.target} does not serve: its agent says {last[0]}.")
        pid = last[0].get("pid")
        return Observation(True, f"{self._label} of {self.target} serves again, as process {pid}.", {"after": pid})
