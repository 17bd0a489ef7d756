"""What was observed to reach what in two looks, compared with each other and with what the rules say.

What could not be tried proves nothing: it leaves the verdict open. A difference names source, target, protocol, port.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from conformance.checkers.expected_reach import Rules
from conformance.checkers.inventories import BeforeAndAfter, Looks
from conformance.checkers.words import count, joined
from conformance.model import Evidence, Inventory, Reach, Reachability, ScenarioRecord, Status
from conformance.model.verdict import FigureValue

Key = tuple[str, str, str, str, int | None]
Outcomes = Mapping[Key, bool | None]
NAMED = 300


@dataclass(frozen=True)
class Observed:
    """What the observation shows: ``status`` with a sentence, and ``word`` for the figure ``reachability``."""

    status: Status
    sentence: str
    word: str
    figures: Mapping[str, FigureValue] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()


def observed(record: ScenarioRecord, both: BeforeAndAfter) -> Observed | None:
    """Judge the reachability in both looks; None when none was recorded at all."""
    looks = both.looks
    before, after = record.reachability.get(looks.before.name), record.reachability.get(looks.after.name)
    if before is None and after is None:
        return None
    doubt = _not_comparable(looks, before, after)
    if before is None or after is None or doubt:
        return Observed(Status.INCONCLUSIVE, doubt, f"not observed {looks.both}")
    first, second = outcomes(before.reaches), outcomes(after.reaches)
    differences = list(_differences(first, second, both))
    against = list(against_rules(second, both.after))
    known = [key for key in second if second[key] is not None and first.get(key) is not None]
    figures: dict[str, FigureValue] = {
        "pairs_reached": sum(second[key] is True for key in known),
        "pairs_not_reached": sum(second[key] is False for key in known),
        "pairs_not_observable": len({*first, *second}) - len(known),
        "reach_differences": len(differences),
        "against_the_rules": len(against),
    }
    leaks = [text for key, reached, text in against if reached and first.get(key) is not False]
    if differences or leaks:
        texts = [*differences, *leaks]
        evidence = tuple(Evidence("reachability", "pair", text) for text in texts[:NAMED])
        what = "What can be reached is not the same" if differences else "What no rule allows passes"
        return Observed(Status.FAIL, f"{what}: {joined(texts)}.", "not as expected", figures, evidence)
    open_ = list(_open(looks.both, first, second, [text for _, reached, text in against if not reached]))
    if open_:
        return Observed(Status.INCONCLUSIVE, " ".join(open_), "not fully observed", figures)
    sentence = (
        f"Observed {looks.both} alike: {count(int(str(figures['pairs_reached'])), 'pair')} reached and "
        f"{count(int(str(figures['pairs_not_reached'])), 'pair')} not reached, none of them against the rules."
    )
    return Observed(Status.PASS, sentence, "as expected", figures)


def _not_comparable(looks: Looks, before: Reachability | None, after: Reachability | None) -> str:
    for look, seen in ((looks.before, before), (looks.after, after)):
        if seen is None:
            return f"What could be reached at {look.where} ({look.name}) was not observed."
        if seen.site != look.site:
            return f"The reachability {look.name} is of {seen.site}, not of {look.site}."
    left, come = looks.left, looks.come
    if left is not None and before is not None and before.ended > left.began:
        return f"What could be reached at {before.site} was observed {left.relative(before.ended)}, not before it."
    if come is not None and after is not None and after.began < come.done:
        return f"What could be reached at {after.site} was observed {come.relative(after.began)}, not after it."
    return ""


def outcomes(reaches: Iterable[Reach]) -> dict[Key, bool | None]:
    """What came of each pair, protocol and port; None where it could not be tried, or repeated attempts disagree."""
    found: dict[Key, bool | None] = {}
    for r in reaches:
        key = (r.source, r.target, r.network, r.protocol.lower(), r.port)
        found[key] = r.reached if found.get(key, r.reached) == r.reached else None
    return found


def named(key: Key) -> str:
    """``frontend-0 to database-0 (tcp 5432 on service)``."""
    source, target, network, protocol, port = key
    return f"{source} to {target} ({protocol}{'' if port is None else f' {port}'} on {network})"


def _differences(first: Outcomes, second: Outcomes, both: BeforeAndAfter) -> Iterator[str]:
    words = {True: "reached", False: "not reached"}
    for key, reached in second.items():
        was = first.get(key)
        if was is not None and reached is not None and was != reached:
            yield f"{named(key)} is {words[was]} at {both.before.site} and {words[reached]} at {both.where}"


def against_rules(seen: Outcomes, inventory: Inventory) -> Iterator[tuple[Key, bool, str]]:
    """Pairs whose outcome is not what the rules of ``inventory`` say, with what came of them."""
    rules = Rules(inventory)
    for key, reached in seen.items():
        expected, why = rules.expect(*key)
        if reached is not None and expected is not None and reached != expected:
            came = "passes although" if reached else "does not pass although"
            yield key, reached, f"{named(key)} {came} {why} ({inventory.site})"


def _open(both: str, first: Outcomes, second: Outcomes, blocked: list[str]) -> Iterator[str]:
    """Why what was observed does not yet show that everything is as it should be."""
    unknown = [key for key in {**first, **second} if first.get(key) is None or second.get(key) is None]
    if unknown:
        yield f"{count(len(unknown), 'pair')} could not be tried {both}: {joined(map(named, unknown))}."
    if blocked:
        yield f"Alike {both}, something that the rules allow did not pass: {joined(blocked)}."
    for reached, what in ((True, "may"), (False, "must not")):
        if reached not in second.values():
            yield f"No pair was seen that {what} be reached and was{'' if reached else ' not'}."
