"""The sentences that disturb a part of a site, or one guest of the VNF there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import parse

from conformance.errors import HarnessError
from conformance.faults.api_errors import ApiErrors
from conformance.faults.api_silence import ApiSilence
from conformance.faults.base import Fault
from conformance.faults.process_kill import ProcessKill
from conformance.faults.service_kill import ServiceKill
from conformance.faults.site_condition import ClockOffset, StorageSlow
from conformance.faults.storage_full import StorageFull
from conformance.faults.vnf_hang import VnfHang
from conformance.faults.vnf_kill import VnfKill
from conformance.faults.volume_slow import VolumeSlow
from conformance.sites import Site
from conformance.storage import StorageReplication
from conformance.vnf import Deployment

WHICH = ("first", "second")
"""What a sentence calls the sites."""
HEALED = "the {which:w} site is well again"
"""The sentence that takes back what was done to a part of a site."""
UNTIL_BACK = 0.0
"""How long a fault lasts that passes by itself: it is waited for until it has."""


@dataclass(frozen=True)
class Struck:
    """The site that a sentence strikes, the sites file that it is in, the VNF there, and the storage that replicates a
    volume from there, if that is what is under test.

    ``vnf`` raises HarnessError when there is none."""

    site: Site
    sites_file: Path
    vnf: Callable[[], Deployment]
    storage: StorageReplication | None = None


@dataclass(frozen=True)
class SitePhrase:
    """A sentence that disturbs the site it calls ``which``: the fault's name, and how it is made.

    ``lasts`` names the value that is how long the fault is to last, or is that time, in seconds; None where it stays.
    """

    sentence: str
    fault: str
    make: Callable[[Struck, Mapping[str, Any]], Fault]
    lasts: str | float | None = None


def _storage_slow(at: Struck) -> Fault:
    """Of the storage that is under test, where it is; otherwise of all the site's, by its own means."""
    if at.storage is not None and at.storage.volume.site == at.site.name:
        return VolumeSlow(at.site.name, at.storage)
    return StorageSlow(at.site, at.sites_file)


SITE_PHRASES: tuple[SitePhrase, ...] = (
    SitePhrase(
        "the API of the {which:w} site falls silent",
        ApiSilence.name,
        lambda at, _: ApiSilence(at.site, at.sites_file),
    ),
    SitePhrase(
        "the API of the {which:w} site answers with errors",
        ApiErrors.name,
        lambda at, _: ApiErrors(at.site, at.sites_file),
    ),
    SitePhrase(
        "the {service:S} service of the {which:w} site is killed",
        ServiceKill.name,
        lambda at, v: ServiceKill(at.site, at.sites_file, v["service"]),
    ),
    SitePhrase(
        "the storage of the {which:w} site is full",
        StorageFull.name,
        lambda at, _: StorageFull(at.site, at.sites_file),
    ),
    SitePhrase(
        "the storage of the {which:w} site is slow",
        StorageSlow.name,
        lambda at, _: _storage_slow(at),
    ),
    SitePhrase(
        "the clocks of the {which:w} site are wrong",
        ClockOffset.name,
        lambda at, _: ClockOffset(at.site, at.sites_file),
    ),
    SitePhrase(
        "the VNF's database at the {which:w} site hangs for {seconds:g} s",
        VnfHang.name,
        lambda at, _: VnfHang(at.site, at.vnf()),
        lasts="seconds",
    ),
    SitePhrase(
        "the VNF's database at the {which:w} site is killed and starts again",
        VnfKill.name,
        lambda at, _: VnfKill(at.site, at.vnf()),
        lasts=UNTIL_BACK,
    ),
    SitePhrase(
        "the process of a front-end at the {which:w} site is killed",
        ProcessKill.name,
        lambda at, _: ProcessKill(at.vnf()),
        lasts=UNTIL_BACK,
    ),
)
SITE_FAULTS = frozenset(phrase.fault for phrase in SITE_PHRASES)
"""The names of all faults of a part of a site."""
SITE_VALUES: Mapping[str, str] = {
    phrase.sentence: f"which: {', '.join(WHICH)}"
    + ("; service: compute, network, … (docs/faults.md)" if "{service" in phrase.sentence else "")
    for phrase in SITE_PHRASES
}
"""What the values of each sentence can be."""


@dataclass(frozen=True)
class SiteDisturbance:
    """What a sentence about a site asks for: ``which`` one it strikes, and ``lasts_s``, None where the fault stays."""

    fault: str
    which: str
    make: Callable[[Struck], Fault]
    lasts_s: float | None


def site_fault(sentence: str) -> SiteDisturbance:
    """The disturbance that a sentence asks for. HarnessError when it is none of a site's."""
    found = find_site_fault(sentence)
    if found is None:
        raise HarnessError(f"No fault of a site is known by the sentence {sentence!r}.")
    return found


def find_site_fault(sentence: str) -> SiteDisturbance | None:
    """The same, None when it is none."""
    for phrase in SITE_PHRASES:
        values = parse.parse(phrase.sentence, sentence)
        if values is not None and values["which"] in WHICH:
            return _disturbance(phrase, dict(values.named))
    return None


def _disturbance(phrase: SitePhrase, values: Mapping[str, Any]) -> SiteDisturbance:
    lasts = float(values[phrase.lasts]) if isinstance(phrase.lasts, str) else phrase.lasts
    return SiteDisturbance(phrase.fault, values["which"], lambda at: phrase.make(at, values), lasts)
