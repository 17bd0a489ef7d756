"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from conformance.errors import HarnessError

T = TypeVar("T")


class NotReached(HarnessError):
    """A condition did not come true in time; ``last`` is what was observed last."""

    def __init__(self, what: str, timeout: float, last: object) -> None:
        super().__init__(f"Waited {timeout:g} s for {what}, which did not happen. Last seen: {last!r}.")
        self.last = last


def wait_until(observe: Callable[[], T | None], *, timeout: float, what: str, interval: float = 0.05) -> T:
    """Call ``observe`` every ``interval`` seconds until it returns something truthy, and return that.

    Raises NotReached, carrying the last observation, after ``timeout`` seconds. Errors raised by ``observe``
    are the caller's to handle: they are not swallowed.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen = observe()
        if seen:
            return seen
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotReached(what, timeout, seen)
        time.sleep(min(interval, left))
