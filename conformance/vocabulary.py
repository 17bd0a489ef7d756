"""The sentences that inject faults: one table, read by the steps that carry them out and by the plan of a scenario.

A scenario's plan is written before it starts, so that a fault which should have been injected and was not is noticed.
"""

from __future__ import annotations

import parse

DELAY = "the link delays everything by {milliseconds:d} ms in each direction"
STALL = "the link stalls and stays stalled for {seconds:g} s"
CUT = "the link is cut"
SITE_LOSS = "the first site is lost without warning"

FAULT_PHRASES: dict[str, str] = {
    DELAY: "link-delay",
    STALL: "link-stall",
    CUT: "link-cut",
    SITE_LOSS: "site-loss",
}


def fault_of(sentence: str) -> str | None:
    """The fault that a When sentence injects, or None when it injects none."""
    for phrase, fault in FAULT_PHRASES.items():
        if parse.parse(phrase, sentence) is not None:
            return fault
    return None
