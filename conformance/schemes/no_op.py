"""The scheme that does nothing: where to start when writing one, and proof that protection is not taken for
granted."""

from __future__ import annotations

from conformance.schemes.base import (
    Failback,
    Failover,
    Migration,
    OnEvent,
    Progress,
    Protection,
    Result,
    SchemeStatus,
)
from conformance.schemes.steps import StepLog
from conformance.sites import Site
from conformance.vnf import Deployment, Endpoint

_NOTHING = "The scheme no-op does nothing."


class NoOpScheme:
    """Protects nothing, moves nothing, and says so."""

    name = "no-op"

    def __init__(self, *, on_event: OnEvent, progress: Progress | None = None) -> None:
        self._on_event = on_event

    def protect(self, vnf: Deployment, first: Site, second: Site, link: Endpoint | None) -> Protection:
        """Nothing."""
        self._note("protect", second.name)
        return Protection(False, _NOTHING)

    def failover(self, lost: Site, to: Site) -> Failover:
        """Nothing."""
        self._note("failover", to.name)
        return Failover(False, _NOTHING)

    def migrate(self, source: Site, to: Site) -> Migration:
        """Nothing."""
        self._note("migrate", to.name)
        return Migration(False, _NOTHING)

    def failback(self, source: Site, to: Site, link: Endpoint) -> Failback:
        """Nothing."""
        self._note("failback", to.name)
        return Failback(False, _NOTHING)

    def replication(self, wanted: bool) -> Result:
        """Nothing."""
        self._note("replication", "on" if wanted else "off")
        return Result(False, _NOTHING)

    def savepoint(self, name: str) -> Result:
        """Nothing."""
        self._note("savepoint", name)
        return Result(False, _NOTHING)

    def recover(self, source: Site, to: Site, name: str) -> Result:
        """Nothing."""
        self._note("recover", to.name)
        return Result(False, _NOTHING)

    def status(self) -> SchemeStatus:
        """Unprotected."""
        return SchemeStatus(protected=False, active=None, detail=_NOTHING)

    def _note(self, operation: str, target: str) -> None:
        StepLog(operation, target, self._on_event).end(False, _NOTHING)
