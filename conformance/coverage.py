"""What the shipped features cover: requirement × scheme × fault → scenario, as docs/coverage.md shows it."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.features import planned_faults, requirement_tags
from conformance.resources import features_dir
from conformance.schemes import OPERATIONS, offered
from conformance.vocabulary import fault_of

SCHEMES = ("reference", "no-fencing", "command", "observe")
"""The schemes that come with this product; `no-op`, which does nothing, can carry out nothing."""
UNUSED = {
    "clock-offset": "the sites of a lab have one clock, and a library that lies about it reaches only some processes",
}
"""Faults that no shipped scenario injects, and why. A feature of the user's own can, where his sites file says how."""
_ASKED = {
    "protected at the second site": "protect",
    "fails over": "failover",
    "told to fail over": "failover (refused)",
    "moved to the second site": "migrate",
    "returns to the first site": "failback",
    "switched off and on": "replication",
    "kept as a savepoint": "savepoint",
    "goes back to the savepoint": "recover",
    "the storage replicates": "none: the storage's own",
}


@dataclass(frozen=True)
class Covered:
    """A scenario that judges a requirement: what it asks of the scheme, which of the shipped schemes have all of that,
    and the faults that it injects."""

    requirement: str
    operations: tuple[str, ...]
    schemes: tuple[str, ...]
    faults: tuple[str, ...]
    scenario: str

    def as_markdown(self) -> str:
        """A row of the table in docs/coverage.md."""
        cells = (
            self.requirement,
            ", ".join(self.operations) or "-",
            ", ".join(self.schemes),
            ", ".join(self.faults) or "none",
            self.scenario,
        )
        return f"| {' | '.join(cells)} |"


def coverage() -> tuple[Covered, ...]:
    """Which shipped scenario judges which requirement, by id and then in the order of the features."""
    from pytest_bdd.feature import get_features

    offers = {scheme: offered(scheme) for scheme in SCHEMES}
    found: list[Covered] = []
    for path in sorted(features_dir().rglob("*.feature")):
        for feature in get_features([str(path)]):
            for template in feature.scenarios.values():
                rows = [row for e in template.examples for row in e.as_contexts()] or [{}]
                tags = requirement_tags(template.tags | feature.tags | (template.rule.tags if template.rule else set()))
                for scenario in (template.render(row) for row in rows):
                    steps = [step.name for step in scenario.steps]
                    asked = tuple(name for words, name in _ASKED.items() if any(words in step for step in steps))
                    needed = {name.split(" ")[0] for name in asked} & OPERATIONS
                    schemes = tuple(scheme for scheme in SCHEMES if needed <= offers[scheme])
                    faults = tuple(dict.fromkeys(planned_faults(scenario)))
                    found += (Covered(tag, asked, schemes, faults, scenario.name) for tag in tags)
    return tuple(sorted(found, key=lambda row: row.requirement))


def faults_used() -> frozenset[str]:
    """The faults that a sentence of a shipped scenario injects by itself; what a nemesis draws is not among them."""
    from pytest_bdd.feature import get_features

    used: set[str] = set()
    for feature in get_features([str(features_dir())]):
        for template in feature.scenarios.values():
            rows = [row for e in template.examples for row in e.as_contexts()] or [{}]
            used |= {fault for row in rows for step in template.render(row).steps if (fault := fault_of(step.name))}
    return frozenset(used)
