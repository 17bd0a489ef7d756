"""The calibration study with the noise of a real service: blocks that a run on the lab recorded, not simulated ones.

    python benchmarks/lab_calibration.py [--record RUN] [--lab NAME] [--rounds N] [--studies N]     (12 minutes)
    python benchmarks/lab_calibration.py RUN/scenarios/01-the-service-with-and-without-replication [--studies N]

The first measures on the lab and studies what it recorded; the second studies a record that is there. Neighbouring
blocks of the *same* arm differ by nothing but noise. Studies are drawn from such pairs (whole rounds, so that the four
metrics keep hanging together, with a drawn sign), planned and judged as the product does it: without a slowdown, and
with one of five points more than the margin. Rounds that other programs disturbed are left out, as the product does,
and the study with them is shown beside.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import yaml
from calibration import METRICS, judged, planned

from conformance.checkers.blocks import Block, Round, blocks_of, judged_rounds, read_blocks, whole_rounds
from conformance.checkers.measuring import Measurement, measure
from conformance.model import ScenarioRecord
from conformance.records import load_scenario
from conformance.statistics.bootstrap import Array
from conformance.statistics.latency import PERCENTILES
from conformance.statistics.noninferiority import log_margin
from conformance.statistics.schedule import ARMS

FEATURE = "features/geo_redundancy/no_degradation.feature"
CAPS = (24, 120)


def main() -> None:
    """Record if there is no record yet, read it, draw the studies, print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("scenario", type=Path, nargs="?", help="folder of a scenario with blocks")
    options.add_argument("--record", type=Path, default=Path("reports/lab-calibration"), help="folder for the new run")
    options.add_argument("--lab", default="default", help="which lab to measure on")
    options.add_argument("--rounds", type=int, default=16, help="rounds to record")
    options.add_argument("--studies", type=int, default=2000)
    options.add_argument("--margin", type=float, default=0.10)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    folder = given.scenario or recorded(given.record, given.lab, given.rounds)
    record = load_scenario(folder)
    whole = whole_rounds(read_blocks(record))
    kept = judged_rounds(whole)
    shares = [b.other_cpu for b in blocks_of(whole) if b.other_cpu is not None]
    others = f", which had {np.median(shares):.0%} of the CPU (median of blocks)" if shares else ""
    print(f"{len(whole)} rounds, {len(whole) - len(kept)} left out for other programs{others}.\n")
    for name, rounds in {"judged rounds": kept, "all rounds": whole}.items():
        if rounds is kept or len(kept) < len(whole):
            study(name, noise_pairs(record, rounds), given)


def recorded(run: Path, lab: str, rounds: int) -> Path:
    """Measure on the lab, with the product: its fullest profile, and so many rounds. The folder of the scenario."""
    root = Path(__file__).parent.parent
    profile = yaml.safe_load((root / "fixtures/profiles/full.yaml").read_text(encoding="utf-8"))
    profile |= {"features": ["geo_redundancy"], "clouds": 2}
    profile["blocks"] |= {"pilot_rounds": rounds, "max_rounds": rounds}
    with tempfile.TemporaryDirectory(prefix="lab-calibration-") as scratch:
        file = Path(scratch) / "calibration.yaml"
        file.write_text(yaml.safe_dump(profile), encoding="utf-8")
        words = ["run", "--profile", str(file), "--lab", lab, "--out", str(run), str(root / FEATURE)]
        # Whatever the verdict: it is the record that is wanted.
        subprocess.run([sys.executable, "-m", "conformance", *words], check=False)
    [scenario] = (run / "scenarios").iterdir()
    return scenario


def study(name: str, pairs: Array, given: argparse.Namespace) -> None:
    """Print what the product would say of studies with such noise."""
    spread = ", ".join(f"{sd / np.sqrt(2):.1%}" for sd in pairs.std(axis=0, ddof=1))
    print(f"{name}: {len(pairs)} pairs of blocks; noise of a block (throughput, p50, p95, p99): {spread}\n")
    print("| cap | rounds | none: pass | none: fail | +5 points: pass | +5 points: fail |\n|---|---|---|---|---|---|")
    limit, more = log_margin(given.margin), log(1 + given.margin + 0.05)
    rng = np.random.default_rng(given.seed)
    for cap in CAPS:
        ratios = drawn(pairs, given.studies, cap, rng)
        found = judged(ratios, planned(ratios, given.margin, cap), given.margin)
        none, slowed = np.zeros(METRICS), np.full(METRICS, more)
        shares = (found.passed(none, limit), found.failed(none, limit), found.passed(slowed, limit))
        cells = [str(cap), str(int(np.median(found.rounds))), *(f"{s:.1%}" for s in shares)]
        print("| " + " | ".join([*cells, f"{found.failed(slowed, limit):.1%}"]) + " |")
    print()


def noise_pairs(record: ScenarioRecord, rounds: Sequence[Round]) -> Array:
    """The log-ratios of neighbouring blocks of one arm, shape (pairs, METRICS)."""
    blocks = blocks_of(rounds)
    measured = dict(zip(blocks, measure(record, blocks), strict=True))
    found = []
    for arm in ARMS:
        mine: list[Block] = [b for b in blocks if b.arm == arm]
        found += [logs(measured[a]) - logs(measured[b]) for a, b in zip(mine[::2], mine[1::2], strict=False)]
    return np.array(found)


def logs(of: Measurement) -> Array:
    """The logarithms of a block's four metrics, larger where it is slower."""
    if of.latency is None:
        raise SystemExit(f"Block {of.block.n} holds no probes.")
    return np.array([-log(of.throughput), *(log(of.latency.seconds[p]) for p in PERCENTILES)])


def drawn(pairs: Array, studies: int, rounds: int, rng: np.random.Generator) -> Array:
    """Studies of so many rounds, shape (studies, METRICS, rounds)."""
    rows = rng.integers(len(pairs), size=(studies, rounds))
    signs = rng.choice((-1.0, 1.0), size=(studies, rounds, 1))
    return np.moveaxis(pairs[rows] * signs, -1, 1)


if __name__ == "__main__":
    main()
