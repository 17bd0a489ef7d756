"""One clause of the requirement catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Strength(StrEnum):
    """How binding the source words it."""

    SHALL = "shall"
    SHOULD = "should"
    MAY = "may"


class Origin(StrEnum):
    """Where the clause comes from: the final text, a reviewer's comment, or derived by the authors."""

    STATED = "stated"
    COMMENT = "comment"
    DERIVED = "derived"


class Verification(StrEnum):
    """How it can be verified."""

    AUTOMATIC = "automatic"
    HARDWARE = "needs hardware"
    INSPECTION = "inspection"


@dataclass(frozen=True)
class Source:
    """Where the clause stands: document, use case, sentence number within it, revision."""

    document: str
    use_case: str
    sentence: int | None
    revision: str


@dataclass(frozen=True)
class Requirement:
    """``thresholds`` names the profile fields the verdict depends on; ``note`` gives reason or history.

    ``scope``: it says for what else the other requirements hold, so every check of a scenario that carries its id
    judges it, too.
    """

    id: str
    title: str
    statement: str
    use_case: str
    source: Source
    origin: Origin
    strength: Strength
    verification: Verification
    thresholds: tuple[str, ...] = ()
    note: str = ""
    scope: bool = False
