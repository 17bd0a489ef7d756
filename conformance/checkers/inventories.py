"""The two inventories that are compared: the VNF at the first site before the loss, and at the second site
after it."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.checkers.timeline import turning_point
from conformance.model import Inventory, ScenarioRecord

FIRST = "first-before"
SECOND = "second-after"


@dataclass(frozen=True)
class BeforeAndAfter:
    """The VNF as it was at the first site and as it is at the second."""

    before: Inventory
    after: Inventory


def before_and_after(record: ScenarioRecord) -> BeforeAndAfter | str:
    """Both inventories, or the sentence that says why they cannot be compared."""
    found: list[Inventory] = []
    for name, site in ((FIRST, record.info.first_site), (SECOND, record.info.second_site)):
        inventory = record.inventories.get(name)
        if inventory is None:
            return f"The inventory of {site} ({name}) is not on record."
        if inventory.site != site:
            return f"The inventory {name} is of {inventory.site}, not of {site}."
        found.append(inventory)
    before, after = found
    turn = turning_point(record)
    if turn is None:
        return "Nothing on record makes one inventory the one before and the other the one after."
    if before.taken_at > turn.began:
        return f"The inventory of {before.site} was taken {turn.relative(before.taken_at)}, not before it."
    if after.taken_at < turn.done:
        return f"The inventory of {after.site} was taken {turn.relative(after.taken_at)}, not after it."
    return BeforeAndAfter(before, after)
