"""A made-up but realistic judged run for the tests of the reports: a conforming scenario and one that lost writes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conformance.model import (
    Event,
    Evidence,
    Inventory,
    Operation,
    Outcome,
    Probe,
    Requirement,
    ScenarioInfo,
    ScenarioRecord,
    Status,
    Strength,
    Thresholds,
    Verdict,
)
from conformance.model.inventory import (
    Flavor,
    FloatingIp,
    Image,
    Network,
    Port,
    Router,
    SecurityGroup,
    SecurityGroupRule,
    Server,
    Subnet,
    Volume,
)
from conformance.model.requirement import Origin, Source, Verification
from conformance.model.results import CheckResult, RequirementResult, RunInfo, RunResult, ScenarioResult, SiteInfo

SECOND = 1_000_000_000
BOOT = 91_000 * SECOND
IDS = ("MS-GR-01", "MS-GR-02", "MS-GR-03", "MS-GR-05", "MS-GR-06", "MS-GR-07")
THEN = (
    "the second site's VIM works on its own",
    "the service is back at the second site within the recovery time objective",
    "every session survives",
    "no acknowledged write is lost",
    "the network functions are connected the same way as before",
    "the same virtual machines are running in the same roles",
)
CHECKS = ("vim-alive", "outage", "sessions", "acknowledged-writes", "network-equivalence", "same-vms")
STEPS = (
    "Given two sites, each run by a VIM of its own",
    "And a stateful VNF serving subscribers at the first site",
    "And the VNF is protected at the second site",
    "And clients use the service while every request is recorded",
)


@dataclass(frozen=True)
class MadeRun:
    """A judged run with what the writers need beside it."""

    result: RunResult
    records: Mapping[str, ScenarioRecord]
    catalogue: Mapping[str, Requirement]

    @property
    def load(self) -> Callable[[str], ScenarioRecord]:
        return self.records.__getitem__


def made_run(*, scenarios: int = 2, writes_per_s: int = 60, lost: int = 37) -> MadeRun:
    """``scenarios`` scenarios of which the second loses ``lost`` writes; the others conform."""
    made = [made_scenario(n, writes_per_s, lost if n == 2 else 0) for n in range(1, scenarios + 1)]
    results = tuple(result for result, _ in made)
    return MadeRun(run_of(results), {result.info.id: record for result, record in made}, catalogue())


def run_of(results: tuple[ScenarioResult, ...]) -> RunResult:
    """The run whose scenarios these are."""
    verdict = Status.FAIL if any(s.status is Status.FAIL for s in results) else Status.PASS
    requirements = tuple(_requirement(name, results) for name in IDS) if results else ()
    return RunResult(run_info(), verdict, requirements, results)


def run_info() -> RunInfo:
    return RunInfo(
        run_id="20261122T163000Z-3fa9c1",
        product_version="0.1.0",
        profile="smoke",
        seed=2943810552,
        vnf="subscriber-db-async",
        scheme="reference",
        started_wall="2026-11-22T16:30:00+00:00",
        started=BOOT,
        sites=(
            SiteInfo("site-a", "lab-site-a", "RegionOne", "http://127.11.255.1:5000/v3"),
            SiteInfo("site-b", "lab-site-b", "RegionOne", "http://127.12.255.1:5000/v3"),
        ),
        command_line=("run", "--vnf", "subscriber-db-async", "--seed", "2943810552"),
        environment={
            "python": "3.11.2",
            "machine": "Linux-6.1.0-amd64-x86_64-with-glibc2.36",
            "sites": "lab",
            "data plane": "lab, loopback: no packet data plane",
            "link proxy": "embedded",
        },
        mandatory=("MS-GR-01", "MS-GR-02", "MS-GR-03", "MS-GR-05", "MS-GR-06"),
        optional=("MS-GR-07",),
    )


def catalogue() -> dict[str, Requirement]:
    titles = {
        "MS-DC-01": ("One VNF across clouds", "UC1 One data centre, several OpenStack clouds"),
        "MS-GR-01": ("Separate VIMs", "UC2 Geographic redundancy"),
        "MS-GR-02": ("Failover after the loss of a site", "UC2 Geographic redundancy"),
        "MS-GR-03": ("Stateful failover", "UC2 Geographic redundancy"),
        "MS-GR-04": ("Stateless failover", "UC2 Geographic redundancy"),
        "MS-GR-05": ("No data lost", "UC2 Geographic redundancy"),
        "MS-GR-06": ("Connected the same way", "UC2 Geographic redundancy"),
        "MS-GR-07": ("The same number of VMs", "UC2 Geographic redundancy"),
        "MS-MT-01": ("Replicate before stopping", "UC3 Planned maintenance"),
    }
    return {
        name: Requirement(
            id=name,
            title=title,
            statement=f"What {title.lower()} means, in a sentence about as long as the real ones are, give or take.",
            use_case=use_case,
            source=Source("scenario analysis", use_case[:3], 9, "draft"),
            origin=Origin.STATED,
            strength=Strength.SHOULD if name == "MS-GR-07" else Strength.SHALL,
            verification=Verification.AUTOMATIC,
        )
        for name, (title, use_case) in titles.items()
    }


def made_scenario(n: int, writes_per_s: int, lost: int) -> tuple[ScenarioResult, ScenarioRecord]:
    """The n-th scenario, in which the last ``lost`` writes before the loss of the site are lost."""
    random_ = random.Random(n)
    link = "while the link is clean" if n == 1 else "after the link stalled for 2 s" if n == 2 else f"in variation {n}"
    name = f"The first site is lost {link}"
    stalled = n == 2
    when = ("When the link stalls and stays stalled for 2 s",) if stalled else ()
    faults = ("link-stall", "site-loss") if stalled else ("site-loss",)
    info = ScenarioInfo(
        id=f"{n:02d}-the-first-site-is-lost-{n}",
        name=name,
        feature="The VNF survives the sudden loss of a whole site",
        requirements=IDS,
        then=THEN,
        faults_planned=faults,
        first_site="site-a",
        second_site="site-b",
        thresholds=Thresholds(),
        tenant_pools={"site-a": "127.11.0.0/17", "site-b": "127.12.0.0/17"},
        steps=(
            *STEPS,
            *when,
            f"{'And' if when else 'When'} the first site is lost without warning",
            "And the VNF fails over to the second site",
            f"Then {THEN[0]}",
            *(f"And {phrase}" for phrase in THEN[1:]),
        ),
    )
    origin = BOOT + n * 60 * SECOND
    loss = origin + round(8.4 * SECOND)
    back = loss + round((1.31 + random_.random() / 4) * SECOND)
    history = _history(random_, origin, loss, back, writes_per_s)
    acknowledged = [o for o in history if o.outcome is Outcome.OK and o.f == "write" and (o.completed or 0) < loss]
    gone = acknowledged[len(acknowledged) - lost :]
    record = ScenarioRecord(
        info=info,
        history=history,
        probes=_probes(random_, origin, loss, back),
        events=_events(origin, loss, back, stalled),
        inventories={"first-before": inventory("site-a", 11, origin), "second-after": inventory("site-b", 12, back)},
    )
    checks = tuple(
        CheckResult(info.id, check, phrase, (requirement,), verdict)
        for check, phrase, requirement, verdict in zip(
            CHECKS, THEN, IDS, _verdicts(loss, back, history, gone), strict=True
        )
    )
    status = Status.FAIL if lost else Status.PASS
    return ScenarioResult(info, status, checks, duration_s=21.4 + n / 10), record


def _history(random_: random.Random, origin: int, loss: int, back: int, writes_per_s: int) -> tuple[Operation, ...]:
    found: list[Operation] = []
    t, end = origin + 3 * SECOND, back + 5 * SECOND
    while t < end:
        number = len(found)
        took = round(random_.lognormvariate(0.9, 0.5) * 1e6)
        outcome, site, error = Outcome.OK, "site-a", None
        if t > back:
            site = "site-b"
        elif t + took > loss:
            outcome = Outcome.INFO if t < loss else Outcome.FAIL
            site, error = "site-b", "the service is not writable here"
        completed = None if outcome is Outcome.INFO else t + took
        found.append(
            Operation(
                number, number % 8, "write", t, outcome, completed, f"s{number % 8}-{number}", f"v{number}", site, error
            )
        )
        t += round(random_.expovariate(writes_per_s) * SECOND) + 1
    return tuple(found)


def _probes(random_: random.Random, origin: int, loss: int, back: int) -> tuple[Probe, ...]:
    found: list[Probe] = []
    begin, period = origin + 3 * SECOND, 20_000_000
    for n in range((back + 5 * SECOND - begin) // period):
        due = begin + n * period
        took = round(random_.lognormvariate(0.6, 0.7) * 1e6)
        ok = due + took < loss or due > back
        took = took if ok else 400_000
        found.append(
            Probe(n, due, due + 40_000, due + took, ok, "site-a" if due < loss else "site-b", None if ok else "refused")
        )
    return tuple(found)


def _events(origin: int, loss: int, back: int, stalled: bool) -> tuple[Event, ...]:
    def at(seconds: float) -> int:
        return origin + round(seconds * SECOND)

    def phase(name: str, begin: int, end: int) -> list[Event]:
        return [Event(begin, "phase", name, "begin"), Event(end, "phase", name, "end", ok=True)]

    def fault(name: str, target: str, begin: int, detail: str, **observed: float) -> list[Event]:
        return [
            Event(begin - 4_000_000, "fault", name, "injecting", target),
            Event(begin, "fault", name, "injected", target, True),
            Event(begin + SECOND // 5, "fault", name, "verified", target, True, detail, observed),
            Event(back + 3 * SECOND, "fault", name, "healing", target),
            Event(back + 4 * SECOND, "fault", name, "healed", target, True),
            Event(back + 4 * SECOND + 1, "fault", name, "heal-verified", target, True, "All as before."),
        ]

    events = [
        *phase("prepare", origin, at(0.4)),
        *phase("deploy", at(0.4), at(1.9)),
        *phase("protect", at(1.9), at(2.9)),
        *phase("load", at(2.9), at(6.2)),
        *phase("failover", loss + SECOND // 3, back),
        *phase("observe", back, back + 2 * SECOND),
        *phase("read-back", back + 2 * SECOND, back + 3 * SECOND),
        *fault(
            "site-loss",
            "site-a",
            loss,
            "No answer from 6 of 6 APIs; 4 of 4 guests are gone.",
            processes=23,
            apis_silent=6,
        ),
        Event(loss + SECOND // 3, "scheme", "failover", "begin"),
        Event(back, "scheme", "failover", "end", ok=True, detail="Promoted db-standby."),
        Event(
            back + SECOND,
            "observation",
            "vim-alive",
            "",
            "site-b",
            True,
            "A token, a network and a server were made.",
            {"token_ms": 21.5, "server_s": 1.9},
        ),
    ]
    if stalled:
        events += fault("link-stall", "site-b>site-a", at(6.3), "Nothing came through in 1 s.", bytes_per_s=0)
    return tuple(sorted(events, key=lambda event: event.t))


def _verdicts(loss: int, back: int, history: tuple[Operation, ...], gone: list[Operation]) -> tuple[Verdict, ...]:
    high = round((back - loss) / SECOND + 0.021, 6)
    writes = sum(o.outcome is Outcome.OK for o in history)
    figures = {"acknowledged": writes, "lost": len(gone), "rpo_operations": len(gone)}
    seconds = round((loss - (gone[0].completed or 0)) / SECOND, 6) if gone else 0.0
    lost = Verdict(
        Status.FAIL if gone else Status.PASS,
        f"{len(gone)} of {writes} acknowledged writes are lost, the earliest told {seconds:.3f} s before the loss."
        if gone
        else f"All {writes} acknowledged writes are there.",
        {**figures, "rpo_s": seconds},
        tuple(
            Evidence("lost write", str(o.id), f"The write of {o.key} was acknowledged by {o.site} and is not there.")
            for o in gone[:200]
        ),
    )
    passed = Verdict(Status.PASS, "It is as it was.", {"compared": 14})
    rto = Verdict(
        Status.PASS,
        f"The service was back {high - 0.04:.3f} s to {high:.3f} s after site-a was lost (limit 15 s).",
        {"rto_low_s": round(high - 0.04, 6), "rto_high_s": high, "probes": 800, "probes_failed": 66},
        (Evidence("outage", "270-336", "66 probes in a row failed."),),
    )
    return passed, rto, Verdict(Status.PASS, "All 8 sessions survived.", {"sessions": 8}), lost, passed, passed


def _requirement(name: str, results: tuple[ScenarioResult, ...]) -> RequirementResult:
    checks = [check for s in results for check in s.checks if name in check.requirements]
    worst = next((c for c in checks if c.verdict.status is Status.FAIL), checks[0])
    return RequirementResult(
        name, worst.verdict.status, worst.verdict.reason, worst.verdict.figures, tuple(s.info.id for s in results)
    )


def inventory(site: str, octet: int, taken_at: int) -> Inventory:
    """Two networks, a router, two groups, two databases and two front ends."""
    networks = ("oam", "service")
    roles = ("database-0", "frontend-0", "frontend-1")
    return Inventory(
        site=site,
        taken_at=taken_at,
        networks=(
            *(Network(f"{site}-{n}", n, 1442, True, True) for n in networks),
            Network(f"{site}-ext", "public", 1500, True, True, external=True),
        ),
        subnets=tuple(
            Subnet(f"{site}-{n}-sub", n, f"{site}-{n}", f"127.{octet}.{i}.0/24", 4, f"127.{octet}.{i}.1", False)
            for i, n in enumerate(networks)
        ),
        routers=(Router(f"{site}-r", "edge", True, f"{site}-ext", True),),
        security_groups=(
            SecurityGroup(
                f"{site}-sg",
                "database",
                (
                    SecurityGroupRule("ingress", "IPv4", "tcp", 5432, 5432, None, f"{site}-sg"),
                    SecurityGroupRule("egress", "IPv4", None, None, None, "0.0.0.0/0"),
                ),
            ),
        ),
        ports=tuple(
            Port(
                f"{site}-{r}-{n}",
                f"{r}-{n}",
                f"{site}-{n}",
                ((f"{site}-{n}-sub", f"127.{octet}.{i}.{10 + j}"),),
                (f"{site}-sg",),
                True,
                True,
                "compute:nova",
                f"{site}-{r}",
            )
            for j, r in enumerate(roles)
            for i, n in enumerate(networks)
        ),
        floating_ips=(
            FloatingIp(f"{site}-fip", "vip", f"127.{octet}.200.5", f"{site}-ext", f"{site}-frontend-0-service"),
        ),
        servers=tuple(
            Server(
                f"{site}-{r}",
                r,
                r.split("-")[0],
                "ACTIVE",
                Flavor(1, 256, 1),
                Image(f"{site}-img", "subscriber-db", "sha512:9f86d081884c7d659a2feaa0c55ad015"),
                (f"{site}-{r}-oam", f"{site}-{r}-service"),
                (f"{site}-vol",) if r.startswith("database") else (),
                r.split("-")[0],
                "anti-affinity",
                serving=True,
            )
            for r in roles
        ),
        volumes=(Volume(f"{site}-vol", "journal", 1, "in-use", "/dev/vdb", f"{site}-database-0"),),
    )
