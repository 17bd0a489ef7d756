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
class Scene:
    """A scenario that is going on. ``faults`` are those that act now, as (name and target, whether it was seen to
    bite); ``latencies`` the medians of the last samples in ms, None where nothing was answered."""

    scenario: str
    number: int
    name: str
    began_s: float
    phase: str = ""
    faults: tuple[tuple[str, bool | None], ...] = ()
    sample: Sample | None = None
    latencies: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class View:
    """``scenes`` are the scenarios that go on now, in the order in which they began; ``doing`` is the latest
    sentence."""

    doing: str = "starting"
    planned: int | None = None
    side_by_side: int = 1
    scenes: tuple[Scene, ...] = ()
    verdicts: tuple[str, ...] = ()
    durations_s: tuple[float, ...] = ()
    over: bool = False

    def left_s(self, elapsed_s: float) -> float | None:
        """Seconds that the remaining scenarios take if they take as long as those before, and no two of those that have
        not begun go on at the same time; None before one is done."""
        if self.planned is None or not self.durations_s or self.over:
            return None
        each = sum(self.durations_s) / len(self.durations_s)
        going_on = [max(0.0, each - (elapsed_s - scene.began_s)) for scene in self.scenes]
        waiting = max(0, self.planned - len(self.durations_s) - len(self.scenes))
        return max(going_on, default=0.0) + waiting * each


def after(view: View, elapsed_s: float, event: ProgressEvent) -> View:
    """The view once an event has happened."""
    match event:
        case Said(text):
            return replace(view, doing=text.strip())
        case RunPlanned(scenarios, side_by_side):
            return replace(view, planned=scenarios, side_by_side=side_by_side)
        case ScenarioBegun():
            return replace(
                view, scenes=(*view.scenes, Scene(event.scenario, event.number, event.name, began_s=elapsed_s))
            )
        case PhaseChanged() | FaultChanged() | Sample():
            scenes = (_scene(s, event) if s.scenario == event.scenario else s for s in view.scenes)
            return replace(view, scenes=tuple(scenes))
        case CheckJudged(final=False):
            return replace(view, verdicts=(*view.verdicts, event.verdict))
        case ScenarioEnded():
            ended = [s for s in view.scenes if s.scenario == event.scenario]
            took = [elapsed_s - s.began_s if event.duration_s is None else event.duration_s for s in ended]
            left = tuple(s for s in view.scenes if s.scenario != event.scenario)
            return replace(view, scenes=left, durations_s=(*view.durations_s, *took))
        case RunEnded():
            return replace(view, over=True)
        case _:
            return view


def _scene(scene: Scene, event: PhaseChanged | FaultChanged | Sample) -> Scene:
    match event:
        case PhaseChanged():
            return replace(scene, phase=event.name if event.state == "begin" else "")
        case FaultChanged():
            return replace(scene, faults=_faults(scene.faults, event))
        case Sample():
            return replace(scene, sample=event, latencies=(*scene.latencies, event.latency_p50_ms)[-HISTORY:])


def _faults(faults: tuple[tuple[str, bool | None], ...], event: FaultChanged) -> tuple[tuple[str, bool | None], ...]:
    label = f"{event.name} {event.target}" if event.target else event.name
    bit = next((bit for name, bit in faults if name == label), None)
    others = tuple(fault for fault in faults if fault[0] != label)
    if event.state not in _ACTING:
        return others
    return (*others, (label, event.ok if event.state == "verified" else bit))
