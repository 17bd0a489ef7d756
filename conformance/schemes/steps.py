"""Recording the steps of an operation, once for the result and once as events."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from conformance.model import Event
from conformance.model.events import NOT_SUPPORTED
from conformance.schemes.base import OnEvent, Step


class StepFailed(Exception):
    """The system under test did not do its part in a step. Never leaves the scheme: it becomes a result."""


class StepLog:
    """The steps of one operation. Use ``operation`` around all of it and ``step`` around each part.

    ``told`` says of a failover whether the system under test was told to, or is watched doing it by itself.
    """

    def __init__(self, operation: str, target: str, on_event: OnEvent, *, told: bool | None = None) -> None:
        self.steps: tuple[Step, ...] = ()
        self.operation = operation
        self._target = target
        self._on_event = on_event
        self._began = self._last = time.monotonic_ns()
        self._note("begin", None, "", {} if told is None else {"told": told})

    @contextmanager
    def step(self, name: str, at: str | None = None) -> Iterator[dict[str, Any]]:
        """One step; the dictionary is for what was observed, ``detail`` in it for a sentence.

        ``at`` is the site where it is done, if not the operation's target.
        """
        began = time.monotonic_ns()
        observed: dict[str, Any] = {}
        try:
            yield observed
        except BaseException as error:
            self._end_step(name, at, began, False, str(error), observed)
            raise
        self._end_step(name, at, began, True, str(observed.pop("detail", "")), observed)

    def passed(
        self, name: str, ok: bool | None, detail: str, observed: Mapping[str, Any], at: str | None = None
    ) -> None:
        """A step that somebody else carried out is over: it began when the one before it ended."""
        self._end_step(name, at, self._last, ok, detail, observed)

    def not_supported(self, detail: str) -> None:
        """The scheme has no such operation: nothing was tried, so nothing ended well or badly."""
        self._note(NOT_SUPPORTED, None, detail, {})

    def end(self, ok: bool, detail: str) -> None:
        """The operation is over."""
        self._note("end", ok, detail, {"took_s": _seconds_since(self._began)})

    def _end_step(
        self, name: str, at: str | None, began: int, ok: bool | None, detail: str, observed: Mapping[str, Any]
    ) -> None:
        self._last = time.monotonic_ns()
        self.steps += (Step(name, began, self._last, ok, detail),)
        self._note(name, ok, detail, {"took_s": _seconds_since(began), **observed}, at)

    def _note(
        self, state: str, ok: bool | None, detail: str, observed: Mapping[str, Any], at: str | None = None
    ) -> None:
        self._on_event(
            Event(
                t=time.monotonic_ns(),
                kind="scheme",
                name=self.operation,
                state=state,
                target=at or self._target,
                ok=ok,
                detail=detail,
                observed=observed,
            )
        )


def _seconds_since(began: int) -> float:
    return round((time.monotonic_ns() - began) / 1e9, 3)
