"""The sentences that inject faults: one table, read by the steps that carry them out and by the plan of a scenario.

A scenario's plan is written before it starts, so that a fault which should have been injected and was not is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import parse

from conformance.errors import HarnessError
from conformance.faults.base import Fault
from conformance.faults.link_bandwidth import LinkBandwidth
from conformance.faults.link_cut import LinkCut
from conformance.faults.link_delay import LinkDelay
from conformance.faults.link_flapping import LinkFlapping
from conformance.faults.link_jitter import LinkJitter
from conformance.faults.link_reset import LinkReset
from conformance.faults.link_silence import LinkHalfOpen, LinkOneWayCut, LinkStall
from conformance.faults.link_slow_close import LinkSlowClose
from conformance.faults.site_loss import SiteLoss
from conformance.links import Link

SITE_LOSS = "the first site is lost without warning"
DURING = "as soon as {operation} begins, {disturbance}"
OPERATIONS: Mapping[str, str] = {"the failover": "failover", "the move": "migrate", "the return": "failback"}
"""What a scheme does, in the words of a feature and in the words of its events."""

Values = Mapping[str, Any]


@dataclass(frozen=True)
class LinkPhrase:
    """A sentence that disturbs the link: the fault's name, and how it is made of the link and the sentence's values.

    ``lasts`` names the value that is how long the sentence lets the fault last, in seconds.
    """

    sentence: str
    fault: str
    make: Callable[[Link, Values], Fault]
    lasts: str | None = None


LINK_PHRASES: tuple[LinkPhrase, ...] = (
    LinkPhrase(
        "the link delays everything by {milliseconds:d} ms in each direction",
        LinkDelay.name,
        lambda link, v: LinkDelay(link, v["milliseconds"]),
    ),
    LinkPhrase(
        "the link jitters by {milliseconds:d} ms in each direction",
        LinkJitter.name,
        lambda link, v: LinkJitter(link, v["milliseconds"]),
    ),
    LinkPhrase(
        "the link carries no more than {rate:d} kB/s",
        LinkBandwidth.name,
        lambda link, v: LinkBandwidth(link, v["rate"]),
    ),
    LinkPhrase(
        "the link stalls and stays stalled for {seconds:g} s",
        LinkStall.name,
        lambda link, _: LinkStall(link),
        lasts="seconds",
    ),
    LinkPhrase("the link answers everything with a reset", LinkReset.name, lambda link, _: LinkReset(link)),
    LinkPhrase(
        "the link swallows everything and keeps its connections open",
        LinkHalfOpen.name,
        lambda link, _: LinkHalfOpen(link),
    ),
    LinkPhrase(
        "the link closes connections {milliseconds:d} ms late",
        LinkSlowClose.name,
        lambda link, v: LinkSlowClose(link, v["milliseconds"]),
    ),
    LinkPhrase(
        "the link is cut towards the first site",
        LinkOneWayCut.name,
        lambda link, _: LinkOneWayCut(link, ("upstream",)),
    ),
    LinkPhrase(
        "the link is cut towards the second site",
        LinkOneWayCut.name,
        lambda link, _: LinkOneWayCut(link, ("downstream",)),
    ),
    LinkPhrase("the link is cut", LinkCut.name, lambda link, _: LinkCut(link)),
    LinkPhrase(
        "the link comes and goes every {seconds:g} s",
        LinkFlapping.name,
        lambda link, v: LinkFlapping(link, v["seconds"]),
    ),
)
LINK_FAULTS = frozenset(phrase.fault for phrase in LINK_PHRASES)
"""The names of all faults of the link."""


@dataclass(frozen=True)
class LinkDisturbance:
    """What a sentence about the link asks for. ``lasts_s`` is None where the sentence does not say how long."""

    fault: str
    make: Callable[[Link], Fault]
    lasts_s: float | None


def link_fault(sentence: str) -> LinkDisturbance:
    """The disturbance that a sentence asks for. HarnessError when it is none of the link's."""
    found = _link_fault(sentence)
    if found is None:
        raise HarnessError(f"No fault of the link is known by the sentence {sentence!r}.")
    return found


def is_link_fault(sentence: str) -> bool:
    """Whether a sentence asks for a disturbance of the link."""
    return _link_fault(sentence) is not None


def during(sentence: str) -> tuple[str, str] | None:
    """The scheme's operation and the link's disturbance in a sentence like DURING; None when it is none."""
    found = parse.parse(DURING, sentence)
    if found is None or found["operation"] not in OPERATIONS or not is_link_fault(found["disturbance"]):
        return None
    return OPERATIONS[found["operation"]], found["disturbance"]


def fault_of(sentence: str) -> str | None:
    """The fault that a When sentence injects, or None when it injects none."""
    if sentence == SITE_LOSS:
        return SiteLoss.name
    later = during(sentence)
    found = _link_fault(later[1] if later else sentence)
    return None if found is None else found.fault


def _link_fault(sentence: str) -> LinkDisturbance | None:
    for phrase in LINK_PHRASES:
        values = parse.parse(phrase.sentence, sentence)
        if values is not None:
            lasts = None if phrase.lasts is None else float(values[phrase.lasts])
            return LinkDisturbance(phrase.fault, _maker(phrase, dict(values.named)), lasts)
    return None


def _maker(phrase: LinkPhrase, values: Values) -> Callable[[Link], Fault]:
    return lambda link: phrase.make(link, values)
