"""Waivers: which of them a run may lean on, and what has to be said of the others.

A waiver changes no verdict of a requirement and makes no pass: it only takes what is not met out of what the run's own
verdict is made of, and then that is inconclusive at the best.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from pydantic import Field, field_validator

from conformance.catalogue import load_catalogue
from conformance.errors import UsageError
from conformance.model import Status, Waiver
from conformance.model.results import RequirementResult, RunInfo
from conformance.resources import closest
from conformance.settings import Settings, read_settings

# What went wrong in the harness says nothing of the system under test: nobody can decide to do without it.
WAIVABLE = frozenset({Status.FAIL, Status.INCONCLUSIVE, Status.NOT_TESTED, Status.NOT_APPLICABLE})


class WaiverSettings(Settings):
    """See conformance.model.Waiver."""

    requirement: str
    reason: str = Field(min_length=10)
    who: str = Field(min_length=1)
    expires: date

    @field_validator("requirement")
    @classmethod
    def _known(cls, requirement: str) -> str:
        known = list(load_catalogue())
        if requirement not in known:
            raise ValueError(f"there is no requirement {requirement!r}. {closest(requirement, known)}")
        return requirement

    def waiver(self) -> Waiver:
        """The waiver as the value that is stored with the run."""
        return Waiver(self.requirement, " ".join(self.reason.split()), self.who, self.expires.isoformat())


class _WaiverFile(Settings):
    waivers: tuple[WaiverSettings, ...] = Field(min_length=1)


def read_waivers(path: Path) -> tuple[WaiverSettings, ...]:
    """The waivers of a file. UsageError says what is wrong with it."""
    return read_settings(path, _WaiverFile, "waivers").waivers


def together(*lists: Iterable[WaiverSettings]) -> tuple[Waiver, ...]:
    """The waivers of several lists. UsageError when a requirement is waived twice: which one would hold?"""
    found: dict[str, Waiver] = {}
    for one in (settings.waiver() for given in lists for settings in given):
        if one.requirement in found:
            raise UsageError(f"{one.requirement} is waived twice, {found[one.requirement]}; {one}.")
        found[one.requirement] = one
    return tuple(found.values())


def is_valid(waiver: Waiver, info: RunInfo) -> bool:
    """Whether it had not expired on the day the run began; the same whenever the run is judged."""
    return datetime.fromisoformat(info.started_wall).date() <= date.fromisoformat(waiver.expires)


def apply(info: RunInfo, requirements: Iterable[RequirementResult]) -> tuple[RequirementResult, ...]:
    """The requirements, those beside their waiver that are mandatory, not met, and waived at the time of the run."""
    valid = {w.requirement: w for w in info.waivers if is_valid(w, info) and w.requirement in info.mandatory}
    return tuple(replace(r, waiver=valid[r.id]) if r.id in valid and r.verdict in WAIVABLE else r for r in requirements)


def notes(info: RunInfo, requirements: Iterable[RequirementResult]) -> Iterator[str]:
    """A sentence for each waiver: what it did, or why nothing."""
    results = {r.id: r for r in requirements}
    for waiver in info.waivers:
        result = results.get(waiver.requirement)
        verdict = Status.NOT_TESTED if result is None else result.verdict
        if not is_valid(waiver, info):
            yield f"The waiver of {waiver.requirement} expired on {waiver.expires} and counts as none."
        elif waiver.requirement not in info.mandatory:
            yield f"The waiver of {waiver.requirement} changes nothing: profile {info.profile} does not demand it."
        elif result is not None and result.waiver is not None:
            yield f"{waiver.requirement} is {verdict.value.replace('_', ' ')}, and {waiver}."
        elif verdict is Status.PASS:
            yield f"The waiver of {waiver.requirement} is not needed: it passes."
        else:
            yield f"The waiver of {waiver.requirement} covers no {verdict.value}: nothing was judged there."
