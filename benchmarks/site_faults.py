"""Each fault of a site, its storage and a guest as the nemesis injects it: asked for, measured, healed, felt by whom.

    python benchmarks/site_faults.py [--times 3] [--lab bench-site-faults] [--only WORD]

Starts a lab of two clouds with the asynchronous subscriber database across them, and takes it down. What is measured is
not the fault's own verify, which stands under bites and heals as well: a process of its own asks all guests and API
endpoints all the time (watching.py), this machine's list of processes is looked at, records and blocks are read. Of
several times the median is printed, and the worst in parentheses. Faults of the link: link_faults.py; of packets:
wan.py.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parent))
from data_faults import ruin, slow_down
from site_bench import ENDPOINT_EVERY_S, LOSS, Bench, Round, await_answers, bystanders, changed, running_bench
from watching import Asked

from conformance.faults.base import NotPossibleHere, Observation
from conformance.waiting import wait_until

HOLD_S = 3.0
SERVICES = ("identity", "placement", "image", "network", "block-storage", "compute")
GUARDED = {
    "compute": "/servers",
    "network": "/v2.0/networks",
    "image": "/v2/images",
    "block-storage": "/volumes",
    "placement": "/resource_providers",
}


def nobody(_bench: Bench) -> set[str]:
    """Nobody."""
    return set()


@dataclass(frozen=True)
class Case:
    """A fault. ``struck`` are to fall silent, and to ``say`` this; ``killed`` so many of the known processes are to be
    others. Who is ``beside`` may feel it; nobody else may. ``timed``: for how long they are silent is of interest."""

    sentence: str
    asked: str
    struck: Callable[[Bench], set[str]]
    say: frozenset[str] = frozenset()
    killed: int = 0
    holds_s: float = HOLD_S
    beside: Callable[[Bench], set[str]] = nobody
    look: Callable[[Bench], Observation] | None = None
    timed: bool = False
    measure: Callable[[Bench, str], Round] | None = None


def strike(case: Case, bench: Bench) -> Round:
    """Inject, watch for a while, heal, and wait until everybody answers again."""
    struck = case.struck(bench)
    await_answers(bench, time.monotonic())
    before = bench.processes()
    fault = bench.fault(case.sentence)
    began = time.monotonic()
    bench.watch.forget(began)
    time.sleep(3 * ENDPOINT_EVERY_S)  # answers from just before
    ordered = time.monotonic()
    fault.inject()
    try:
        injected = time.monotonic()
        bitten = fault.verify()
        until = time.monotonic() + case.holds_s  # as the nemesis counts it
        looked = case.look(bench) if case.look else Observation(True, "")
        during = bench.processes()
        time.sleep(max(0.0, until - time.monotonic()))
    finally:
        healing = time.monotonic()
        fault.heal()
    healed = fault.verify_healed()
    back = await_answers(bench, healing)
    seen = bench.watch.since(began)
    others = changed(before, bench.processes() if case.holds_s == 0 else during)
    silences = [silence(seen, name, healing if case.holds_s else None) for name in struck]
    words = Counter(said(asked, healing) for asked in seen if asked.name in struck and injected < asked.sent < healing)
    silent = sum(end - start >= case.holds_s and end > injected for start, end in silences)
    right = silent == len(struck) and others == case.killed and looked.ok and (not case.say or set(words) <= case.say)
    facts = [f"{silent} of {len(struck)} silent" + (f" ({', '.join(sorted(words))})" if words else "")] * bool(struck)
    facts += [f"{others} of {len(before)} processes killed"] + ([looked.detail] if looked.detail else [])
    figures = {}
    if not struck:
        figures["in force after"] = (injected - ordered, "s")
    else:
        figures["last answer after the order"] = (max(max(start - ordered, 0.0) for start, _ in silences), "s")
        figures["back after healing"] = (max(back[name] - healing for name in struck), "s")
    if case.timed:
        figures["silent for"] = (max(end - start for start, end in silences), "s")
    return Round(
        "; ".join(facts),
        bitten if right or not bitten.ok else Observation(False, f"verify says yes, but {'; '.join(facts)}"),
        healed,
        bystanders(seen, set(bench.names) - struck - case.beside(bench), ordered, healing),
        figures,
    )


def silence(seen: Sequence[Asked], name: str, covers: float | None) -> tuple[float, float]:
    """The longest time between two answers of somebody, of those that ``covers`` this instant."""
    times = sorted(asked.done for asked in seen if asked.name == name and asked.answered)
    gaps = [gap for gap in zip(times, times[1:], strict=False) if covers is None or gap[0] <= covers <= gap[1]]
    return max(gaps, key=lambda gap: gap[1] - gap[0], default=(0.0, 0.0))


def said(asked: Asked, healing: float) -> str:
    """What came before healing: who was answered only after it saw a connection that hangs."""
    return "hangs" if asked.answered and asked.done > healing else asked.said


def codes(bench: Bench) -> Observation:
    """What each API that checks tokens says to a stranger."""
    found = {}
    for kind, path in GUARDED.items():
        url = bench.first.endpoints()[kind].rstrip("/") + path
        with requests.Session() as session:
            session.trust_env = False
            found[kind] = session.get(url, headers={"X-Auth-Token": os.urandom(16).hex()}, timeout=60).status_code
    by_code = {
        code: ", ".join(kind for kind, own in found.items() if own == code) for code in sorted(set(found.values()))
    }
    words = "; ".join(f"{code} from {kinds}" for code, kinds in by_code.items())
    return Observation(max(found.values()) >= 500, f"a stranger's token gets {words}")


def room(bench: Bench) -> Observation:
    """Whether Cinder grants a volume of 1 GiB at either site."""
    became = []
    for site in (bench.first, bench.second):
        storage: Any = site.cloud.block_storage
        volume = storage.create_volume(name="bench", size=1, volume_type=site.spec.volume_type)
        became.append(
            wait_until(
                lambda storage=storage, volume=volume: (  # type: ignore[misc]
                    status if (status := storage.get_volume(volume.id).status) in ("available", "error") else None
                ),
                timeout=60,
                what="a volume to be granted or refused",
            )
        )
        storage.delete_volume(volume)
        storage.wait_for_delete(volume, interval=0.1, wait=60)
    return Observation(
        became == ["error", "available"], "a volume of 1 GiB: {} there, {} at the other site".format(*became)
    )


HANGS, REFUSES = frozenset({"hangs"}), frozenset({"refused", "reset"})  # nobody answers either way
FRONTENDS = ("frontend-0", "frontend-1")
CASES = (
    Case("a faulty update ruins every record and is replicated", "every record, at both sites", nobody, measure=ruin),
    Case("the storage of the first site is slow", "2 requests a second: 500 ms each", nobody, measure=slow_down),
    Case("the storage of the first site is full", "not 1 GiB more, there", nobody, holds_s=0.0, look=room),
    Case("the API of the first site falls silent", "6 endpoints hang", lambda b: b.of(b.first, SERVICES), HANGS),
    Case(
        "the API of the first site answers with errors",
        "5xx for who should be told 401",
        lambda b: b.of(b.first, ["identity"]),
        REFUSES,
        killed=1,
        look=codes,
    ),
    *(
        Case(
            f"the {service} service of the first site is killed",
            "its endpoint alone refuses",
            lambda b, service=service: b.of(b.first, [service]),  # type: ignore[misc]
            REFUSES,
            killed=1,
        )
        for service in SERVICES
    ),
    Case(
        "the VNF's database at the first site hangs for 3 s",
        "silent for 3 s",
        lambda b: b.of(b.first, ["database-0"]),
        HANGS | {"no connection"},  # a machine that is paused answers no handshake
        beside=lambda b: b.of(b.first, FRONTENDS),
        timed=True,
    ),
    Case(
        "the VNF's database at the second site is killed and starts again",
        "its processes end and start anew",
        lambda b: b.of(b.second, ["database-0"]),
        killed=1,
        holds_s=0.0,
        beside=lambda b: b.of(b.second, FRONTENDS),
        timed=True,
    ),
    Case(LOSS, "6 endpoints, 3 guests and 10 processes at once", lambda b: b.of(b.first), killed=10),
)


def main() -> None:
    """Inject and heal every fault; print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--times", type=int, default=3, help="how often each fault is injected")
    options.add_argument("--lab", default="bench-site-faults", help="name of the lab to start")
    options.add_argument("--only", default="", help="faults whose sentence holds this")
    given = options.parse_args()
    with running_bench(given.lab) as ready:
        mode = ready.lab.status().mode.partition(" ")[0]
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, lab in {mode} mode\n")
        print("| sentence | asked for | measured | bites | heals | bystanders |\n|---|---|---|---|---|---|")
        for case in CASES:
            if given.only in case.sentence:
                print(row(case, ready, given.times), flush=True)
        print(f"\nload {os.getloadavg()[0]:.1f} at the end")


