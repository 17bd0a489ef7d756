"""Asking, on a fixed schedule, which site holds an identity: what shows a split brain, or that there was none."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from conformance.model import Holding
from conformance.workloads.plan import WorkloadError
from conformance.workloads.recording import Lines


@dataclass(frozen=True)
class HolderTarget:
    """Whom to ask: ``url`` is the management interface (``http://host:port``) of the guest at ``site`` that may hold
    ``identity``; its ``GET /status`` says so."""

    identity: str
    site: str
    url: str


def is_active(status: Any) -> bool | None:
    """Whether a guest that gives this status would take writes; None when it does not say."""
    role = status.get("role") if isinstance(status, dict) else None
    if not isinstance(role, str):
        return None
    return role == "primary" and status.get("writable") is not False


def look(target: HolderTarget, timeout: float) -> Holding:
    """Ask once; never raises for what the network or the guest does. The answer takes ``timeout`` seconds at most for
    each of connecting and answering."""
    parts = urlsplit(target.url)
    active: bool | None = None
    sent = time.monotonic_ns()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/status")
        response = connection.getresponse()
        body = response.read()
        done = time.monotonic_ns()
        status = json.loads(body) if response.status == 200 else None
        active = is_active(status)
        detail = str(status.get("role")) if isinstance(status, dict) else f"answered {response.status}"
    except (OSError, http.client.HTTPException) as error:
        done = time.monotonic_ns()
        detail = f"no answer: {getattr(error, 'strerror', None) or type(error).__name__}"
    except ValueError:
        detail = "the answer is not JSON"
    finally:
        connection.close()
    return Holding(sent, done, target.identity, target.site, active, detail)


def look_at_all(targets: Sequence[HolderTarget], timeout: float) -> Holding:
    """One look at a site whose identity any of several guests may hold: it does when one of them does, it does not
    when all of them say so, and anything else leaves it open."""
    looks = [look(target, timeout) for target in targets]
    active = next((seen for seen in looks if seen.active), None)
    if active is not None or len(looks) == 1:
        return active or looks[0]
    detail = "; ".join(dict.fromkeys(seen.detail for seen in looks))
    known = None if any(seen.active is None for seen in looks) else False
    return Holding(looks[0].sent, looks[-1].done, looks[0].identity, looks[0].site, known, detail)


class HolderSampler:
    """Looks at every site each ``interval`` seconds, with a thread for each site and identity, so that one that hangs
    does not hold the others up; a look that is late is made at once, and those missed are left out. A context
    manager."""

    def __init__(
        self, path: Path, targets: Sequence[HolderTarget], interval: float = 0.1, timeout: float = 0.5
    ) -> None:
        if not targets or interval <= 0 or timeout <= 0:
            raise WorkloadError("Sampling holders needs at least one target, and an interval and timeout above 0.")
        self._lines = Lines(path)
        self._interval = interval
        self._timeout = timeout
        self._stop = threading.Event()
        self._trouble: WorkloadError | None = None
        places: dict[tuple[str, str], list[HolderTarget]] = {}
        for target in targets:
            places.setdefault((target.identity, target.site), []).append(target)
        self._threads = [
            threading.Thread(target=self._sample, args=(there,), name=f"holder-{site}", daemon=True)
            for (_, site), there in places.items()
        ]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; looks under way are seen through. WorkloadError when something could not be recorded."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        if self._trouble is not None:
            raise self._trouble

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _sample(self, targets: Sequence[HolderTarget]) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            try:
                self._lines.append(asdict(look_at_all(targets, self._timeout)))
            except WorkloadError as error:
                self._trouble = error
                return
            due = max(due + self._interval, time.monotonic())
