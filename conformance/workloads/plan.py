"""What a workload is to do, and how far it is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from conformance.errors import HarnessError

HISTORY_FILE = "history.jsonl"
PROBES_FILE = "probes.jsonl"
PLAN_FILE = "workload.json"
LOG_FILE = "workload.log"
PLANES_FOLDER = "probes"

_PLANE_NAME = re.compile(r"[a-z][a-z0-9-]*")
_URL = re.compile(r"https?://[^/\s]+(/\S*)?")
_HOST_PORT = re.compile(r"(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}")


class WorkloadError(HarnessError):
    """The clients could not be started, died, or did not end; or a record of theirs cannot be read at all."""


@dataclass(frozen=True)
class Plane:
    """Another plane to probe than the service. ``kind`` is ``http`` (``targets`` are URLs to GET, of a document that
    needs no token) or ``udp`` (they are ``host:port`` of something that sends datagrams back). ``targets`` go by site;
    a probe is answered when any of them answers, so what must answer by itself is a plane by itself. ``timeout`` is how
    many seconds a probe has for all of them."""

    kind: str
    targets: Mapping[str, Sequence[str]]
    timeout: float = 0.5

    def problem(self) -> str:
        """What is wrong with it, empty when nothing is."""
        if self.kind not in ("http", "udp"):
            return f"is of the kind {self.kind!r}; it must be http or udp"
        if not self.targets or not all(self.targets.values()):
            return "needs at least one target for each of its sites"
        form = _URL if self.kind == "http" else _HOST_PORT
        wrong = [t for targets in self.targets.values() for t in targets if not form.fullmatch(t)]
        if wrong:
            wanted = "an http or https URL" if self.kind == "http" else "host:port"
            return f"has the target {wrong[0]!r}, which is not {wanted}"
        return "" if self.timeout > 0 else f"has a timeout of {self.timeout} s; it must be above 0"


@dataclass(frozen=True)
class WorkloadPlan:
    """Who asks whom, how often. Raises WorkloadError when it makes no sense.

    ``endpoints`` maps a site to the URLs of its front-ends; the first site is used first. Every record goes
    to ``folder``. ``rate`` is writes per second and worker; a worker does one operation at a time, so it is
    slower when the service is. ``operation_timeout`` is how many seconds an operation may take before its
    outcome is called unknown; ``probe_timeout`` how many seconds a probe has for all sites together.
    ``registers`` is how many clients share as many registers, at the same rate each; none by default.
    ``planes`` are probed beside the service, by name, on the same schedule.
    """

    endpoints: Mapping[str, Sequence[str]]
    folder: Path
    workers: int = 4
    rate: float = 25.0
    probe_interval_ns: int = 20_000_000
    seed: int = 0
    operation_timeout: float = 5.0
    probe_timeout: float = 1.0
    planes: Mapping[str, Plane] = field(default_factory=dict)
    registers: int = 0

    def __post_init__(self) -> None:
        empty = [site for site, urls in self.endpoints.items() if not urls]
        if not self.endpoints or empty:
            raise WorkloadError(
                "A workload needs at least one front-end URL for each of its sites; "
                f"{'none has been given' if not self.endpoints else 'there is none for ' + ', '.join(empty)}."
            )
        for name in ("workers", "rate", "probe_interval_ns", "operation_timeout", "probe_timeout"):
            if getattr(self, name) <= 0:
                raise WorkloadError(f"A workload's {name} must be above 0, not {getattr(self, name)}.")
        if self.registers < 0:
            raise WorkloadError(f"A workload's registers must be 0 or more, not {self.registers}.")
        for name, plane in self.planes.items():
            problem = plane.problem() if _PLANE_NAME.fullmatch(name) else "must be named in small letters, digits and -"
            if problem:
                raise WorkloadError(f"The plane {name!r} {problem}.")

    def to_json(self) -> str:
        """As workload.json holds it."""
        endpoints = {site: list(urls) for site, urls in self.endpoints.items()}
        return json.dumps({**asdict(self), "endpoints": endpoints, "folder": str(self.folder)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> WorkloadPlan:
        """What to_json wrote."""
        fields = json.loads(text)
        planes = {name: Plane(**plane) for name, plane in fields.pop("planes", {}).items()}
        return cls(**{**fields, "folder": Path(fields["folder"]), "planes": planes})


@dataclass(frozen=True)
class Counters:
    """How far the clients are.

    ``acknowledged``, ``failed`` and ``unknown`` count writes only; ``workers_writing`` the workers that have
    had a write acknowledged. ``final_read_complete`` is None until a final read has been tried.
    """

    acknowledged: int = 0
    failed: int = 0
    unknown: int = 0
    workers_writing: int = 0
    probes: int = 0
    probes_failed: int = 0
    last_probe_latency_ns: int | None = None
    resting: bool = False
    final_read_complete: bool | None = None


def key_of(worker: int, number: int) -> str:
    """The key of a worker's n-th write: unique in a run, and in a report it says whose write it was."""
    return f"w{worker}-{number:06d}"


def register_of(number: int) -> str:
    """The key of a register."""
    return f"r{number}"


def value_of(seed: int, key: str) -> str:
    """The value written under ``key``: 32 hexadecimal digits that nothing but this run would write there."""
    return hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=16).hexdigest()
