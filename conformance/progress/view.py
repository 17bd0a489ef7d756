"""What a live view shows at one moment: events folded into a state, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from conformance.progress.events import (
    CheckJudged,
    FaultChanged,
    PhaseChanged,
    ProgressEvent,
    RunEnded,
    RunPlanned,
    Said,
    Sample,
    ScenarioBegun,
    ScenarioEnded,
)

_ACTING = {"injecting", "injected", "verified", "healing"}
HISTORY = 40


@dataclass(frozen=True)
class View:
    """``faults`` are those that act now, as (name and target, whether it was seen to bite); ``doing`` is the latest
    sentence; ``latencies`` the medians of the last samples in ms, None where nothing was answered."""

    doing: str = "starting"
    planned: int | None = None
    number: int = 0
    name: str = ""
    began_s: float = 0.0
    phase: str = ""
    faults: tuple[tuple[str, bool | None], ...] = ()
    sample: Sample | None = None
    latencies: tuple[float | None, ...] = ()
    verdicts: tuple[str, ...] = ()
    durations_s: tuple[float, ...] = ()
    over: bool = False

    def left_s(self, elapsed_s: float) -> float | None:
        """Seconds that the remaining scenarios take if they take as long as those before; None before one is done."""
        if self.planned is None or not self.durations_s or self.over:
            return None
        each = sum(self.durations_s) / len(self.durations_s)
        under_way = min(elapsed_s - self.began_s, each) if self.name else 0.0
        return max(0.0, (self.planned - len(self.durations_s)) * each - under_way)


def after(view: View, elapsed_s: float, event: ProgressEvent) -> View:
    """The view once an event has happened."""
    match event:
        case Said(text):
            return replace(view, doing=text.strip())
        case RunPlanned(scenarios):
            return replace(view, planned=scenarios)
        case ScenarioBegun():
            return replace(
                view, number=event.number, name=event.name, began_s=elapsed_s, phase="", faults=(), sample=None,
                latencies=(),
            )  # fmt: skip
        case PhaseChanged():
            return replace(view, phase=event.name if event.state == "begin" else "")
        case FaultChanged():
            return replace(view, faults=_faults(view.faults, event))
        case Sample():
            return replace(view, sample=event, latencies=(*view.latencies, event.latency_p50_ms)[-HISTORY:])
        case CheckJudged(final=False):
            return replace(view, verdicts=(*view.verdicts, event.verdict))
        case ScenarioEnded():
            took = event.duration_s if event.duration_s is not None else elapsed_s - view.began_s
            return replace(view, name="", phase="", faults=(), sample=None, durations_s=(*view.durations_s, took))
        case RunEnded():
            return replace(view, over=True)
        case _:
            return view


def _faults(faults: tuple[tuple[str, bool | None], ...], event: FaultChanged) -> tuple[tuple[str, bool | None], ...]:
    label = f"{event.name} {event.target}" if event.target else event.name
    bit = next((bit for name, bit in faults if name == label), None)
    others = tuple(fault for fault in faults if fault[0] != label)
    if event.state not in _ACTING:
        return others
    return (*others, (label, event.ok if event.state == "verified" else bit))
