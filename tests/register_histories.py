"""Histories of registers that are known to be linearizable, or not, and the slow and obvious way to tell."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

from builders import at, clean, info, numbered

from conformance.checkers.registers import Access
from conformance.model import Operation, Outcome, ScenarioRecord

START = 1_000_000_000_000


def simulated(
    seed: int, *, operations: int, keys: int, clients: int, unknown: float = 0.01, swaps: float = 0.1
) -> list[Operation]:
    """Clients at work on registers that really are one copy: each operation takes effect at an instant inside it. A
    share has an unknown outcome, half of which took effect."""
    chance = random.Random(seed)
    free = [(START + n * 1000, n) for n in range(clients)]
    plans = []
    for i in range(operations):
        begun, client = free[i % clients]
        ended = begun + chance.randint(1_000_000, 20_000_000)
        free[i % clients] = (ended + chance.randint(1000, 2_000_000), client)
        f = "cas" if chance.random() < swaps else chance.choice(("get", "get", "put"))
        plans.append((chance.randint(begun, ended), begun, ended, client, f, f"r{chance.randrange(keys)}"))
    holds: dict[str, str | None] = {}
    found = []
    for n, (_, begun, ended, client, f, key) in enumerate(sorted(plans)):
        site = "site-a" if n < operations // 2 else "site-b"
        held, new, outcome, value = holds.get(key), f"v{n}", Outcome.OK, None
        doubt = chance.random() < unknown
        if f == "get":
            value = None if doubt else held
            outcome = Outcome.INFO if doubt else Outcome.OK
        else:
            expected = held if chance.random() < 0.8 else f"v{chance.randrange(n + 1)}"
            value = new if f == "put" else json.dumps([expected, new])
            applies = f == "put" or expected == held
            outcome = Outcome.INFO if doubt else Outcome.OK if applies else Outcome.FAIL
            if applies and not (doubt and chance.random() < 0.5):
                holds[key] = new
        found.append(Operation(0, client, f, begun, outcome, ended, key, value, site))
    return [replace(op, id=n) for n, op in enumerate(sorted(found, key=lambda op: (op.invoked, op.process)))]


def has_order(accesses: Sequence[Access]) -> bool:
    """Try every order of every choice of the uncertain ones."""
    certain = [a for a in accesses if a.ended is not None]
    unsure = [a for a in accesses if a.ended is None]
    for chosen in range(1 << len(unsure)):
        placed = certain + [a for n, a in enumerate(unsure) if chosen >> n & 1]
        if any(_explains(order) for order in permutations(placed)):
            return True
    return False


def _explains(order: Sequence[Access]) -> bool:
    state: str | None = None
    for n, access in enumerate(order):
        if access.reads and access.old != state:
            return False
        if any(later.ended is not None and later.ended < access.begun for later in order[n + 1 :]):
            return False
        if access.writes:
            state = access.new
    return True


def told(text: str) -> tuple[Operation, ...]:
    """Operations from lines of the form ``client function key value from to outcome site``, times in seconds relative
    to the loss. ``-`` is no value, ``old>new`` the value of a cas, ``?`` an end that never came. Outcome and site may
    be left out: ok, at site-a before the loss and at site-b after it."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        client, f, key, value, begun, ended, *rest = line.split()
        outcome = Outcome(rest[0]) if rest else Outcome.INFO if ended == "?" else Outcome.OK
        site = rest[1] if len(rest) > 1 else "site-a" if float(begun) < 0 else "site-b"
        end = None if ended == "?" else at(float(ended))
        op = Operation(0, int(client), f, at(float(begun)), outcome, end, key, _recorded(f, value), site)
        found.append(replace(op, error="503 read-only") if outcome is Outcome.FAIL else op)
    return numbered(found)


def _recorded(f: str, value: str) -> str | None:
    if f == "cas":
        old, new = value.split(">")
        return json.dumps([None if old == "-" else old, new])
    return None if value == "-" else value


SENTENCES = ("every register reads as if there were one copy", "every client finds what it has written and read")


def scenario(ops: Sequence[Operation]) -> ScenarioRecord:
    """A site loss that went as planned, with these operations as all that clients did."""
    return clean(history=tuple(ops), info=info(then=SENTENCES))
