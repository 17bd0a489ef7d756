"""Who holds an identity: one look at one site, for what must never have two active holders."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """One answer to the question whether ``site`` actively holds ``identity`` (a role, or an address).

    ``sent`` and ``done`` bound the instant of the answer, CLOCK_MONOTONIC nanoseconds: it was true at some moment
    between them. ``active`` is True for a holder that would take writes, False for one that said it would not, None
    when there was no answer: then nothing is known.
    """

    sent: int
    done: int
    identity: str
    site: str
    active: bool | None
    detail: str = ""
