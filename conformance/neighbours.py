"""Which scenarios can be carried out beside others, and why the rest want the sites for themselves.

It is read off what a scenario says. Whatever is not known here to touch nothing but the scenario's own VNF and its own
link needs the sites alone: a sentence, a fault, a check or a scheme of somebody else's, or one that is added later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.checkers.registry import check_for_phrase
from conformance.faults.bad_configuration import BadConfiguration
from conformance.faults.bad_update import BadUpdate
from conformance.faults.poison_message import PoisonMessage
from conformance.faults.process_kill import ProcessKill
from conformance.faults.vnf_hang import VnfHang
from conformance.faults.vnf_kill import VnfKill
from conformance.features import planned_faults, then_phrases
from conformance.link_phrases import LINK_PHRASES
from conformance.vocabulary import faults_of

if TYPE_CHECKING:
    from pytest_bdd.parser import Scenario

    from conformance.request import Request

OWN_FAULTS = frozenset(
    {phrase.fault for phrase in LINK_PHRASES}
    | {fault.name for fault in (BadConfiguration, BadUpdate, PoisonMessage, ProcessKill, VnfHang, VnfKill)}
)
"""Faults of a link that nothing but the scenario's own replication passes, and of guests of its own."""
OWN_SENTENCES = frozenset(
    {
        "two sites, each run by a VIM of its own",
        "a stateful VNF serving subscribers at the first site",
        "a VNF of a single VM serving subscribers at the first site",
        "a stateless VNF serving subscribers at the first site",
        "a stateless VNF beside it, protected at the second site",
        "the VNF is protected at the second site",
        "clients use the service while every request is recorded",
        "it is watched which site is active",
        "the link heals and replication catches up",
        "everything is read back at the second site",
        "the present state is kept as a savepoint",
        "the second site goes back to the savepoint",
        "the VNF is told to fail over although the first site still serves",
        "the service is moved to the second site for maintenance",
        "the service returns to the first site",
    }
)
"""What is done to the scenario's own VNF and leaves the clouds as they are. A VNF that fills clouds is not among it,
nor are clients who go as fast as they can."""
STEADY_CHECKS = frozenset(
    {
        "acknowledged-writes",
        "healed-acknowledged-writes",
        "sessions",
        "network",
        "vm-count",
        "single-holder",
        "clean-state",
        "catch-up",
        "move-replicated-first",
        "move-acknowledged-writes",
        "move-serving-first",
        "move-network",
        "move-vm-count",
        "no-stop-without-copy",
        "way-back-order",
        "way-back-acknowledged-writes",
        "way-back-sessions",
        "way-back-network",
        "way-back-vm-count",
        "linearizability",
        "session-guarantees",
    }
)
"""Checks that ask what happened and in which order, not how long it took: a neighbour that takes some of the machine
can make none of them pass. Not among them are outages, disturbance and degradation, which are differences of times."""
SCHEMES = frozenset({"reference", "no-fencing", "no-op"})
"""Mechanisms that know nothing but the VNF they were made for. What another keeps for all of its VNFs is not known."""


def why_alone(scenario: Scenario, request: Request) -> str | None:
    """Why a scenario needs the sites for itself, in words that go on after "alone: "; None when it does not."""
    scheme = request.options.scheme.partition(":")[0]
    if scheme not in SCHEMES:
        return f"the scheme {scheme} may know of one VNF at a time"
    reaching = [name for name in planned_faults(scenario, request.scheduled) if name not in OWN_FAULTS]
    if reaching:
        return f"{reaching[0]} reaches beyond its own VNF and link"
    for step in scenario.steps:
        if step.type != "then" and not faults_of(step.name) and step.name not in OWN_SENTENCES:
            return f"{step.name!r} may use more than its share of the sites"
    for phrase in then_phrases(scenario):
        check = check_for_phrase(phrase)
        if check is None or check.name not in STEADY_CHECKS:
            return f"{phrase!r} is a matter of time"
    return None
