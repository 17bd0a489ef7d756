"""MS-GR-03: every session acknowledged before the loss is accepted at the second site, which went on from the
state there was; and so at the first site after the service has returned.

A session is named by the ``key`` of its open-session and use-session operations. A refusal is an answer that
the session is unknown (401, 404); an answer that the service is not there yet (503), a broken connection or a
timeout says nothing about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from conformance.checkers.final_read import final_read
from conformance.checkers.timeline import Departure, departure
from conformance.checkers.words import count, listed, verb, whole
from conformance.model import Evidence, Operation, Outcome, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue

NAMED = 200
_REFUSED = re.compile(r"\s*(?:HTTP )?(?:401|404)\b|.*\bunknown session\b", re.IGNORECASE)


@dataclass
class _Uses:
    """What one session met at the site that took over: when it was accepted, when refused once the service was
    back, and when refused by a site that had not taken over yet."""

    accepted: list[Operation] = field(default_factory=list)
    refused: list[Operation] = field(default_factory=list)
    too_early: list[Operation] = field(default_factory=list)


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-03: from the first site, lost or left by a move, to the second."""
    loss = departure(record)
    if loss is None:
        return Verdict(Status.INCONCLUSIVE, f"The loss of {record.info.first_site} is not on record.")
    return judge(record, loss, record.info.second_site)


def judge(record: ScenarioRecord, loss: Departure, to: str) -> Verdict:
    """Whether the sessions that were open before a departure are accepted at the site ``to`` afterwards. Figures:
    ``sessions``, ``survived``, ``refused``, ``not_used``, ``state_kept``. O(n)."""
    opened = _opened_before(record.history, loss)
    if not opened:
        return Verdict(Status.INCONCLUSIVE, f"No session was opened before {loss.what}.", {"sessions": 0})
    back = _back_at(record.history, to, loss)
    uses = _uses(record.history, opened, to, loss, back)
    refused = {key: use.refused[0] for key, use in uses.items() if use.refused}
    unused = [key for key, use in uses.items() if not use.refused and not use.accepted]
    kept = _state_kept(record, loss)
    figures: dict[str, FigureValue] = {
        "sessions": len(opened),
        "survived": len(opened) - len(refused) - len(unused),
        "refused": len(refused),
        "not_used": len(unused),
        "refused_before_takeover": sum(bool(use.too_early) for use in uses.values()),
        "state_kept": kept,
    }
    status, reason = _conclude(len(opened), list(refused), unused, kept, to, loss)
    return Verdict(status, reason, figures, tuple(_evidence(opened, refused, unused, to, loss)))


def _conclude(
    total: int, refused: list[str], unused: list[str], kept: bool | None, to: str, loss: Departure
) -> tuple[Status, str]:
    """A refusal or an initial state is a violation; what was not looked at leaves it open."""
    violations = []
    of_all = f"of {count(total, 'session')} opened before {loss.what}"
    if refused:
        n = len(refused)
        violations.append(f"{n} {of_all} {verb(n, 'is', 'are')} refused at {to}: {listed(refused)}.")
    if kept is False:
        violations.append(f"{to} holds no record written before {loss.what}: it started from its initial state.")
    if violations:
        return Status.FAIL, " ".join(violations)
    if unused:
        n = len(unused)
        return Status.INCONCLUSIVE, (
            f"{n} {of_all} {verb(n, 'was', 'were')} not seen accepted or refused at {to} afterwards: {listed(unused)}."
        )
    accepted = f"{whole(total, 'session')} opened before {loss.what} {verb(total, 'is', 'are')} accepted at {to}"
    if kept is None:
        return Status.INCONCLUSIVE, f"{accepted}, but nothing on record shows whether earlier records are there too."
    return Status.PASS, f"{accepted}, which went on from the state there was."


def _opened_before(history: Iterable[Operation], loss: Departure) -> dict[str, Operation]:
    """The sessions that clients were told were open by the time the site was lost, by name."""
    return {
        op.key: op
        for op in history
        if op.f == "open-session"
        and op.outcome is Outcome.OK
        and op.key is not None
        and op.completed is not None
        and (op.completed <= loss.done or op.site == loss.site)
        and op.invoked <= loss.done
    }


def _back_at(history: Iterable[Operation], to: str, loss: Departure) -> int | None:
    """When the site first acknowledged something that only a service which has taken over can do: a
    write or a new session; failing that, when it first accepted a session."""
    done: list[int] = []
    accepted: list[int] = []
    for op in history:
        if op.outcome is Outcome.OK and op.site == to and op.completed is not None and op.invoked >= loss.began:
            if op.f in ("write", "open-session"):
                done.append(op.completed)
            elif op.f == "use-session":
                accepted.append(op.completed)
    return min(done or accepted, default=None)


def _uses(
    history: Iterable[Operation], opened: dict[str, Operation], to: str, loss: Departure, back: int | None
) -> dict[str, _Uses]:
    """Every use at the site ``to`` after the departure, by session. A refusal counts once the service was back
    there, or in the final read: before that, a replica may be behind without anything being lost."""
    uses = {key: _Uses() for key in opened}
    for op in history:
        if op.f != "use-session" or op.key not in opened or op.site != to or op.invoked < loss.began:
            continue
        use = uses[op.key]
        if op.outcome is Outcome.OK:
            use.accepted.append(op)
        elif op.outcome is Outcome.FAIL and _REFUSED.match(op.error or ""):
            counts = op.final or (back is not None and op.invoked >= back)
            (use.refused if counts else use.too_early).append(op)
    return uses


def _state_kept(record: ScenarioRecord, loss: Departure) -> bool | None:
    """Whether the final read holds anything acknowledged before the loss; None when that was not read, or
    nothing was."""
    read = final_read(record.history)
    before = {
        (op.key, op.value)
        for op in record.history
        if op.f == "write" and op.outcome is Outcome.OK and op.completed is not None and op.completed <= loss.began
    }
    if read is None or not before or read.began < loss.done:
        return None
    return any(item in before for item in read.items())


def _evidence(
    opened: dict[str, Operation], refused: dict[str, Operation], unused: Iterable[str], to: str, loss: Departure
) -> Iterator[Evidence]:
    for key, op in list(refused.items())[:NAMED]:
        since = loss.relative(opened[key].completed or opened[key].invoked)
        text = f"Session {key}, opened {since}, was refused by {op.site} {loss.relative(op.invoked)}: {op.error}."
        yield Evidence("refused session", str(op.id), text)
    for key in list(unused)[:NAMED]:
        yield Evidence("session not used", str(opened[key].id), f"Session {key} was not seen at {to}.")
