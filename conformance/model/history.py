"""Operations that clients asked for and what they were told, and probes of the service.

Times are integer nanoseconds of CLOCK_MONOTONIC on the machine that ran the harness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_MISMATCH = "409"
"""How the error of a compare-and-swap begins that was refused because of the value it met (docs/history-format.md)."""


class Outcome(StrEnum):
    """``ok``: told it happened. ``fail``: certainly did not happen. ``info``: unknown, counted neither way."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of one client process, joined from its invoke line and its completion line.

    ``f`` is write, open-session, use-session, scan, get, put or cas. ``completed`` is None while the outcome is unknown
    because no completion was ever recorded (outcome is then info). ``value`` is what was asked or, of open-session and
    get, what was answered; of a cas it is the JSON text of [old, new].
    ``items`` is what a scan returned: (key, value) pairs in storage order; ``final`` marks the read after
    everything, ``complete`` its last page.
    """

    id: int
    process: int
    f: str
    invoked: int
    outcome: Outcome
    completed: int | None = None
    key: str | None = None
    value: str | None = None
    site: str | None = None
    error: str | None = None
    items: Sequence[tuple[str, str]] = ()
    final: bool = False
    complete: bool = False

    @property
    def served(self) -> bool:
        """Whether the service did what it is for: it happened, or a cas was told that there is another value."""
        met_another = self.f == "cas" and self.outcome is Outcome.FAIL and (self.error or "").startswith(_MISMATCH)
        return self.outcome is Outcome.OK or met_another


@dataclass(frozen=True, slots=True)
class Probe:
    """One tick of the open-loop service probe: due by schedule, sent, answered.

    ``due`` is the instant the schedule wanted it, whatever the answers before did: latency is done − due. ``extra``
    ones were sent between those of the schedule, because the one before had failed: they show the end of an outage
    sooner, and count in no statistic.
    """

    n: int
    due: int
    sent: int
    done: int
    ok: bool
    site: str | None = None
    error: str | None = None
    extra: bool = False
