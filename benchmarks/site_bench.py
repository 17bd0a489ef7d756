"""Two sites with a VNF across them, all of it watched: what faults of a site are measured on."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from watching import Asked, Target, Watch

from conformance.faults.base import Fault, Observation
from conformance.faults.site_loss import SiteLoss
from conformance.lab import Lab, processes
from conformance.links import EmbeddedProxy, Link
from conformance.schemes import Closing, make_scheme
from conformance.site_phrases import Struck, site_fault
from conformance.sites import Site, api_answers, dialled_from, load_sites
from conformance.vnf import Deployment, Endpoint, await_ready, begin, load_blueprint
from conformance.waiting import wait_until

RUN = "bench-site-faults"
LOSS = "the first site is lost without warning"
GUEST_EVERY_S, OTHER_GUEST_EVERY_S, ENDPOINT_EVERY_S = 0.02, 0.1, 0.25
BACK_WITHIN_S = 120.0


@dataclass(frozen=True)
class Bench:
    """Two sites with a VNF across them, and the one who watches them."""

    lab: Lab
    sites_file: Path
    first: Site
    second: Site
    vnf: Deployment
    standby: Deployment
    watch: Watch
    names: tuple[str, ...]

    def of(self, site: Site, kinds: Collection[str] = ()) -> set[str]:
        """The names of what is asked at a site: everything, or of these kinds."""
        return {
            name for name in self.names if name.startswith(f"{site.name} ") and (not kinds or name.split()[1] in kinds)
        }

    def processes(self) -> dict[str, psutil.Process]:
        """What runs, by name: the services, the hypervisors and the guests' first processes. No service is asked."""
        found: dict[str, psutil.Process] = {}
        for site in self.lab._sites(self.lab._existing()):
            found |= {f"{site.name} {name}": process for name, process in processes.services(site).items()}
            start, _, end = processes.title(site, "guest \0").partition("\0")
            for process in sorted(processes.titled(start, end), key=lambda process: process.create_time()):
                found.setdefault(" ".join(process.cmdline()), process)  # what it started has its title, too
        return found

    def fault(self, sentence: str) -> Fault:
        """What a sentence asks for, made as the nemesis makes it."""
        if sentence == LOSS:
            return SiteLoss(self.first, self.sites_file, [*self.vnf.management_urls, *self.vnf.service_urls])
        found = site_fault(sentence)
        site, vnf = (self.first, self.vnf) if found.which == "first" else (self.second, self.standby)
        return found.make(Struck(site, self.sites_file, lambda: vnf))


@dataclass(frozen=True)
class Round:
    """What came of a fault once. ``figures`` are numbers with their unit by what they are."""

    facts: str
    bites: Observation
    heals: Observation
    bystanders: Observation
    figures: Mapping[str, tuple[float, str]] = field(default_factory=dict)


def await_answers(bench: Bench, since: float) -> Mapping[str, float]:
    """When each of all who are asked answered first a question of since then."""
    return wait_until(
        lambda: seen if len(seen := bench.watch.answered_since(since)) == len(bench.names) else None,
        timeout=BACK_WITHIN_S, what="everybody to answer", interval=0.05,
    )  # fmt: skip


def changed(before: Mapping[str, psutil.Process], after: Mapping[str, psutil.Process]) -> int:
    """How many are gone, or others."""
    return sum(after.get(name) != process for name, process in before.items())


def bystanders(seen: Sequence[Asked], names: Collection[str], ordered: float, healing: float) -> Observation:
    """Whether everybody who was to feel nothing answered every question that was asked while the fault was there."""
    meant = [asked for asked in seen if asked.name in names and ordered <= asked.sent <= healing]
    missed = Counter(asked.name for asked in meant if not asked.answered)
    slowest = max((asked.done - asked.sent for asked in meant), default=0.0)
    detail = f"{len(meant) - missed.total()} of {len(meant)} questions answered, the slowest in {slowest:.2f} s"
    ok = bool(meant) and not missed
    return Observation(ok, detail + (f"; not by {', '.join(missed)}" if missed else ""), {"asked": len(meant)})


@contextmanager
def running_bench(name: str) -> Iterator[Bench]:
    """A lab of its own with the VNF at the first site, protected at the second, all of it watched."""
    lab = Lab(name)
    with ExitStack() as stack:
        stack.callback(lab.down)
        lab.enter()
        lab.up()
        sites = load_sites(lab.sites_yaml)
        stack.callback(sites.close)
        first, second = sites.sites
        for site in (first, second):
            assert api_answers(site, timeout=10).ok
        vnf = begin(first, load_blueprint("subscriber-db-async"), RUN)
        await_ready(first, vnf)
        upstream = vnf.replication_upstream
        link = Link.open(
            stack.enter_context(EmbeddedProxy(seed=1)).server, name=RUN, from_site=second.name, to_site=first.name,
            listen_host=str(second.spec.link_address), upstream=f"{upstream.host}:{upstream.port}",
            dial_from=dialled_from(second),
        )  # fmt: skip
        scheme = make_scheme("reference", on_event=lambda event: None)
        protection = scheme.protect(vnf, first, second, Endpoint(link.listen_host, link.listen_port))
        if isinstance(scheme, Closing):
            scheme.close()  # what watches the first site asks its API, and would be a load on it
        if protection.deployment is None or not protection.ok:
            raise SystemExit(protection.detail)
        targets = [*targets_of(first, vnf), *targets_of(second, protection.deployment)]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        watch = stack.enter_context(Watch(targets, folder / "watched.jsonl"))
        names = tuple(target.name for target in targets)
        yield Bench(lab, lab.sites_yaml, first, second, vnf, protection.deployment, watch, names)


def targets_of(site: Site, vnf: Deployment) -> Iterator[Target]:
    """Every endpoint and every guest of a site; the databases, of which it is measured for how long they are silent, at
    20 ms."""
    for kind, url in site.endpoints().items():
        yield Target(f"{site.name} {kind}", url, ENDPOINT_EVERY_S)
    for guest in vnf.guests:
        url = vnf.status_url(guest)
        assert url is not None
        yield Target(
            f"{site.name} {guest.label}", url, GUEST_EVERY_S if guest.role == "database" else OTHER_GUEST_EVERY_S
        )
