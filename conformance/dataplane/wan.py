"""The path between two sites as packets see it, and the forwarder in the lab that disturbs it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.dataplane.burst import Burst, Flow, send_bursts
from conformance.dataplane.ping import Pings, ping
from conformance.dataplane.places import DataPlaneError, OpenSocket, Place

_TIMEOUT_S = 5.0
_WAIT_S = 0.3


class WanGone(DataPlaneError):
    """No forwarder is there; its faults are gone with it, or come back with it if the lab starts it again."""


@dataclass(frozen=True)
class WanControl:
    """The forwarder that listens at ``path``. Every method raises DataPlaneError with the forwarder's own sentence
    when it refuses, and WanGone when it is not there."""

    path: Path

    def state(self) -> dict[str, Any]:
        """Everything it says about itself: impairments, whether up, and counters for each direction."""
        return self._ask(op="get")

    def change(self, directions: Mapping[str, Mapping[str, Any]], seed: int | None = None) -> None:
        """Set the impairments named, all at once; others keep their values. ``seed`` begins all draws again."""
        self._ask(op="set", directions={k: dict(v) for k, v in directions.items()}, seed=seed)

    def reset(self, directions: Sequence[str] | None = None, impairments: Sequence[str] | None = None) -> None:
        """Take impairments off: these or all, in these directions or all."""
        self._ask(op="reset", directions=_listed(directions), impairments=_listed(impairments))

    @contextmanager
    def capture(self, path: Path, directions: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Record packets into ``path`` (pcapng) within this block; what is yielded holds ``packets`` and ``bytes``
        afterwards."""
        self._ask(op="capture", path=str(path), directions=_listed(directions))
        captured: dict[str, Any] = {}
        try:
            yield captured
        finally:
            captured.update(self._ask(op="capture-stop")["captured"] or {})

    def _ask(self, **request: Any) -> dict[str, Any]:
        line = json.dumps({k: v for k, v in request.items() if v is not None}).encode() + b"\n"
        answer = b""
        try:
            with socket.socket(socket.AF_UNIX) as connection, _short(self.path) as path:
                connection.settimeout(_TIMEOUT_S)
                connection.connect(path)
                with suppress(BrokenPipeError):  # it has answered already, that it takes no more clients, and hung up
                    connection.sendall(line)
                while not answer.endswith(b"\n") and (more := connection.recv(1 << 16)):
                    answer += more
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise WanGone(
                f"The lab's WAN forwarder should listen at {self.path}, and does not. Is the lab up? "
                "multisite-ha lab status says so."
            ) from error
        except OSError as error:
            raise DataPlaneError(f"The lab's WAN forwarder at {self.path} did not answer: {error}.") from error
        try:
            said = json.loads(answer)
        except ValueError as error:
            raise DataPlaneError(
                f"What listens at {self.path} is no WAN forwarder: it said {answer[:80]!r}."
            ) from error
        if "error" in said:
            raise DataPlaneError(f"The lab's WAN forwarder refused {request['op']}: {said['error']}")
        return dict(said)


@dataclass(frozen=True)
class WanLink:
    """The WAN between two sites. ``near`` and ``far`` are the edges of the sites that their labels name: what is
    measured between them crosses the WAN and nothing else. A direction is named ``site>site``. ``others`` are the WANs
    from the near site to every site but the far one."""

    control: WanControl
    sockets: OpenSocket
    near: Place
    far: Place
    others: tuple[WanLink, ...] = ()

    @property
    def name(self) -> str:
        """Stands in events and reports."""
        return f"wan {self.near.label}-{self.far.label}"

    @property
    def directions(self) -> tuple[str, str]:
        """There and back."""
        return f"{self.near.label}>{self.far.label}", f"{self.far.label}>{self.near.label}"

    def change(self, impairments: Mapping[str, Any], directions: Sequence[str] | None = None) -> None:
        """Set these impairments in both directions, or in those given."""
        self.control.change(dict.fromkeys(directions or self.directions, impairments))

    def restore(self, impairments: Sequence[str], directions: Sequence[str] | None = None) -> None:
        """Take these impairments off again."""
        self.control.reset(directions or self.directions, impairments)

    def impairments(self, direction: str) -> dict[str, Any]:
        """What is done to the packets of a direction."""
        return dict(self._shown(direction)["impairments"])

    def counters(self, direction: str) -> dict[str, int]:
        """What became of the packets of a direction, since the forwarder started."""
        return dict(self._shown(direction)["counters"])

    def flow(self, direction: str, version: int = 4) -> Flow:
        """From edge to edge."""
        if direction not in self.directions:
            raise DataPlaneError(f"{self.name} has the directions {' and '.join(self.directions)}, not {direction!r}.")
        ends = (self.near, self.far) if direction == self.directions[0] else (self.far, self.near)
        return Flow(*ends, version)

    def ping(self, *, count: int = 5, version: int = 4, timeout: float = 1.0) -> Pings:
        """Round trips over the WAN."""
        return ping(self.sockets, self.near, self.far, count=count, version=version, timeout=timeout)

    def bursts(
        self, *, count: int = 400, interval: float = 0.001, size: int = 200, version: int = 4
    ) -> dict[str, Burst]:
        """Numbered packets in both directions at once; as send_bursts, which waits longer where a delay is in force."""
        flows = [self.flow(direction, version) for direction in self.directions]
        shown = self.control.state()["directions"]
        longest_ms = max(_longest_on_its_way_ms(shown[direction]["impairments"]) for direction in self.directions)
        wait = _WAIT_S + longest_ms / 1e3
        bursts = send_bursts(self.sockets, flows, count=count, interval=interval, size=size, wait=wait)
        return dict(zip(self.directions, bursts, strict=True))

    def _shown(self, direction: str) -> dict[str, Any]:
        shown = self.control.state()["directions"]
        if direction not in shown:
            raise DataPlaneError(f"The lab's WAN has no direction {direction!r}. Known: {', '.join(shown)}.")
        return dict(shown[direction])


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Another name for a socket's path, which must not be longer than 107 bytes."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _longest_on_its_way_ms(impairments: Mapping[str, Any]) -> float:
    """How long a packet may take: four deviations of a normal jitter, and the whole queue of a rate."""
    queue = impairments["queue_ms"] if impairments["rate_bits"] else 0.0
    held = impairments["reorder_ms"] if impairments["reorder"] else 0.0
    return float(impairments["delay_ms"] + 4 * impairments["jitter_ms"] + queue + held)


def _listed(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)
