"""What is to happen as soon as the scheme begins an operation, while that goes on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from conformance.faults.base import Fault
from conformance.model import Event
from conformance.play.stage import Stage


@dataclass(eq=False)
class _Due:
    """What one sentence asks for. ``make`` gives its fault, None where that is not possible; ``carry_out`` injects it,
    and takes it back if the sentence says when."""

    operation: str
    make: Callable[[], Fault | None]
    carry_out: Callable[[Fault | None], None]
    fault: Fault | None = None
    made: bool = False
    begun: bool = False

    def ready(self) -> Fault | None:
        """Its fault, made once."""
        if not self.made:
            self.fault = self.make()
            self.made = True
        return self.fault


class Meanwhile:
    """Faults that wait for the scheme to begin an operation. Each strikes once, beside the scheme, which knows nothing
    of it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._due: list[_Due] = []
        self._under_way: list[Future[None]] = []
        stage.on_event(self._begun)

    def expect(
        self, operation: str, make: Callable[[], Fault | None], carry_out: Callable[[Fault | None], None]
    ) -> None:
        """Have ``carry_out`` called with what ``make`` gives as soon as ``operation`` begins."""
        self._due.append(_Due(operation, make, carry_out))

    def foresee(self, operation: str) -> None:
        """An operation is near: make what is to strike during it, and measure how things are before. An operation may
        be over in less time than that takes."""
        for due in self._due:
            if due.operation == operation and not due.begun and not due.made:
                fault = due.ready()
                if fault is not None:
                    self._stage.nemesis.foresee(fault)

    def await_done(self) -> None:
        """What has begun has been carried out; what went wrong in it is raised."""
        while self._under_way:
            self._under_way.pop().result()

    def _begun(self, event: Event) -> None:
        if event.state != "begin":
            return
        for due in self._due:
            if due.operation == event.name and not due.begun:
                due.begun = True
                self._under_way.append(self._stage.submit(_strike, due))


def _strike(due: _Due) -> None:
    due.carry_out(due.ready())
