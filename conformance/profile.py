"""A profile: which requirements are mandatory here, their thresholds, and how much load the scenarios run under."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from conformance.catalogue import load_catalogue
from conformance.model import Thresholds
from conformance.profile_files import filled, read_profile
from conformance.resources import closest, features_dir
from conformance.settings import Settings
from conformance.waiving import WaiverSettings

VNFS = {
    "single": "subscriber-db-single",
    "stateless": "subscriber-cache",
    "cluster": "cache-cluster",
    "crowd": "cache-crowd",
}


class ThresholdSettings(Settings):
    """See conformance.model.Thresholds. ``sal`` is the Service Availability Level that ``detect_s`` and ``rto_s`` are
    of where they are not given. How many writes may be missing is not limited where only ``rpo_s`` is given."""

    sal: Literal[1, 2, 3] | None = None
    detect_s: float = Field(gt=0)
    rto_s: float = Field(gt=0)
    trigger: Literal["either", "automatic", "manual"] = "either"
    rpo_operations: int | None = Field(default=0, ge=0)
    rpo_s: float | None = Field(default=None, gt=0)
    degradation_margin: float = Field(default=0.10, gt=0, le=1)
    max_interruption_s: float = Field(default=5, gt=0)
    max_error_share: float = Field(default=0.01, gt=0, lt=1)
    plane_rto_s: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    holder_tolerance_s: float = Field(default=0.5, gt=0)
    catch_up_s: float = Field(default=30, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Any) -> Any:
        return filled(given) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _some_recovery_point(self) -> ThresholdSettings:
        if self.rpo_operations is None and self.rpo_s is None:
            raise ValueError("rpo_operations can be without a limit only where rpo_s has one.")
        return self


class LoadSettings(Settings):
    """How the service is used while a scenario runs."""

    clients: int = Field(default=8, ge=1, le=256)
    rate_per_client: float = Field(default=25, gt=0)
    probe_interval_ms: float = Field(default=20, ge=1, le=1000)
    before_fault_s: float = Field(default=2, gt=0)
    after_failover_s: float = Field(default=2, gt=0)
    planes: tuple[Literal["api", "media"], ...] = ()
    registers: int = Field(default=2, ge=0, le=16)


class BlockSettings(Settings):
    """How the cost of replication is measured: rounds of two blocks, one with replication and one without.

    After ``pilot_rounds`` the noise seen decides how many rounds there will be, ``max_rounds`` at the most, and up to
    ``spare_rounds`` in place of those that other programs on this machine disturbed. Of each block of ``block_s``
    seconds the first ``warmup_s`` are not counted.
    """

    pilot_rounds: int = Field(default=6, ge=6)
    max_rounds: int = Field(default=24, ge=6)
    spare_rounds: int = Field(default=6, ge=0)
    block_s: float = Field(default=8, gt=0)
    warmup_s: float = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> BlockSettings:
        if self.max_rounds < self.pilot_rounds:
            raise ValueError(f"max_rounds ({self.max_rounds}) cannot be below pilot_rounds ({self.pilot_rounds}).")
        if self.warmup_s >= self.block_s:
            raise ValueError(f"warmup_s ({self.warmup_s:g}) must be shorter than block_s ({self.block_s:g}).")
        return self


class Profile(Settings):
    """A profile file (fixtures/profiles). ``vnfs`` names a blueprint for each kind of VNF that features ask for,
    besides the stateful one that is under test; ``clouds`` is how many clouds the features need, and
    ``storage_mode`` how the storage copies where it is the one to replicate. ``version`` is that of the lists of what
    is mandatory and optional, and of the limits. A file may say what it ``extends`` (conformance.profile_files)."""

    name: str
    version: int = Field(ge=1)
    description: str = ""
    features: tuple[str, ...] = Field(min_length=1)
    tags: str | None = None
    mandatory: tuple[str, ...]
    optional: tuple[str, ...] = ()
    thresholds: ThresholdSettings
    load: LoadSettings = LoadSettings()
    blocks: BlockSettings = BlockSettings()
    clouds: int = Field(default=2, ge=2, le=10)
    storage_mode: Literal["write-blocking", "background"] = "write-blocking"
    vnfs: dict[str, str] = Field(default_factory=lambda: dict(VNFS))
    waivers: tuple[WaiverSettings, ...] = ()

    @model_validator(mode="after")
    def _ids_are_known(self) -> Profile:
        known = list(load_catalogue())
        for requirement in (*self.mandatory, *self.optional):
            if requirement not in known:
                raise ValueError(f"there is no requirement {requirement!r}. {closest(requirement, known)}")
        both = set(self.mandatory) & set(self.optional)
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be mandatory and optional at once.")
        return self

    def limits(self) -> Thresholds:
        """The thresholds as the value that is stored with each scenario."""
        return Thresholds(**self.thresholds.model_dump(exclude={"sal"}))

    def feature_paths(self) -> tuple[Path, ...]:
        """The feature files or folders this profile runs."""
        return tuple(features_dir() / name for name in self.features)


def load_profile(name_or_path: str) -> Profile:
    """A shipped profile by name, or a file; with ``:sal1``, ``:sal2`` or ``:sal3`` behind it, with that level's limits.
    UsageError when there is none or it is malformed."""
    return read_profile(name_or_path, Profile)
