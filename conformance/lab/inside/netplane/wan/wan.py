"""The WAN of all sites: legs, the paths between them, and the packets on their way."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from netplane.wan.capture import Capture
from netplane.wan.frames import is_link_scope
from netplane.wan.impairments import NONE, BadRequest, Impairments, changed
from netplane.wan.legs import Leg
from netplane.wan.path import Path
from netplane.wan.too_big import Router

_BATCH = 64
_LARGEST_FRAME = 66_000


class Wan:
    """``links`` join two legs each; every link has a Path for either direction, named ``site>site``."""

    def __init__(self, links: Iterable[tuple[Leg, Leg]], router: Router, seed: int) -> None:
        self.seed = seed
        self.capture: Capture | None = None
        self._waiting: list[tuple[float, int, Path, bytes]] = []
        self._sequence = 0
        self._buffer = memoryview(bytearray(_LARGEST_FRAME))
        self.ends: list[tuple[Leg, Path]] = []
        """Each leg with the path that begins there."""
        for one, other in links:
            for near, far in ((one, other), (other, one)):
                name = f"{near.site}>{far.site}"
                self.ends.append((near, Path(name, seed, far.send, near.send, self._keep, router)))
        self._by_name = {path.name: path for _, path in self.ends}

    @property
    def paths(self) -> Iterable[Path]:
        """Every direction."""
        return self._by_name.values()

    def read(self, leg: Leg, path: Path) -> None:
        """Take the next frames, at most a batch of them, from a leg."""
        buffer = self._buffer
        for _ in range(_BATCH):
            size = leg.receive(buffer)
            if not size:
                return
            frame = buffer[:size]
            if is_link_scope(frame):
                path.counters.link_scope += 1
                path.send(frame)
            else:
                path.take(frame, time.monotonic())

    def deliver(self) -> float | None:
        """Deliver what is due; the seconds until the next packet is, or None if nothing is on its way."""
        waiting = self._waiting
        while waiting:
            now = time.monotonic()
            if waiting[0][0] > now:
                return waiting[0][0] - now
            _, _, path, frame = heapq.heappop(waiting)
            path.deliver(frame, now)
        return None

    def change(self, given: Any, seed: Any = None) -> None:
        """Change directions and, where one is given, the seed: all of it or, with a BadRequest, nothing."""
        if not isinstance(given, Mapping):
            raise BadRequest(f"directions must be an object of directions, not {given!r:.80}.")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise BadRequest(f"seed must be a whole number, not {seed!r:.80}.")
        wanted: list[tuple[Path, Impairments, Iterable[str]]] = []
        for name, impairments in given.items():
            path = self._path(name)
            wanted.append((path, changed(path.impairments, impairments, name), list(impairments)))
        now = time.monotonic()
        for path, to, named in wanted:
            path.change(to, named, now)
        if seed is not None:
            self.seed = seed
            for path in self.paths:
                path.reseed(seed, now)

    def reset(self, names: Any = None, impairments: Any = None) -> None:
        """Disturb nothing any more: in these directions, or anywhere; by these impairments, or by any."""
        paths, now = self._named(names), time.monotonic()
        undisturbed = vars(NONE)
        if impairments is not None:
            if not isinstance(impairments, list) or not all(
                isinstance(name, str) and name in undisturbed for name in impairments
            ):
                known = ", ".join(undisturbed)
                raise BadRequest(f"impairments must be a list of names among {known}; not {impairments!r:.80}.")
            undisturbed = {name: undisturbed[name] for name in impairments}
        for path in paths:
            path.change(replace(path.impairments, **undisturbed), (), now)

    def start_capture(self, path: Any, names: Any = None, most_bytes: Any = 64 << 20) -> None:
        """Record what happens to packets of these directions, or of all; ends a capture that is running."""
        if not isinstance(path, str):
            raise BadRequest(f"path of a capture must be a file's name, not {path!r:.80}.")
        if isinstance(most_bytes, bool) or not isinstance(most_bytes, int) or most_bytes < 1:
            raise BadRequest(f"most_bytes of a capture must be a whole number from 1, not {most_bytes!r:.80}.")
        paths = self._named(names)
        capture = Capture(path, tuple(p.name for p in paths), most_bytes)
        self.stop_capture()
        self.capture = capture
        for one in paths:
            one.record(capture)

    def stop_capture(self) -> dict[str, Any] | None:
        """Complete the capture that is running; what it holds, or None if there was none."""
        capture, self.capture = self.capture, None
        for path in self.paths:
            path.record(None)
        if capture is None:
            return None
        capture.close()
        return capture.shown()

    def shown(self) -> dict[str, Any]:
        """Everything, as plain values."""
        now = time.monotonic()
        return {
            "seed": self.seed,
            "legs": [leg.shown() for leg, _ in self.ends],
            "directions": {
                path.name: {
                    "impairments": vars(path.impairments),
                    "up_now": path.is_up(now),
                    "counters": path.counters.shown(),
                }
                for path in self.paths
            },
            "capture": None if self.capture is None else self.capture.shown(),
        }

    def look(self) -> None:
        """Look after devices that went or came."""
        for leg, _ in self.ends:
            leg.look()

    def _keep(self, due: float, path: Path, frame: bytes) -> None:
        self._sequence += 1
        heapq.heappush(self._waiting, (due, self._sequence, path, frame))

    def _path(self, name: Any) -> Path:
        if name not in self._by_name:
            raise BadRequest(f"{name!r:.80} is no direction. Known: {', '.join(self._by_name)}.")
        return self._by_name[name]

    def _named(self, names: Any) -> list[Path]:
        if names is None:
            return list(self._by_name.values())
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not names:
            raise BadRequest(f"directions must be a list of directions, not {names!r:.80}.")
        return [self._path(name) for name in names]
