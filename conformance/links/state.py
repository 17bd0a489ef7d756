"""How a link is: what its proxy says, and what a question sent through it meets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conformance.links.link import Link
from conformance.links.probe import Answer, LinkProbe, probe_link
from conformance.waiting import NotReached, wait_until

# How long a healed link may take to be seen whole: on a busy machine a round trip takes longer than usual.
HEALED_WITHIN_S = 15.0


@dataclass(frozen=True)
class LinkState:
    """``toxics`` are the names of those on the proxy."""

    enabled: bool
    toxics: tuple[str, ...]
    probe: LinkProbe

    def passes(self, rtt_limit_ns: int | None) -> bool:
        """Whether questions get through: answered, within the limit if there is one.

        A far end that is not there (its site may be lost) closes the connection at once; then only the
        proxy's own word says that the path is open, and ``describe`` says that it was not measured.
        """
        if self.probe.answer is Answer.CLOSED:
            return self.enabled
        rtt_ns = self.probe.rtt_ns
        return self.enabled and rtt_ns is not None and (rtt_limit_ns is None or rtt_ns <= rtt_limit_ns)

    def describe(self) -> str:
        """In words."""
        return {
            Answer.ANSWERED: f"the far end answered after {milliseconds(self.probe.rtt_ns)}",
            Answer.SILENT: "the far end did not answer in time",
            Answer.CLOSED: "the far end is not there, so the round trip could not be measured",
            Answer.REFUSED: "connections are refused",
        }[self.probe.answer]

    def observed(self) -> dict[str, Any]:
        """As plain values, for a record."""
        return {
            "enabled": self.enabled,
            "toxics": list(self.toxics),
            "answer": str(self.probe.answer),
            "rtt_ns": self.probe.rtt_ns,
        }


def look_at(link: Link, *, timeout: float = 2.0) -> LinkState:
    """Ask the proxy, then probe the link for at most ``timeout`` seconds."""
    toxics = tuple(toxic.name for toxic in link.server.toxics(link.name))
    return LinkState(link.server.enabled(link.name), toxics, probe_link(link, timeout=timeout))


def await_state(link: Link, is_so: Callable[[LinkState], bool], *, what: str) -> tuple[bool, LinkState]:
    """Look until ``is_so``, or for HEALED_WITHIN_S seconds; whether it came true, and the last state seen."""
    states: list[LinkState] = []

    def observe() -> bool:
        states.append(look_at(link))
        return is_so(states[-1])

    try:
        wait_until(observe, timeout=HEALED_WITHIN_S, what=what)
    except NotReached:
        return False, states[-1]
    return True, states[-1]


def milliseconds(ns: int | None) -> str:
    """A duration in words; ``not measured`` for None."""
    return "not measured" if ns is None else f"{ns / 1e6:.1f} ms"
