"""A link that comes and goes."""

from __future__ import annotations

import threading

from conformance.faults.base import Observation
from conformance.faults.link_cut import LinkCut
from conformance.links import Link, LinkError
from conformance.waiting import NotReached, wait_until


class LinkFlapping(LinkCut):
    """Cut and whole in turn, each for half of ``period_s`` seconds, until it is healed."""

    name = "link-flapping"

    def __init__(self, link: Link, period_s: float) -> None:
        super().__init__(link)
        self._period_s = period_s
        self._stop = threading.Event()
        self._changes = 0
        self._trouble = ""
        self._flapping: threading.Thread | None = None

    def inject(self) -> None:
        """Begin with a cut."""
        super().inject()
        self._flapping = threading.Thread(target=self._flap, name="link-flapping", daemon=True)
        self._flapping.start()

    def verify(self) -> Observation:
        """It was seen cut, seen whole again, and seen cut once more."""
        seen: list[bool] = []

        def flapped() -> bool:
            now = self._link.server.enabled(self._link.name)
            if seen[-1:] != [now]:
                seen.append(now)
            return seen[-3:] == [False, True, False] or len(seen) > 3

        try:
            wait_until(flapped, timeout=4 * self._period_s + 5, what="the link to flap", interval=self._period_s / 20)
        except NotReached as error:
            return Observation(False, f"{error} {self._trouble}".strip(), {"states": seen, "changes": self._changes})
        return Observation(
            True,
            f"Seen cut, whole and cut again at a period of {self._period_s:g} s.",
            {"states": seen, "changes": self._changes, "requested_period_ns": int(self._period_s * 1e9)},
        )

    def heal(self) -> None:
        """Stop flapping, whole."""
        self._stop.set()
        if self._flapping is not None:
            self._flapping.join()
        super().heal()

    def _flap(self) -> None:
        whole = False
        while not self._stop.wait(self._period_s / 2):
            whole = not whole
            try:
                self._link.server.set_enabled(self._link.name, whole)
            except LinkError as error:
                self._trouble = str(error)
                return
            self._changes += 1
