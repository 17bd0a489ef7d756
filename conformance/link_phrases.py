"""The sentences that disturb what lies between the sites: the link that replication uses, and the WAN."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import parse

from conformance.dataplane import WanLink
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
from conformance.faults.wan_corruption import WanCorruption
from conformance.faults.wan_cut import WanCut, WanOneWayCut
from conformance.faults.wan_delay import WanDelay
from conformance.faults.wan_duplication import WanDuplication
from conformance.faults.wan_flapping import WanFlapping
from conformance.faults.wan_isolation import WanIsolation
from conformance.faults.wan_loss import WanLoss
from conformance.faults.wan_mtu import WanMtu
from conformance.faults.wan_rate import WanRate
from conformance.faults.wan_reordering import WanReordering
from conformance.links import Link

Values = Mapping[str, Any]


class Ways(Protocol):
    """What lies between the two sites. Either raises HarnessError where it is not there."""

    @property
    def the_link(self) -> Link:
        """The path that replication uses."""

    @property
    def the_wan(self) -> WanLink:
        """All packets' way from the first site to the second."""


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


@dataclass(frozen=True)
class WanPhrase:
    """A sentence that disturbs every packet between the sites: the fault's name, and how it is made."""

    sentence: str
    fault: str
    make: Callable[[WanLink, Values], Fault]
    lasts: str | None = None


WAN_PHRASES: tuple[WanPhrase, ...] = (
    WanPhrase(
        "the WAN delays every packet by {milliseconds:d} ms in each direction",
        WanDelay.name,
        lambda wan, v: WanDelay(wan, v["milliseconds"]),
    ),
    WanPhrase(
        "the WAN delays every packet by {milliseconds:d} ms, give or take {jitter:d} ms, in each direction",
        WanDelay.name,
        lambda wan, v: WanDelay(wan, v["milliseconds"], v["jitter"]),
    ),
    WanPhrase(
        "the WAN loses {percent:g} % of all packets in each direction",
        WanLoss.name,
        lambda wan, v: WanLoss(wan, v["percent"] / 100),
    ),
    WanPhrase(
        "the WAN damages {percent:g} % of all packets in each direction",
        WanCorruption.name,
        lambda wan, v: WanCorruption(wan, v["percent"] / 100),
    ),
    WanPhrase(
        "the WAN doubles {percent:g} % of all packets in each direction",
        WanDuplication.name,
        lambda wan, v: WanDuplication(wan, v["percent"] / 100),
    ),
    WanPhrase(
        "the WAN reorders {percent:g} % of all packets in each direction",
        WanReordering.name,
        lambda wan, v: WanReordering(wan, v["percent"] / 100),
    ),
    WanPhrase(
        "the WAN carries no more than {rate:d} kbit/s in each direction",
        WanRate.name,
        lambda wan, v: WanRate(wan, v["rate"] * 1000),
    ),
    WanPhrase(
        "the WAN takes no packet longer than {mtu:d} bytes",
        WanMtu.name,
        lambda wan, v: WanMtu(wan, v["mtu"]),
    ),
    WanPhrase(
        "the WAN takes no packet longer than {mtu:d} bytes and tells nobody",
        WanMtu.name,
        lambda wan, v: WanMtu(wan, v["mtu"], silent=True),
    ),
    WanPhrase("the WAN is cut", WanCut.name, lambda wan, _: WanCut(wan)),
    WanPhrase("the first site is cut off from all others", WanIsolation.name, lambda wan, _: WanIsolation(wan)),
    WanPhrase(
        "the WAN is cut towards the first site",
        WanOneWayCut.name,
        lambda wan, _: WanOneWayCut(wan, wan.directions[1]),
    ),
    WanPhrase(
        "the WAN is cut towards the second site",
        WanOneWayCut.name,
        lambda wan, _: WanOneWayCut(wan, wan.directions[0]),
    ),
    WanPhrase(
        "the WAN comes and goes every {seconds:g} s",
        WanFlapping.name,
        lambda wan, v: WanFlapping(wan, v["seconds"] * 1000),
    ),
)
PHRASES: tuple[LinkPhrase | WanPhrase, ...] = (*LINK_PHRASES, *WAN_PHRASES)
"""Every sentence that disturbs what lies between the sites."""
LINK_FAULTS = frozenset(phrase.fault for phrase in PHRASES)
"""The names of all faults of the link and of the WAN."""


@dataclass(frozen=True)
class LinkDisturbance:
    """What a sentence about the link asks for. ``lasts_s`` is None where the sentence does not say how long."""

    fault: str
    make: Callable[[Ways], Fault]
    lasts_s: float | None


def link_fault(sentence: str) -> LinkDisturbance:
    """The disturbance that a sentence asks for. HarnessError when it is none of the link's."""
    found = find_link_fault(sentence)
    if found is None:
        raise HarnessError(f"No fault of the link is known by the sentence {sentence!r}.")
    return found


def is_link_fault(sentence: str) -> bool:
    """Whether a sentence asks for a disturbance of the link."""
    return find_link_fault(sentence) is not None


def find_link_fault(sentence: str) -> LinkDisturbance | None:
    """The same, None when it is none."""
    for phrase in PHRASES:
        values = parse.parse(phrase.sentence, sentence)
        if values is not None:
            lasts = None if phrase.lasts is None else float(values[phrase.lasts])
            return LinkDisturbance(phrase.fault, _maker(phrase, dict(values.named)), lasts)
    return None


def _maker(phrase: LinkPhrase | WanPhrase, values: Values) -> Callable[[Ways], Fault]:
    if isinstance(phrase, WanPhrase):
        return lambda ways: phrase.make(ways.the_wan, values)
    return lambda ways: phrase.make(ways.the_link, values)
