"""How things stand by the word of the guests themselves, which every VNF gives (docs/how-to-blueprint.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.schemes.base import SchemeStatus
from conformance.schemes.handover import log_position
from conformance.schemes.steps import StepFailed
from conformance.vnf import Deployment, ask_guests

_ASK_TIMEOUT_S = 0.5


def standing(vnfs: Iterable[Deployment]) -> SchemeStatus:
    """What all guests at all sites say."""
    sites = {vnf.site: ask_guests(vnf, _ASK_TIMEOUT_S) for vnf in vnfs}
    answers = {site: [a for a in guests.values() if a is not None] for site, guests in sites.items()}
    active = [site for site, said in answers.items() if any(a.get("role") == "primary" for a in said)]
    protected = any(a.get("protected") is True for said in answers.values() for a in said)
    if len(active) > 1:
        detail = f"{' and '.join(active)} both have a primary: split brain."
    else:
        detail = f"{active[0] if active else 'No site'} is active, {'protected' if protected else 'unprotected'}."
    behind = _behind([answer for said in answers.values() for answer in said])
    return SchemeStatus(protected, active[0] if len(active) == 1 else None, detail, sites, behind)


def _behind(answers: list[Mapping[str, Any]]) -> int | None:
    """How far the standby is behind the primary, in bytes of the log; None unless both say where they are."""
    ends = [a.get("lsn") for a in answers if a.get("role") == "primary"]
    taken = [a.get("replay_lsn") for a in answers if a.get("role") == "standby"]
    if not ends or not taken or ends[0] is None or taken[0] is None:
        return None
    try:
        return max(0, log_position(ends[0]) - log_position(taken[0]))
    except StepFailed:
        return None
