"""Which two looks at the VNF are compared: at the first site before the service left it, with the second site after
that, or with the first again after the service has returned."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.checkers.timeline import FAILBACK, TurningPoint, move, turning_point
from conformance.model import Inventory, ScenarioRecord

BEFORE, THERE, BACK = "first-before", "second-after", "first-after"


@dataclass(frozen=True)
class Look:
    """What one look must be: its ``name`` on record and the ``site`` it is of. ``where`` words that site, and when, for
    looks at one site have to be told apart."""

    name: str
    site: str
    where: str


@dataclass(frozen=True)
class Looks:
    """Two looks to compare: ``before`` must have been over when the service ``left``, and ``after`` must not have begun
    until it had ``come`` to where that looks; None for what is not on record. ``both`` words the two together."""

    before: Look
    after: Look
    left: TurningPoint | None
    come: TurningPoint | None
    both: str


def looks_there(record: ScenarioRecord) -> Looks:
    """The first site before its loss (or a move, or whatever the scenario is about), and the second after it."""
    first, second, turn = record.info.first_site, record.info.second_site, turning_point(record)
    return Looks(Look(BEFORE, first, first), Look(THERE, second, second), turn, turn, "at both sites")


def looks_back(record: ScenarioRecord) -> Looks:
    """The first site before the service left it, and the same after the service has returned."""
    first = record.info.first_site
    after = Look(BACK, first, f"{first} after the return")
    return Looks(Look(BEFORE, first, first), after, turning_point(record), move(record, FAILBACK), "both times")


@dataclass(frozen=True)
class BeforeAndAfter:
    """The VNF in both looks."""

    looks: Looks
    before: Inventory
    after: Inventory

    @property
    def where(self) -> str:
        """The site of the second look in words."""
        return self.looks.after.where


def before_and_after(record: ScenarioRecord, looks: Looks) -> BeforeAndAfter | str:
    """Both inventories, or the sentence that says why they cannot be compared."""
    found: list[Inventory] = []
    for look in (looks.before, looks.after):
        inventory = record.inventories.get(look.name)
        if inventory is None:
            return f"The inventory of {look.where} ({look.name}) is not on record."
        if inventory.site != look.site:
            return f"The inventory {look.name} is of {inventory.site}, not of {look.site}."
        found.append(inventory)
    before, after = found
    left, come = looks.left, looks.come
    if left is None or come is None:
        return "Nothing on record makes one inventory the one before and the other the one after."
    if before.taken_at > left.began:
        return f"The inventory of {before.site} was taken {left.relative(before.taken_at)}, not before it."
    if after.taken_at < come.done:
        return f"The inventory of {looks.after.where} was taken {come.relative(after.taken_at)}, not after it."
    return BeforeAndAfter(looks, before, after)
