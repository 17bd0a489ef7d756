"""Register operations of a history, key by key, as what each demands of the register and does to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conformance.model import Operation, Outcome

GET, PUT, CAS = "get", "put", "cas"
FUNCTIONS = frozenset({GET, PUT, CAS})
Value = str | None


@dataclass(frozen=True, slots=True)
class Access:
    """One get, put or cas that took effect, or may have.

    ``old`` is what the register must hold for it (only if ``reads``), ``new`` what it holds afterwards (only if
    ``writes``); None is a register that nothing was written to. It took effect at some instant from ``begun`` to
    ``ended`` (nanoseconds). ``ended`` None: its outcome is unknown, so it took effect at any instant from ``begun`` on,
    or never.
    """

    op: Operation
    reads: bool
    old: Value
    writes: bool
    new: Value
    begun: int
    ended: int | None


def accesses(history: Iterable[Operation]) -> dict[str, list[Access]]:
    """What may have happened to each register, in the order invoked.

    An operation that failed certainly did not happen, and a get without an answer says nothing: both are left out.
    """
    found: dict[str, list[Access]] = {}
    for op in history:
        if op.f not in FUNCTIONS or op.outcome is Outcome.FAIL or (op.f == GET and op.outcome is Outcome.INFO):
            continue
        ended = op.completed if op.outcome is Outcome.OK else None
        if op.f == GET:
            access = Access(op, True, op.value, False, None, op.invoked, ended)
        elif op.f == PUT:
            access = Access(op, False, None, True, op.value, op.invoked, ended)
        else:
            old, new = swap(op)
            access = Access(op, True, old, True, new, op.invoked, ended)
        found.setdefault(op.key or "", []).append(access)
    for each in found.values():
        each.sort(key=lambda access: access.begun)
    return found


def swap(op: Operation) -> tuple[Value, Value]:
    """What a cas expected and what it was to write. ValueError when the operation's value says neither."""
    old, new = json.loads(op.value or "")
    return old, new


def that_matter(all_of_key: Sequence[Access]) -> list[Access]:
    """The accesses without the writes of unknown outcome that left no trace: if nobody ever met their value, they may
    as well not have happened."""
    kept = list(all_of_key)
    while True:
        met = {access.old for access in kept if access.reads}
        left = [access for access in kept if access.ended is not None or access.new in met]
        if len(left) == len(kept):
            return kept
        kept = left
