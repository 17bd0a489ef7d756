"""How the service does right now, from what its clients have just recorded."""

from __future__ import annotations

from pathlib import Path

from conformance.model import Outcome
from conformance.progress.events import Sample
from conformance.progress.tail import Tail
from conformance.records import HISTORY_FILE, PROBES_FILE


class Sampler:
    """Reads what a scenario's history and probes have grown by."""

    def __init__(self, folder: Path, scenario: str) -> None:
        self._scenario = scenario
        self._history = Tail(folder / HISTORY_FILE)
        self._probes = Tail(folder / PROBES_FILE)
        self._writing: set[int] = set()  # writes under way: only an invoke line says what was asked for

    def sample(self, interval_s: float) -> Sample | None:
        """The sample of the last ``interval_s`` seconds; None when nothing was recorded in them."""
        acknowledged, failed, any_line = self._writes()
        probes = list(self._probes.lines())
        if not probes and not any_line:
            return None
        answered = sorted((p["done"] - p["due"]) / 1e6 for p in probes if p["ok"])
        bad = len(probes) - len(answered)
        return Sample(
            scenario=self._scenario,
            interval_s=round(interval_s, 3),
            writes_per_s=round(acknowledged / interval_s, 1),
            writes_failed_per_s=round(failed / interval_s, 1),
            probes=len(probes),
            probes_failed=bad,
            error_share=round(bad / len(probes), 4) if probes else None,
            latency_p50_ms=round(answered[(len(answered) - 1) // 2], 3) if answered else None,
            latency_max_ms=round(answered[-1], 3) if answered else None,
        )

    def _writes(self) -> tuple[int, int, bool]:
        """Acknowledged and failed writes, and whether there was any line at all."""
        acknowledged = failed = 0
        any_line = False
        for line in self._history.lines():
            any_line = True
            if line.get("type") == "invoke":
                if line.get("f") == "write":
                    self._writing.add(line["i"])
            elif line.get("i") in self._writing:
                self._writing.discard(line["i"])
                acknowledged += line["type"] == Outcome.OK
                failed += line["type"] != Outcome.OK
        return acknowledged, failed, any_line
