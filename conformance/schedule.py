"""What a nemesis does, and when: drawn from a seed, written down, and replayed from what was written."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from conformance.errors import UsageError

SCHEDULE_FILE = "schedule.json"
SHORTEST_SPAN_S = 1.0


@dataclass(frozen=True)
class Planned:
    """``sentence`` disturbs something from ``at_s`` seconds after the nemesis began, for ``lasts_s`` seconds."""

    at_s: float
    sentence: str
    lasts_s: float


Schedule = tuple[Planned, ...]
Needed = tuple[str, str]
"""A fault that is made by a site's own means, and which of the pair that is: first or second."""


@dataclass(frozen=True)
class _Kind:
    """``sentence`` with a place for a whole number from ``low`` to ``high``, without a place if they are 0, or for how
    long it lasts. ``needs`` is what the sites file has to allow for it: a fault, and at which site."""

    sentence: str
    low: int = 0
    high: int = 0
    needs: Needed | None = None


_KINDS = (
    _Kind("the link delays everything by {} ms in each direction", 20, 200),
    _Kind("the link jitters by {} ms in each direction", 10, 60),
    _Kind("the link carries no more than {} kB/s", 20, 200),
    _Kind("the link answers everything with a reset"),
    _Kind("the link swallows everything and keeps its connections open"),
    _Kind("the link closes connections {} ms late", 100, 800),
    _Kind("the link is cut towards the first site"),
    _Kind("the link is cut towards the second site"),
    _Kind("the link is cut"),
    _Kind("the link comes and goes every 1 s"),
)
_PACKET_KINDS = (
    _Kind("the WAN delays every packet by {} ms in each direction", 20, 200),
    _Kind("the WAN loses {} % of all packets in each direction", 2, 10),
    _Kind("the WAN damages {} % of all packets in each direction", 2, 10),
    _Kind("the WAN doubles {} % of all packets in each direction", 5, 20),
    _Kind("the WAN reorders {} % of all packets in each direction", 5, 30),
    _Kind("the WAN is cut towards the first site"),
    _Kind("the WAN is cut towards the second site"),
    _Kind("the WAN is cut"),
    _Kind("the WAN comes and goes every 1 s"),
)
# No site is lost: what that asks for is a failover, and no service is left that a next disturbance could strike. Nor is
# the first site's database killed, which may wait to be told who serves.
_OTHER_KINDS = (
    *(_Kind(f"the API of the {at} site falls silent", needs=("api-silence", at)) for at in ("first", "second")),
    *(_Kind(f"the API of the {at} site answers with errors", needs=("api-errors", at)) for at in ("first", "second")),
    *(
        _Kind(f"the {service} service of the {at} site is killed", needs=("service-kill", at))
        for service in ("compute", "network")
        for at in ("first", "second")
    ),
    _Kind("the VNF's database at the first site hangs for {lasts:g} s"),
    _Kind("the VNF's database at the second site hangs for {lasts:g} s"),
    _Kind("the VNF's database at the second site is killed and starts again"),
)
_SHORTEST_S, _LONGEST_S = 1.0, 4.0
_ROUNDING_S = 1e-6
# Half of all pauses are none: the next disturbance then meets replication while it catches up.
_NO_PAUSE = 0.5
_LONGEST_PAUSE_S = 3.0


def draw(seed: int, span_s: float, allowed: Collection[Needed] | None = None, *, packets: bool = False) -> Schedule:
    """Disturbances one after the other that fill ``span_s`` seconds, at least one. The same arguments always give the
    same ones; each kind comes once before any comes again. UsageError when the span is too short for one.

    They are of the link alone, and with ``packets`` of the WAN, whose packets can be got at, as well; with ``allowed``,
    what the sites allow to be done to them, every second one is of a site or of a guest of the VNF. Never are two sites
    disturbed at once.
    """
    if span_s < SHORTEST_SPAN_S:
        raise UsageError(
            f"A nemesis needs {SHORTEST_SPAN_S:g} s at least to disturb anything; it was given {span_s:g} s."
        )
    # Only random() is promised to give the same numbers in every version of Python.
    next_random = random.Random(seed).random
    planned: list[Planned] = []
    kinds: list[tuple[_Kind, ...]] = [(*_KINDS, *_PACKET_KINDS) if packets else _KINDS]
    if allowed is not None:
        kinds.append(tuple(kind for kind in _OTHER_KINDS if kind.needs is None or kind.needs in allowed))
    left: list[list[_Kind]] = [[] for _ in kinds]
    at_s = 0.0
    while span_s - at_s >= _SHORTEST_S:
        turn = len(planned) % len(kinds)
        left[turn] = left[turn] or list(kinds[turn])
        kind = left[turn].pop(int(next_random() * len(left[turn])))
        number = kind.low + int(next_random() * (kind.high - kind.low + 1))
        lasts_s = round(min(_SHORTEST_S + next_random() * (_LONGEST_S - _SHORTEST_S), span_s - at_s), 1)
        planned.append(Planned(at_s, kind.sentence.format(number, lasts=lasts_s), lasts_s))
        pause_s = 0.0 if next_random() < _NO_PAUSE else next_random() * _LONGEST_PAUSE_S
        at_s = round(at_s + lasts_s + pause_s, 1)
    return tuple(planned)


def seed_for(seed: int, scenario: str) -> int:
    """The seed of one scenario in a run: another for each, and always the same."""
    return seed ^ zlib.crc32(scenario.encode())


def write_schedule(path: Path, schedule: Sequence[Planned]) -> None:
    """Write a schedule down as read_schedule reads it."""
    path.write_text(json.dumps([asdict(planned) for planned in schedule], indent=1) + "\n", encoding="utf-8")


def read_schedule(path: Path) -> Schedule:
    """A schedule that was written down. UsageError says what is wrong with the file; whether the sentences are known
    is not looked at."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read the schedule {path}: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"The schedule {path} is not JSON: {error}.") from None
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"The schedule {path} should be a list of disturbances with at least one in it.")
    schedule = tuple(_planned(path, number, entry) for number, entry in enumerate(entries, start=1))
    for number, (one, other) in enumerate(zip(schedule, schedule[1:], strict=False), start=2):
        if other.at_s < one.at_s + one.lasts_s - _ROUNDING_S:
            raise UsageError(
                f"The schedule {path}: disturbance {number} begins at {other.at_s:g} s, before the one before it ends "
                f"({one.at_s + one.lasts_s:g} s). They come one after the other."
            )
    return schedule


def _planned(path: Path, number: int, entry: object) -> Planned:
    where = f"The schedule {path}, disturbance {number}"
    if not isinstance(entry, dict) or entry.keys() != {"at_s", "sentence", "lasts_s"}:
        raise UsageError(f"{where} should have at_s, sentence and lasts_s and nothing else; it is {entry!r}.")
    at_s, sentence, lasts_s = entry["at_s"], entry["sentence"], entry["lasts_s"]
    if not (_is_seconds(at_s) and _is_seconds(lasts_s) and lasts_s > 0 and isinstance(sentence, str)):
        raise UsageError(
            f"{where}: at_s should be seconds from 0, lasts_s seconds above 0 and sentence text; it is {entry!r}."
        )
    return Planned(float(at_s), sentence, float(lasts_s))


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
