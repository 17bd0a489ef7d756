"""A link that comes and goes."""

from __future__ import annotations

import threading
from time import monotonic

from conformance.faults.base import Observation
from conformance.faults.link_cut import LinkCut
from conformance.links import Answer, Link, LinkError, probe_link
from conformance.waiting import NotReached, wait_until

# What a question meets on a link that is whole, or cut; anything else is met in between.
_WHOLE = {Answer.ANSWERED: True, Answer.REFUSED: False}


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
        """Who dials it and asks was refused, then answered, and refused once more."""
        seen: list[bool] = []

        def flapped() -> bool:
            answer = probe_link(self._link, timeout=self._period_s / 2).answer
            now = _WHOLE.get(answer)
            if now is not None and seen[-1:] != [now]:
                seen.append(now)
            return seen[-3:] == [False, True, False]

        try:
            wait_until(flapped, timeout=4 * self._period_s + 5, what="the link to flap", interval=self._period_s / 20)
        except NotReached as error:
            detail = f"{error} It was met whole and cut so: {seen}. {self.gave_up()}".strip()
            return Observation(False, detail, {"states": seen, "changes": self._changes})
        return Observation(
            True,
            f"A question was refused, answered and refused again at a period of {self._period_s:g} s.",
            {"states": seen, "changes": self._changes, "requested_period_ns": int(self._period_s * 1e9)},
        )

    def gave_up(self) -> str:
        """Why it did not flap until now."""
        if not self._trouble:
            return ""
        return f"It came and went {self._changes} times, and stayed as it was from then on: {self._trouble}"

    def heal(self) -> None:
        """Stop flapping, whole."""
        self._stop.set()
        if self._flapping is not None:
            self._flapping.join()
        super().heal()

    def _flap(self) -> None:
        half = self._period_s / 2
        whole, due = False, monotonic() + half
        while not self._stop.wait(max(0.0, due - monotonic())):
            whole = not whole
            try:
                self._link.server.set_enabled(self._link.name, whole)
            except LinkError as error:
                self._trouble = str(error)
                return
            self._changes += 1
            due = max(due + half, monotonic())  # what switching takes makes no period longer
