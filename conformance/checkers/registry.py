"""Every check there is, our own and those of installed packages, and the one way to apply them: run, catch, gate."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

from conformance.checkers.faults_bit import gate
from conformance.checkers.table import CHECKS, Check
from conformance.errors import HarnessError, UsageError
from conformance.model import ScenarioRecord, Status, Verdict
from conformance.resources import closest

__all__ = ["CHECKS", "ENTRY_POINTS", "Check", "all_checks", "check_for_phrase", "judge"]

ENTRY_POINTS = "conformance.checkers"


@cache
def all_checks() -> Mapping[str, Check]:
    """Our own checks and those that installed packages add under the entry point group
    ``conformance.checkers``.

    Each entry point must lead to a Check. HarnessError when one cannot be loaded, is none, or takes a name or
    a sentence that is taken: a check that silently replaced another could turn its verdicts.
    """
    found = dict(CHECKS)
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda p: p.name):
        try:
            check = point.load()
        except Exception as error:
            raise HarnessError(
                f"The check {point.name!r} of {point.value} cannot be loaded: {error}. Repair or uninstall "
                "that package."
            ) from error
        if not isinstance(check, Check):
            raise HarnessError(f"{point.value} should be a conformance.checkers.registry.Check, but is {check!r}.")
        if check.name in found or any(check.phrase == other.phrase for other in found.values()):
            raise HarnessError(
                f"The check {check.name!r} of {point.value} takes a name or sentence that is taken already."
            )
        found[check.name] = check
    return MappingProxyType(found)


def check_for_phrase(phrase: str) -> Check | None:
    """The check that a Then sentence asks for, or None when there is none."""
    return next((check for check in all_checks().values() if check.phrase == phrase.strip()), None)


def judge(check_name: str, record: ScenarioRecord) -> Verdict:
    """Apply a check to a record. A check that crashes, or answers with anything but a Verdict, yields an
    error; what the check concluded passes the gate of conformance.checkers.faults_bit. UsageError for an
    unknown name."""
    checks = all_checks()
    check = checks.get(check_name)
    if check is None:
        raise UsageError(f"There is no check {check_name!r}. {closest(check_name, list(checks))}")
    try:
        verdict = check.function(record)
    except Exception as error:
        verdict = Verdict(Status.ERROR, f"The check {check_name} crashed: {type(error).__name__}: {error}.")
    if not isinstance(verdict, Verdict):
        verdict = Verdict(Status.ERROR, f"The check {check_name} answered {verdict!r} instead of a verdict.")
    return gate(verdict, record)