def row(case: Case, ready: Bench, times: int) -> str:
    """The same a few times."""
    try:
        rounds = [case.measure(ready, case.sentence) if case.measure else strike(case, ready) for _ in range(times)]
    except NotPossibleHere as error:
        return f"| {case.sentence} | {case.asked} | not possible here: {error} | | | |"
    measured = list(dict.fromkeys(one.facts for one in rounds))
    for name, (_, unit) in rounds[0].figures.items():
        values = [one.figures[name][0] for one in rounds]
        measured.append(f"{name} {statistics.median(values):.2f} {unit} ({max(values):.2f})")
    verdicts = " | ".join(yes([getattr(one, kind) for one in rounds]) for kind in ("bites", "heals", "bystanders"))
    return f"| {case.sentence} | {case.asked} | {'; '.join(measured)} | {verdicts} |"


def yes(seen: Sequence[Observation]) -> str:
    """How often it was so, why it was not, and how many questions say so."""
    wrong = [one.detail for one in seen if not one.ok]
    asked = sum(one.observed.get("asked", 0) for one in seen)
    words = f"{len(seen) - len(wrong)} of {len(seen)}"
    return f"{words}: NO: {wrong[0]}" if wrong else words + (f", {asked:,} questions answered" if asked else "")


if __name__ == "__main__":
    main()
