"""Is there one order of a register's accesses that explains every answer? The search, for one register.

The algorithm of Wing and Gong with Lowe's memory of configurations, as in Porcupine: accesses are placed one after the
other; next may be whatever was begun before the first of the unplaced ended. A configuration (what has been placed, and
what the register holds) that led nowhere is not tried again. Four things keep it quick:

- What has been placed is kept as a count and a small window of bits: all of the first ``low`` accesses, and of those
  after them the ones whose bit is set. A register with 100,000 accesses is no harder than 1,000 with 100 each.
- A get of what the register holds is placed at once and for good: it changes nothing, so later is never better.
- A value is not overwritten while somebody is still to read it whom no other write can serve.
- A put of unknown outcome is placed only just before an access that needs its value. Anywhere else it may be left out.

Effort is counted in steps, not in seconds, so that every machine comes to the same verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from conformance.checkers.registers import Access, Value

_HEAD = 0


class Found(StrEnum):
    """What the search came to."""

    ORDER = "order"
    NO_ORDER = "no order"
    GAVE_UP = "gave up"


@dataclass(frozen=True)
class Search:
    """``steps`` is the effort it took."""

    found: Found
    steps: int


def linearize(accesses: Sequence[Access], steps: int) -> Search:
    """Look for an order, with at most so many steps. Ends that coincide with beginnings count as overlapping."""
    problem = _Problem(accesses)
    if any(readers and not writers for readers, writers in zip(problem.readers[1:], problem.writers[1:], strict=True)):
        return Search(Found.NO_ORDER, 0)  # somebody read what nobody wrote
    return _search(problem, steps)


class _Problem:
    """The accesses in the form the search needs. Values are numbered; 0 is the register that was never written."""

    def __init__(self, accesses: Sequence[Access]) -> None:
        numbers: dict[Value, int] = {None: 0}
        for access in accesses:
            numbers.setdefault(access.old, len(numbers))
            numbers.setdefault(access.new, len(numbers))
        self.readers = [0] * len(numbers)  # certain accesses that need the value, by its number
        self.writers = [0] * len(numbers)
        self.unsure: list[list[tuple[int, int]]] = [[] for _ in numbers]  # puts of unknown outcome: when begun, bit
        self.accesses: list[Access] = []  # all others
        self.reads: list[int] = []  # the number of the value that each needs, or -1
        self.writes: list[int] = []  # … that it writes, or -1
        self.certain: list[int] = []  # its number among those that must be placed, or minus its bit
        self.must = 0
        doubts = 0
        line: list[tuple[int, bool, int]] = []
        for access in accesses:
            old, new = numbers[access.old], numbers[access.new]
            self.writers[new] += access.writes
            if access.ended is None:
                doubts += 1
                if not access.reads:
                    self.unsure[new].append((access.begun, 1 << doubts))
                    continue
                self.certain.append(-(1 << doubts))
            else:
                line.append((access.ended, True, len(self.accesses)))
                self.certain.append(self.must)
                self.must += 1
                self.readers[old] += access.reads
            line.append((access.begun, False, len(self.accesses)))
            self.accesses.append(access)
            self.reads.append(old if access.reads else -1)
            self.writes.append(new if access.writes else -1)
        line.sort()
        # Node n of the time line is line[n - 1]: a beginning or an end. Node 0 is the head, the last one the end.
        self.size = len(line) + 1
        self.times = [0, *(t for t, _, _ in line)]
        self.place = [-1, *(place for _, _, place in line), -1]
        self.is_end = [False, *(end for _, end, _ in line), True]
        self.end_of = [0] * len(self.accesses)  # 0: it never ends
        for node, (_, end, place) in enumerate(line, 1):
            if end:
                self.end_of[place] = node


def _search(problem: _Problem, budget: int) -> Search:
    """Depth first. The time line is a doubly linked list; placing an access takes its two nodes out."""
    reads, writes, certain, is_end = problem.reads, problem.writes, problem.certain, problem.is_end
    place_of, end_of, readers, writers = problem.place, problem.end_of, problem.readers, problem.writers
    after, before = [*range(1, problem.size + 1), problem.size], list(range(-1, problem.size))
    low = window = taken = state = used = 0
    seen: set[tuple[int, int, int, int]] = set()
    stack: list[tuple[int, bool, int, int, int, int]] = []
    left = problem.must
    node = after[_HEAD]
    while left:
        used += 1
        if used > budget:
            return Search(Found.GAVE_UP, used)
        if not is_end[node]:
            place = place_of[node]
            old, new = reads[place], writes[place]
            bit, number = 0, certain[place]
            fits = old < 0 or old == state
            if not fits and problem.unsure[old]:
                bit = _unsure_put(problem.unsure[old], taken, problem.times[_first_end(node, after, is_end)])
                fits = bit != 0
            if fits and (bit or new >= 0) and not writers[state]:
                # The value is overwritten: is there anybody left who needs it?
                fits = readers[state] == (old == state and number >= 0)
            if fits:
                new_low, new_window, new_taken = low, window, taken | bit
                if number < 0:
                    new_taken |= -number
                else:
                    new_window |= 1 << (number - low)
                    while new_window & 1:
                        new_window >>= 1
                        new_low += 1
                new_state = old if new < 0 else new
                configuration = (new_low, new_window, new_taken, new_state)
                if configuration not in seen:
                    seen.add(configuration)
                    stack.append((node, new < 0 and not bit, state, low, window, taken))
                    low, window, taken, state = new_low, new_window, new_taken, new_state
                    if number >= 0:
                        left -= 1
                        if old >= 0:
                            readers[old] -= 1
                    if new >= 0:
                        writers[new] -= 1
                    if bit:
                        writers[old] -= 1
                    last = end_of[place]
                    after[before[node]], before[after[node]] = after[node], before[node]
                    if last:
                        after[before[last]], before[after[last]] = after[last], before[last]
                    node = after[_HEAD]
                    continue
            node = after[node]
            continue
        for_good = True
        while for_good:
            if not stack:
                return Search(Found.NO_ORDER, used)
            placed = taken
            node, for_good, state, low, window, taken = stack.pop()
            place = place_of[node]
            old, new, number, last = reads[place], writes[place], certain[place], end_of[place]
            if number >= 0:
                left += 1
                if old >= 0:
                    readers[old] += 1
            if new >= 0:
                writers[new] += 1
            if placed ^ taken ^ (-number if number < 0 else 0):
                writers[old] += 1
            if last:
                after[before[last]] = before[after[last]] = last
            after[before[node]] = before[after[node]] = node
        node = after[node]
    return Search(Found.ORDER, used)


def _first_end(node: int, after: Sequence[int], is_end: Sequence[bool]) -> int:
    """The first end of an unplaced access at or after ``node``."""
    while not is_end[node]:
        node = after[node]
    return node


def _unsure_put(puts: Sequence[tuple[int, int]], taken: int, deadline: int) -> int:
    """The bit of a put of unknown outcome that was begun by the deadline and has not been placed; 0 when there is none.
    Which of several does not matter: they do the same, and none of them ends."""
    return next((bit for begun, bit in puts if begun <= deadline and not taken & bit), 0)
