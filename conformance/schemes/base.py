"""What every multisite scheme is: the mechanism under test, in five operations.

An operation returns what the system under test did, good or bad: a promotion that is refused is a result with
``ok=False``, not an exception. HarnessError is raised only when the harness or its infrastructure could not
do its work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from conformance.model import Event
from conformance.sites import Site
from conformance.vnf import Deployment, Endpoint

OnEvent = Callable[[Event], None]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One part of an operation. Times are CLOCK_MONOTONIC nanoseconds. ``ok`` is None where nothing was judged."""

    name: str
    began: int
    ended: int
    ok: bool | None
    detail: str


@dataclass(frozen=True)
class Result:
    """What an operation came to; ``detail`` is a sentence for a person.

    ``deployment`` is the VNF at the site the operation prepared or moved it to, None where the scheme does
    not say. ``supported`` is False where the scheme has no such operation: nothing was tried, and ``ok`` is False.
    """

    ok: bool
    detail: str
    steps: tuple[Step, ...] = ()
    deployment: Deployment | None = None
    supported: bool = True


@dataclass(frozen=True)
class Protection(Result):
    """The VNF is, or is not, replicated to the second site."""


@dataclass(frozen=True)
class Failover(Result):
    """The VNF was, or was not, taken over by the other site after the loss of one."""


@dataclass(frozen=True)
class Migration(Result):
    """The VNF was, or was not, moved while both sites were well."""


@dataclass(frozen=True)
class Failback(Result):
    """The VNF was, or was not, brought back to the repaired site."""


@dataclass(frozen=True)
class Drift:
    """What differed between the protected VNF and what protects it, in words, at a look that began at ``looked``
    (CLOCK_MONOTONIC nanoseconds): nothing, where the protection has followed all that changed."""

    looked: int
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class SchemeStatus:
    """How things stand. ``active`` is the site that serves, None if none or unknown; ``sites`` holds by site
    name what its guests answered, by guest label, None for a guest that did not answer. ``behind_bytes`` is how much
    of what the active site wrote the other has not taken in yet, None where that is not known. ``drift`` is what has
    changed at the first site and was not followed, None where the scheme does not look."""

    protected: bool
    active: str | None
    detail: str
    sites: Mapping[str, Mapping[str, Mapping[str, Any] | None]] = field(default_factory=dict)
    behind_bytes: int | None = None
    drift: Drift | None = None


class Factory(Protocol):
    """Makes a scheme, for one VNF of one scenario. ``log`` is a file for what its tools say, if there is one."""

    def __call__(self, *, on_event: OnEvent, progress: Progress | None, log: Path | None) -> Scheme: ...


@dataclass(frozen=True)
class Prepared:
    """A scheme whose settings have been read. ``plan`` are sentences for a person: what it is going to call."""

    make: Factory
    plan: tuple[str, ...] = ()


@runtime_checkable
class Closing(Protocol):
    """A scheme that works beside its operations, and is told when nothing is left to work for."""

    def close(self) -> None:
        """End that. Called once or more, before the VNF is removed."""


class Scheme(Protocol):
    """Its steps are reported as they happen, as events of kind ``scheme``: ``name`` is the operation,
    ``state`` is ``begin``, then each step when it is over, then ``end``; ``observed["took_s"]`` holds
    seconds. An operation that the scheme does not have is ``begin`` and ``not-supported``."""

    name: str

    def protect(self, vnf: Deployment, first: Site, second: Site, link: Endpoint | None) -> Protection:
        """Have the VNF at ``first`` replicated to ``second``. What the second site wants of the first it
        dials at ``link``, which leads to ``vnf.replication_upstream``; None where the VNF is stateless. ``vnf`` may
        still be booting."""

    def failover(self, lost: Site, to: Site) -> Failover:
        """Continue the service at ``to`` because ``lost`` is gone: finding that out is part of it."""

    def migrate(self, source: Site, to: Site) -> Migration:
        """Move the service from a working site to another, as before planned maintenance."""

    def failback(self, source: Site, to: Site, link: Endpoint) -> Failback:
        """Return the service from ``source`` to a site that was lost and is repaired, or was stopped for maintenance.
        What ``to`` wants of ``source`` it dials at ``link``."""

    def replication(self, wanted: bool) -> Result:
        """Stop replicating, or take it up again, while the service goes on: how much replication costs is measured
        against its absence."""

    def savepoint(self, name: str) -> Result:
        """Name the present state, so that it can be gone back to when a fault of the software has spread."""

    def recover(self, source: Site, to: Site, name: str) -> Result:
        """Take the service from ``source``, whose state a fault of the software has ruined, and continue it at ``to``
        in the state of a savepoint. What was done since is given up."""

    def status(self) -> SchemeStatus:
        """How things stand right now."""
