"""How long a VNF takes to be deployed at one site of the lab and removed again, and which service it waits for.

    python benchmarks/deploying.py [--times 6] [--vnf subscriber-db-sync]

On a lab of its own, one deployment after the other; the first is not counted, for it fills the services' caches. CPU
seconds are those of the site's services. Each is one Python process, which one core is the limit of: a service at
100 % is all that is waited for.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from conformance.lab import Lab, processes
from conformance.sites import Site, load_sites, sweep
from conformance.vnf import Blueprint, Deployment, await_ready, begin, load_blueprint

BUSY = 0.05
"""Services that take less of the time are left out."""


@dataclass(frozen=True)
class Cost:
    """Of one step: seconds that passed, and CPU seconds by service."""

    seconds: float
    cpu: dict[str, float]


def main() -> None:
    """Measure and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--times", type=int, default=6)
    options.add_argument("--vnf", default="subscriber-db-sync")
    options.add_argument("--lab", default="bench-deploying", help="name of the lab to start")
    given = options.parse_args()
    lab = Lab(given.lab)
    try:
        lab.enter()
        lab.up()
        sites = load_sites(lab.sites_yaml)
        here = next(site for site in lab._sites(lab._existing()) if site.name == sites.sites[0].name)
        print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
        measured = [
            deploy_and_remove(sites.sites[0], load_blueprint(given.vnf), f"bench-{n}", processes.services(here))
            for n in range(given.times + 1)
        ]
        sites.close()
    finally:
        lab.down()
    print("| step | seconds, median | (least to most) | CPU of the services, as a share of the time |")
    print("|---|---|---|---|")
    for step in measured[0]:
        print(row(step, [one[step] for one in measured[1:]]))


def deploy_and_remove(
    site: Site, blueprint: Blueprint, run: str, services: dict[str, psutil.Process]
) -> dict[str, Cost]:
    """The cost of each step, and of all together."""
    made: list[Deployment] = []
    steps: dict[str, Callable[[], object]] = {
        "asking for everything": lambda: made.append(begin(site, blueprint, run)),
        "waiting for the guests": lambda: await_ready(site, made[0]),
        "removing everything": lambda: sweep(site, run),
    }
    found = {step: cost_of(action, services) for step, action in steps.items()}
    cpu: defaultdict[str, float] = defaultdict(float)
    for one in found.values():
        for name, seconds in one.cpu.items():
            cpu[name] += seconds
    return found | {"together": Cost(sum(one.seconds for one in found.values()), cpu)}


def cost_of(action: Callable[[], object], services: dict[str, psutil.Process]) -> Cost:
    """What one step costs."""
    before, began = used(services), time.monotonic()
    action()
    seconds = time.monotonic() - began
    return Cost(seconds, {name: after - before[name] for name, after in used(services).items()})


def used(services: dict[str, psutil.Process]) -> dict[str, float]:
    """CPU seconds of each service until now."""
    times = {name: process.cpu_times() for name, process in services.items()}
    return {name: one.user + one.system for name, one in times.items()}


def row(step: str, costs: list[Cost]) -> str:
    """One line of the table."""
    seconds = sorted(cost.seconds for cost in costs)
    shares = {
        name: sum(cost.cpu[name] for cost in costs) / sum(cost.seconds for cost in costs) for name in costs[0].cpu
    }
    told = ", ".join(
        f"{name} {share:.0%}" for name, share in sorted(shares.items(), key=lambda s: -s[1]) if share > BUSY
    )
    return f"| {step} | {statistics.median(seconds):.2f} | ({seconds[0]:.2f} to {seconds[-1]:.2f}) | {told} |"


if __name__ == "__main__":
    main()
