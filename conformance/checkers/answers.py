"""What clients and samplers saw of one site, whatever anybody's log says: when it answered, and when it did not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.model import Outcome, ScenarioRecord

# What only a service in charge can do; reading a session back is within the power of a standby.
_SERVED = ("write", "open-session", "put", "cas")
_STATUS = re.compile(r"\s*(?:HTTP )?([1-5]\d\d)\b")
_NOT_IN_CHARGE = "503"


@dataclass(frozen=True)
class Answer:
    """Something asked of a site between ``sent`` and ``done`` (nanoseconds). ``alive``: it answered, if only to say no.
    ``served``: whether it did what only a service in charge does, None where that was not asked. ``what`` names the
    operation, probe or sample."""

    sent: int
    done: int
    alive: bool
    served: bool | None
    what: str


def answers(record: ScenarioRecord, site: str) -> list[Answer]:
    """All that shows whether ``site`` was there or served, in order of sending. What was left unanswered (a timeout, a
    sample without an answer) shows neither and is not in it; a connection that was refused is."""
    return sorted(_found(record, site), key=lambda a: (a.sent, a.done))


def _found(record: ScenarioRecord, site: str) -> Iterator[Answer]:
    for op in record.history:
        if op.site != site or op.completed is None or op.outcome is Outcome.INFO:
            continue
        what = f"operation {op.id}"
        if op.outcome is Outcome.OK:
            yield Answer(op.invoked, op.completed, True, True if op.f in _SERVED else None, what)
        else:
            yield Answer(op.invoked, op.completed, *_refusal(op.error or ""), what)
    for probe in record.probes:
        what = f"probe {probe.n}"
        if probe.ok and probe.site == site:
            yield Answer(probe.sent, probe.done, True, True, what)
        elif not probe.ok:
            for told in _told_by(site, probe.error or ""):
                yield Answer(probe.sent, probe.done, *_refusal(told), what)
    for number, look in enumerate(record.holders):
        if look.site == site and look.active is not None:
            yield Answer(look.sent, look.done, True, look.active, f"sample {number} of {look.identity}")


def _refusal(error: str) -> tuple[bool, bool | None]:
    """(alive, served) of a certain failure: an HTTP status comes from a site that lives, and only 503 says that it
    does not serve (401 and 404 are answers of a service)."""
    status = _STATUS.match(error)
    if status is None:
        return False, False
    return True, False if status[1] == _NOT_IN_CHARGE else None


def _told_by(site: str, error: str) -> Iterator[str]:
    """What a probe that failed was told by one site. The prober asks every site before it gives up; only a status or
    a connection that was refused says anything."""
    for part in error.split("; "):
        name, _, told = part.partition(": ")
        if name == site and (_STATUS.match(told) or told.startswith(("not connected", "refused"))):
            yield told
