"""One direction of one connection: a socket, a chain of stages, the other socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from conformance.linkproxy.side import Side
from conformance.linkproxy.sink import Sink
from conformance.linkproxy.stage import Stage
from conformance.linkproxy.toxics.base import AppliedToxic

StageFactory = Callable[[AppliedToxic, Sink], Stage]


class Stream:
    """Carries what ``source`` receives to ``target`` through one stage per toxic, in the order they were
    added.

    Without toxics the source writes to the target directly. Stages can be added, changed and removed while
    data flows: all of these are single steps, and what is on its way stays in order.
    """

    def __init__(self, source: Side, target: Side, toxics: Iterable[AppliedToxic], make_stage: StageFactory) -> None:
        self._source = source
        self._target = target
        self._make_stage = make_stage
        self._stages = [make_stage(applied, target) for applied in toxics]
        self._wire()

    def add(self, applied: AppliedToxic) -> None:
        """Append a toxic; it acts on what has not yet reached the target."""
        self._stages.append(self._make_stage(applied, self._target))
        self._wire()

    def update(self, applied: AppliedToxic) -> None:
        """Give the toxic of this name its new settings."""
        for stage in self._stages:
            if stage.applied.name == applied.name:
                stage.apply(applied)
        self._wire()

    def remove(self, name: str) -> None:
        """Take the toxic away; what waited at it flows on."""
        for stage in [stage for stage in self._stages if stage.applied.name == name]:
            stage.retire()
            self._stages.remove(stage)
        self._wire()

    def stop(self) -> None:
        """The connection is gone: stop all toxics."""
        for stage in self._stages:
            stage.stop()

    def _wire(self) -> None:
        chain: list[Sink] = [*self._stages, self._target]
        for stage, sink in zip(self._stages, chain[1:], strict=True):
            stage.output = sink
            sink.on_room = stage.wake
            stage.wake()
        chain[0].on_room = self._source.balance
        self._source.destination = chain[0]
        self._source.balance()
