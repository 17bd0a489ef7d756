"""How long the lab takes to start, and how much memory it needs.

    python benchmarks/lab_start.py [--keep-downloads] [--repeat N]

Cold: empty caches, the packages are downloaded, the environment and the databases are built. Warm: from the caches.
Everything happens in a temporary directory, in a lab of its own beside any other; nothing of the user's is touched.
Figures are for comparison on one quiet machine; the load at the beginning is printed because it decides.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from conformance.lab import Lab

MIB = 1 << 20


def timed(action: Callable[[], object]) -> float:
    """Seconds that ``action`` takes."""
    started = time.monotonic()
    action()
    return round(time.monotonic() - started, 2)


def main() -> None:
    """Measure and print one JSON document on stdout, progress on stderr."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--keep-downloads", action="store_true", help="use the user's download cache: no network in 'cold'"
    )
    parser.add_argument("--repeat", type=int, default=3, help="how many warm starts (default 3)")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="lab-start-") as scratch:
        Path(scratch).chmod(0o755)
        os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
        os.environ["XDG_STATE_HOME"] = f"{scratch}/state"
        if not options.keep_downloads:
            os.environ["UV_CACHE_DIR"] = f"{scratch}/downloads"
        started = time.monotonic()
        lab = Lab(
            "benchmark", progress=lambda line: print(f"{time.monotonic() - started:6.1f}  {line}", file=sys.stderr)
        )
        try:
            figures = measure(lab, options.repeat)
        finally:
            lab.down()
    print(
        json.dumps(
            {"machine": f"{os.cpu_count()} cores, {platform.platform()}", "load before": load, **figures}, indent=1
        )
    )


def measure(lab: Lab, repeat: int) -> dict[str, object]:
    """Seconds of each operation (medians of ``repeat`` for all but the cold start) and memory in MiB."""
    cold = timed(lab.up)
    status = lab.status()
    memory = {
        "all": status.memory // MIB,
        **{service.name: service.memory // MIB for service in status.sites[0].services},
    }
    again = [timed(lab.up) for _ in range(repeat)]
    downs, warms, kills, starts = [], [], [], []
    for _ in range(repeat):
        downs.append(timed(lab.down))
        warms.append(timed(lab.up))
        kills.append(timed(lambda: lab.kill_site("site-a")))
        starts.append(timed(lambda: lab.start_site("site-a")))
    return {
        "cold up, s": cold,
        "warm up, s": statistics.median(warms),
        "up of a running lab, s": statistics.median(again),
        "kill site, s": statistics.median(kills),
        "start site, s": statistics.median(starts),
        "down, s": statistics.median(downs),
        "memory after cold up, MiB (proportional share, services of one site)": memory,
    }


if __name__ == "__main__":
    main()
