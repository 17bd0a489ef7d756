"""Links that stay open and do not carry: what is sent into them arrives later, or never."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack

from conformance.errors import UsageError
from conformance.faults.base import Observation
from conformance.faults.toxic import ToxicFault
from conformance.links import Answer, Counters, Link, Toxic, hears, milliseconds, probe_link, speaking
from conformance.waiting import NotReached, wait_until

_PATIENCE_S = 0.5
# How long what is on its way to us is held: long enough for an answer to be.
_HELD_S = 0.1


class SilentLink(ToxicFault):
    """A connection comes about on it, and a question asked on that stays without answer."""

    streams: tuple[str, ...]

    def verify(self) -> Observation:
        """A connection comes about, and a question asked on it stays without answer far longer than it used
        to; where bytes are counted, none passes."""
        patience_s = self._patience_s()
        before = self.link.server.counters(self.link.name)
        seen = probe_link(self.link, timeout=patience_s)
        after = self.link.server.counters(self.link.name)
        passed = self._passed(before, after)
        return Observation(
            seen.answer is Answer.SILENT and seen.connect_ns is not None and not passed,
            f"A question asked on a new connection met: {seen.answer}, after {patience_s:.1f} s; "
            f"before the fault it was answered in {milliseconds(self.baseline_ns)}.",
            {
                **self.expected(),
                "waited_ns": int(patience_s * 1e9),
                "connect_ns": seen.connect_ns,
                "answer": str(seen.answer),
                "passed_bytes": passed,
            },
        )

    def _patience_s(self) -> float:
        return max(_PATIENCE_S, 4 * (self.baseline_ns or 0) / 1e9)

    def _passed(self, before: Counters | None, after: Counters | None) -> int | None:
        """Bytes that passed the silent directions during the probe, all connections together, where
        counted."""
        if before is None or after is None:
            return None
        passed = {
            "upstream": after.to_upstream - before.to_upstream,
            "downstream": after.to_client - before.to_client,
        }
        return sum(passed[stream] for stream in self.streams)


class LinkStall(SilentLink):
    """Data is held in the given directions (``upstream`` is towards the far site), nothing is closed, nothing
    lost.

    On a real Toxiproxy, which has no blackhole, a rate of 0 is the nearest there is: it lets an idle
    connection's end pass.
    """

    name = "link-stall"

    def __init__(self, link: Link, streams: Sequence[str] = ("upstream", "downstream")) -> None:
        self.streams = tuple(streams)
        super().__init__(link, (_holding(link, f"{self.name}-{s}", s) for s in self.streams))


class LinkOneWayCut(LinkStall):
    """Nothing arrives in one direction (one of ``streams``), while the other goes on: TCP keeps what it could not
    deliver.

    That the other goes on is measured, too, or a link that stalls as a whole would be taken for this. From the far
    end, by an answer that was on its way when the cut came: everything on the way to us is held for a moment, and let
    go when the cut is in force. To the far end, by the bytes that the proxy counts; a real Toxiproxy counts none, so
    there the far end is made to hang up, and is seen to.
    """

    name = "link-one-way-cut"

    def __init__(self, link: Link, streams: Sequence[str]) -> None:
        if tuple(streams) not in (("upstream",), ("downstream",)):
            raise UsageError(f"A link is cut one way either upstream or downstream; asked for was {tuple(streams)}.")
        super().__init__(link, streams)
        self._answer = _holding(link, f"{self.name}-answer", "downstream")
        self._under_way: socket.socket | None = None
        self._came = False
        self._stack = ExitStack()

    def inject(self) -> None:
        """Cut, and see whether what was on its way back still arrives."""
        with self._stack:
            super().inject()
            # A Toxiproxy lets go of what it holds when a toxic joins it, as none should here: too early.
            if self._under_way is not None and self._is_held(self._under_way):
                self.link.server.remove_toxic(self.link.name, self._answer.name)
                self._came = hears(self._under_way, self._patience_s()) is Answer.ANSWERED

    def measure_before(self) -> None:
        """Have an answer on its way, where it is the questions that will be cut off."""
        self._under_way, self._came = None, False
        if self.streams == ("downstream",):
            return
        self._stack.callback(self.link.server.remove_toxic, self.link.name, self._answer.name)
        self.link.server.add_toxic(self.link.name, self._answer)
        try:
            connection = self._stack.enter_context(speaking(self.link, self.link.dialect.question))
        except OSError:
            return
        if self._is_held(connection):
            self._under_way = connection

    def verify(self) -> Observation:
        """As of any silent link; and the other direction passes."""
        silent = super().verify()
        passes = self._came if self.streams == ("upstream",) else self._reaches()
        other = "from the far end" if self.streams == ("upstream",) else "to the far end"
        detail = f"{silent.detail} What is sent {other} {'still arrives' if passes else 'was not seen to arrive'}."
        return Observation(silent.ok and passes, detail, {**silent.observed, "other_direction_passes": passes})

    def _is_held(self, connection: socket.socket) -> bool:
        return hears(connection, max(_HELD_S, 2 * (self.baseline_ns or 0) / 1e9)) is Answer.SILENT

    def _reaches(self) -> bool:
        """Whether the far end still gets what is sent to it."""
        server, name = self.link.server, self.link.name
        before = server.counters(name)
        try:
            if before is None:
                with speaking(self.link, self.link.dialect.nonsense) as connection:
                    return hears(connection, self._patience_s()) is Answer.CLOSED
            with speaking(self.link, self.link.dialect.question):
                wait_until(
                    lambda: (now := server.counters(name)) is not None and now.to_upstream > before.to_upstream,
                    timeout=self._patience_s(),
                    what="bytes to pass to the far end",
                )
        except (OSError, NotReached):
            return False
        return True


class LinkHalfOpen(SilentLink):
    """What is sent is thrown away, and the connections stay open: neither side is told. Healing ends them."""

    name = "link-half-open"

    def __init__(self, link: Link) -> None:
        self.streams = ("upstream", "downstream")
        never = {"timeout": 0}
        super().__init__(link, (Toxic(f"{self.name}-{s}", "timeout", s, attributes=never) for s in self.streams))


def _holding(link: Link, name: str, stream: str) -> Toxic:
    """What holds everything in a direction, and lets it flow on when it is taken off."""
    kind, attributes = ("blackhole", {}) if link.server.is_embedded else ("bandwidth", {"rate": 0})
    return Toxic(name, kind, stream, attributes=attributes)
