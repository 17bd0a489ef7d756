"""What the sentences of features do to sites, their link and the VNF, read by the steps that carry them out and by the
plan of a scenario.

A scenario's plan is written before it starts, so that a fault which should have been injected and was not is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import parse

from conformance.errors import UsageError
from conformance.faults.bad_configuration import BadConfiguration
from conformance.faults.bad_update import BadUpdate
from conformance.faults.poison_message import PoisonMessage
from conformance.faults.site_loss import SiteLoss
from conformance.link_phrases import LINK_FAULTS, LINK_PHRASES, find_link_fault
from conformance.resources import closest
from conformance.schedule import Schedule
from conformance.site_phrases import SITE_FAULTS, SITE_PHRASES, find_site_fault

SITE_LOSS = "the first site is lost without warning"
BAD_UPDATE = "a faulty update ruins every record and is replicated"
POISON_MESSAGE = "a message that ends whatever reads it is sent and replicated"
BAD_CONFIGURATION = "a configuration under which the VNF refuses to work is pushed and replicated"
DURING = "as soon as {operation} begins, {disturbance}"
RELAPSE = "the link comes back, and while replication catches up, {disturbance}"
NEMESIS = "a nemesis disturbs the link for {seconds:g} s"
NEMESIS_OF_ALL = "a nemesis disturbs the link, the sites and the VNF for {seconds:g} s"
DRAWN = "link faults drawn from the seed"
ALL_DRAWN = "faults of the link, the sites and the VNF drawn from the seed"
_OTHERS: Mapping[str, str] = {
    SITE_LOSS: SiteLoss.name,
    BAD_UPDATE: BadUpdate.name,
    POISON_MESSAGE: PoisonMessage.name,
    BAD_CONFIGURATION: BadConfiguration.name,
}
OPERATIONS: Mapping[str, str] = {"the failover": "failover", "the move": "migrate", "the return": "failback"}
"""What a scheme does, in the words of a feature and in the words of its events."""
FAULTS = LINK_FAULTS | SITE_FAULTS | frozenset(_OTHERS.values())
"""The names of all faults that there is a sentence for."""


@dataclass(frozen=True)
class Loose:
    """A nemesis that disturbs for ``span_s`` seconds: the link alone, or ``everything`` that may be disturbed."""

    span_s: float
    everything: bool


Scheduled = Callable[[Loose], Schedule]


def during(sentence: str) -> tuple[str, str] | None:
    """The scheme's operation and the link's disturbance in a sentence like DURING; None when it is none."""
    found = _during(sentence)
    return found if found and find_link_fault(found[1]) else None


def site_during(sentence: str) -> tuple[str, str] | None:
    """The same with the disturbance of a site."""
    found = _during(sentence)
    return found if found and find_site_fault(found[1]) else None


def relapse(sentence: str) -> str | None:
    """The disturbance of the link in a sentence like RELAPSE; None when it is none."""
    found = parse.parse(RELAPSE, sentence)
    return found["disturbance"] if found and find_link_fault(found["disturbance"]) else None


def nemesis(sentence: str) -> Loose | None:
    """What a sentence lets loose; None when it is not about a nemesis."""
    for template, everything in ((NEMESIS, False), (NEMESIS_OF_ALL, True)):
        found = parse.parse(template, sentence)
        if found is not None:
            return Loose(float(found["seconds"]), everything)
    return None


def fault_of(sentence: str) -> str | None:
    """The fault that a When sentence injects, or None when it injects none by itself (a nemesis draws what it does)."""
    if sentence in _OTHERS:
        return _OTHERS[sentence]
    later = _during(sentence)
    wanted = later[1] if later else relapse(sentence) or sentence
    found = find_link_fault(wanted) or find_site_fault(wanted)
    return None if found is None else found.fault


def fault_during(sentence: str) -> tuple[str, str] | None:
    """The fault that a sentence like DURING injects, and the scheme's operation during which; None when it is none."""
    later = _during(sentence)
    fault = fault_of(sentence)
    return None if later is None or fault is None else (fault, later[0])


def faults_of(sentence: str, schedule: Scheduled | None = None) -> tuple[str, ...]:
    """All faults that a When sentence injects, in order; ``schedule`` is what a nemesis does, DRAWN or ALL_DRAWN stands
    for that where it is not given."""
    loose = nemesis(sentence)
    if loose is not None:
        if schedule is None:
            return (ALL_DRAWN if loose.everything else DRAWN,)
        return tuple(fault for planned in schedule(loose) if (fault := fault_of(planned.sentence)))
    fault = fault_of(sentence)
    return () if fault is None else (fault,)


def check_schedule(schedule: Schedule) -> None:
    """UsageError, with the nearest sentence, when one of a schedule's disturbs neither the link nor a site."""
    for planned in schedule:
        if not (find_link_fault(planned.sentence) or find_site_fault(planned.sentence)):
            near = closest(planned.sentence, [*(p.sentence for p in LINK_PHRASES), *(p.sentence for p in SITE_PHRASES)])
            raise UsageError(
                f"The schedule's sentence {planned.sentence!r} disturbs neither the link nor a site. {near}"
            )


def _during(sentence: str) -> tuple[str, str] | None:
    found = parse.parse(DURING, sentence)
    if found is None or found["operation"] not in OPERATIONS:
        return None
    return OPERATIONS[found["operation"]], found["disturbance"]
