"""What a run of a suite came to: counts, failures, and the files that keep them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from guests import Check
from suites import EXCLUDED, Outcome

from conformance.lab import ServiceStatus

MIB = 1 << 20
TOLERATED = {"smoke": 0.0, "api": 0.02}
"""Share of a suite's executed tests that may fail."""


@dataclass(frozen=True)
class Service:
    """A service process of the cloud before and after the tests; memory is its proportional share in MiB."""

    name: str
    memory_before: int
    memory_after: int
    threads_before: int
    threads_after: int


@dataclass(frozen=True)
class Report:
    """One run. ``suite`` is smoke, api or guests; ``seconds`` is the suite's duration."""

    suite: str
    selection: str
    seconds: float
    outcomes: tuple[Outcome, ...]
    checks: tuple[Check, ...]
    services: tuple[Service, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Number of tests by status; a class whose preparation failed counts once, as tempest reports it."""
        return dict(Counter("failed" if outcome.failed else outcome.status for outcome in self.outcomes))

    @property
    def failures(self) -> list[Outcome]:
        """The tests that failed."""
        return [outcome for outcome in self.outcomes if outcome.failed]

    @property
    def broken(self) -> list[Check]:
        """The checks of guests that did not hold."""
        return [check for check in self.checks if not check.ok]

    @property
    def passed(self) -> bool:
        """Whether few enough tests failed and every guest was what the API said."""
        executed = sum(count for status, count in self.counts.items() if status != "skip")
        return not self.broken and len(self.failures) <= TOLERATED.get(self.suite, 0.0) * executed


def compare(before: Sequence[ServiceStatus], after: Sequence[ServiceStatus]) -> tuple[Service, ...]:
    """The services as they were before and after the tests; both in the same order."""
    return tuple(
        Service(old.name, old.memory // MIB, new.memory // MIB, old.threads, new.threads)
        for old, new in zip(before, after, strict=True)
    )


def write(directory: Path, report: Report) -> None:
    """Write ``results.json`` (everything) and ``results.md`` (what a person reads)."""
    directory.mkdir(parents=True, exist_ok=True)
    everything = {
        "suite": report.suite,
        "selection": report.selection,
        "seconds": round(report.seconds, 1),
        "passed": report.passed,
        "counts": report.counts,
        "excluded": EXCLUDED,
        "guests": [asdict(check) for check in report.checks],
        "services": [asdict(service) for service in report.services],
        "tests": [asdict(outcome) for outcome in report.outcomes],
    }
    (directory / "results.json").write_text(json.dumps(everything, indent=1) + "\n")
    (directory / "results.md").write_text("\n".join(lines(report)) + "\n")


def lines(report: Report) -> list[str]:
    """The report as Markdown."""
    verdict = "passed" if report.passed else "failed"
    text = [
        f"# tempest {report.suite}: {verdict}",
        "",
        f"Selection `{report.selection}`, {report.seconds:.0f} s.",
    ]
    if report.outcomes:
        text += ["", "| " + " | ".join(report.counts) + " |", "|" + "---|" * len(report.counts)]
        text += ["| " + " | ".join(str(count) for count in report.counts.values()) + " |"]
    if report.failures:
        text += ["", "## Failures", ""]
        text += [f"- `{outcome.test}`: {_last_line(outcome.detail) or outcome.status}" for outcome in report.failures]
    if report.checks:
        text += ["", "## Guests", "", "| | check | seen | s |", "|---|---|---|---|"]
        text += [f"| {'ok' if c.ok else 'FAIL'} | {c.name} | {c.seen} | {c.seconds:.1f} |" for c in report.checks]
    text += ["", "## Skipped", ""]
    reasons = Counter(_last_line(outcome.detail) for outcome in report.outcomes if outcome.status == "skip")
    text += [f"- {count} × {reason}" for reason, count in reasons.most_common()] or ["None."]
    text += ["", "## Not run", "", *(f"- `{regex}`: {reason}" for regex, reason in EXCLUDED.items())]
    text += ["", "## Services", "", "| service | memory MiB | threads |", "|---|---|---|"]
    text += [
        f"| {s.name} | {s.memory_before} → {s.memory_after} | {s.threads_before} → {s.threads_after} |"
        for s in _sorted(report.services)
    ]
    return text


def _sorted(services: Sequence[Service]) -> list[Service]:
    return sorted(services, key=lambda service: service.memory_after, reverse=True)


def _last_line(detail: str) -> str:
    written = [line.strip() for line in detail.splitlines() if line.strip()]
    return written[-1] if written else ""
