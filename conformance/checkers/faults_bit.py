"""The gate every verdict passes through: nothing is a pass unless what was planned really happened and was
undone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from conformance.checkers.timeline import (
    FAILBACK,
    MIGRATE,
    SITE_LOSS,
    last_instant,
    open_phase,
    operation_spans,
    turning_point,
)
from conformance.checkers.words import count, joined, span
from conformance.model import Event, Evidence, ScenarioRecord, Status, Verdict
from conformance.model.events import NOT_SUPPORTED

_OPERATIONS = {MIGRATE: "move", FAILBACK: "return"}


def did_not_bite(record: ScenarioRecord) -> tuple[str, ...]:
    """One sentence for each planned fault that was not injected, or was not shown to have an effect."""
    sentences = []
    for name, planned in Counter(record.info.faults_planned).items():
        injected = [e for e in record.fault_events(name, "injected") if e.ok is not False]
        failed = [e for e in record.fault_events(name) if e.ok is False]
        verified = record.fault_events(name, "verified")
        bitten = [e for e in verified if e.ok is True]
        if len(injected) < planned:
            seen = f"only {len(injected)} of {planned} times" if injected else "never"
            sentences.append(f"The fault {name} was planned and {seen} injected{_said(failed)}.")
        elif len(bitten) < len(verified):
            blunt = [e for e in verified if e.ok is not True]
            sentences.append(f"The fault {name} was injected and did not show its effect{_said(blunt)}.")
        elif len(bitten) < planned:
            sentences.append(f"The fault {name} was injected and nothing on record shows that it had an effect.")
    return tuple(sentences)


def missed(record: ScenarioRecord) -> tuple[str, ...]:
    """One sentence for each fault that was to strike during an operation of the scheme and is not on record to have:
    its injection did not begin after that had begun, or was not over before that ended."""
    sentences = []
    for (name, operation), planned in Counter(record.info.faults_during).items():
        spans, struck = operation_spans(record, operation), _struck(record, name)
        within = [s for s in struck if any(b <= s[0] and e is not None and s[1] <= e for b, e in spans)]
        if struck and len(within) < planned:  # what was never injected is told by did_not_bite
            what = _OPERATIONS.get(operation, operation)
            late = next(s for s in reversed(struck) if s not in within)
            sentences.append(f"The fault {name} was to strike during the {what}: {_off(late, spans, what)}.")
    return tuple(sentences)


def _struck(record: ScenarioRecord, name: str) -> list[tuple[int, int]]:
    """From when to when each injection of a fault took."""
    events = sorted(record.fault_events(name), key=lambda e: e.t)
    done = [e.t for e in events if e.state == "injected" and e.ok is not False]
    return [(max((e.t for e in events if e.state == "injecting" and e.t <= t), default=t), t) for t in done]


def _off(struck: tuple[int, int], spans: Sequence[tuple[int, int | None]], what: str) -> str:
    """Where an injection lies that was not within an operation, as a clause."""
    began, done = struck
    begin, end = next((s for s in reversed(spans) if s[0] <= began), spans[0] if spans else (None, None))
    if begin is None:
        return f"it was injected, and no {what} is on record"
    if began < begin:
        return f"its injection began {span(begin - began)} before that did"
    if end is None:
        return f"it was injected {span(done - begin)} after that had begun, and no end of it is on record"
    return (
        f"it was injected {span(done - begin)} after that had begun, and that took {span(end - begin)}, "
        f"{span(done - end)} less"
    )


def not_healed(record: ScenarioRecord) -> tuple[str, ...]:
    """One sentence for each fault whose healing failed or, in a finished run, is not on record."""
    sentences = []
    for name in dict.fromkeys(e.name for e in record.fault_events()):
        bad = [e for e in record.fault_events(name) if e.state in ("healed", "heal-verified") and e.ok is False]
        injected = [e for e in record.fault_events(name, "injected") if e.ok is not False]
        if bad:
            sentences.append(f"Healing the fault {name} failed{_said(bad)}.")
            continue
        for state, words in (
            ("healed", "it was healed"),
            ("heal-verified", "its effect was gone afterwards"),
        ):
            if record.finished and len(record.fault_events(name, state)) < len(injected):
                sentences.append(f"The fault {name} was injected and nothing on record shows that {words}.")
                break
    return tuple(sentences)


def left_out(record: ScenarioRecord) -> tuple[str, ...]:
    """One sentence for each reason why a fault could not be injected at these sites."""
    return tuple(dict.fromkeys(e.detail for e in record.fault_events(state="skipped") if e.detail))


def not_supported(record: ScenarioRecord) -> tuple[str, ...]:
    """One sentence for each operation that the scenario asked for and the scheme does not have."""
    return tuple(dict.fromkeys(e.detail for e in record.events if e.kind == "scheme" and e.state == NOT_SUPPORTED))


def cut_short(record: ScenarioRecord) -> str | None:
    """Where a run that was not finished broke off, as a sentence; None for a finished one."""
    if record.finished:
        return None
    end, turn, phase = last_instant(record), turning_point(record), open_phase(record)
    if end is None:
        return "The run was cut short before anything was recorded."
    nothing = "before any site was lost" if SITE_LOSS in record.info.faults_planned else "before anything happened"
    where = f", {turn.relative(end) if turn else nothing}"
    return f"The run was cut short{f' in the phase {phase}' if phase else ''}{where}."


def gate(verdict: Verdict, record: ScenarioRecord) -> Verdict:
    """The verdict that may stand, given whether the record can be trusted and the faults did what they were
    meant to.

    - Unreadable lines make it an error, whatever was found: what is missing may be the very lines that were
      lost.
    - A fail stands, for no later trouble undoes a violation; what else went wrong is added to its reason.
    - A healing that failed makes it an error.
    - Faults that did not bite, or not during the operation that they were meant for, an operation that the scheme does
      not have, or a run cut short make a pass inconclusive.
    """
    if record.problems:
        reason = (
            f"The record cannot be read in full: {count(len(record.problems), 'problem')}, first "
            f"{_sentence(record.problems[0])} From what could be read: {verdict.status}. {verdict.reason}"
        )
        evidence = tuple(Evidence("record", "problem", text) for text in record.problems[:50])
        return replace(verdict, status=Status.ERROR, reason=reason, evidence=evidence + verdict.evidence)
    blunt, unhealed, cut = did_not_bite(record), not_healed(record), cut_short(record)
    doubts = [*unhealed, *blunt, *missed(record), *not_supported(record), *([cut] if cut else [])]
    if not doubts or verdict.status in (Status.ERROR, Status.NOT_APPLICABLE, Status.NOT_TESTED):
        return verdict
    if verdict.status is Status.FAIL:
        return replace(verdict, reason=f"{verdict.reason} (This stands although: {' '.join(doubts)})")
    status = Status.ERROR if unhealed else Status.INCONCLUSIVE
    if verdict.status is Status.PASS:
        return replace(verdict, status=status, reason=f"{' '.join(doubts)} Otherwise: {verdict.reason}")
    return replace(verdict, status=status, reason=" ".join([*doubts, verdict.reason]))


def _said(events: Sequence[Event]) -> str:
    """What was noted of the events, as a subordinate piece of a sentence."""
    notes = list(dict.fromkeys(e.detail.rstrip(".") for e in events if e.detail))
    return f": {joined(notes)}" if notes else ""


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
