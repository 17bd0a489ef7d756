"""Our check of registers and our EDN export against Knossos, which is what Jepsen judges with: do both say the same?

    python benchmarks/knossos/compare.py --classpath CLASSPATH [--histories N] [--operations N] [--registers N]

CLASSPATH must hold Clojure and Knossos, for instance what ``lein classpath`` prints in a checkout of Knossos
(github.com/jepsen-io/knossos). Histories of registers that are one copy are simulated; in the second half of them some
reads are told another value of their register, which breaks some registers and not others. Each history goes out
through the export, Knossos judges every register of it, and so do we.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tests"))
from register_histories import scenario, simulated

from conformance.checkers.linearizing import Found, linearize
from conformance.checkers.registers import accesses, that_matter
from conformance.jepsen import history_edn
from conformance.model import Operation, Outcome

CLIENTS = 5
STEPS = 20_000_000
SAYS = {Found.ORDER: "true", Found.NO_ORDER: "false", Found.GAVE_UP: ":unknown"}


def main() -> None:
    """Judge every history twice and print where they agree."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--classpath", required=True)
    options.add_argument("--histories", type=int, default=10)
    options.add_argument("--operations", type=int, default=600)
    options.add_argument("--registers", type=int, default=30)
    given = options.parse_args()
    print(
        "| history | operations | registers | bad for us | bad for Knossos | the same | we | Knossos, with its start |"
    )
    print("|---|---:|---:|---:|---:|---|---:|---:|")
    differing = 0
    for seed in range(given.histories):
        ops = simulated(seed, operations=given.operations, keys=given.registers, clients=CLIENTS)
        planted = seed >= given.histories // 2
        ops = misread(ops, seed) if planted else ops
        begun = time.perf_counter()
        ours = judged_here(ops)
        middle = time.perf_counter()
        its = judged_by_knossos(ops, given.classpath)
        spent = f"{middle - begun:.2f} s | {time.perf_counter() - middle:.1f} s"
        differing += ours != its
        bad = " | ".join(str(sum(said == "false" for said in found.values())) for found in (ours, its))
        kind = "reads changed" if planted else "one copy"
        same = "yes" if ours == its else f"no: {sorted(ours.items() ^ its.items())}"
        print(f"| {seed}, {kind} | {len(ops)} | {len(ours)} | {bad} | {same} | {spent} |", flush=True)
    raise SystemExit(differing and f"{differing} histories were judged differently.")


def misread(ops: list[Operation], seed: int) -> list[Operation]:
    """Every twentieth read is told a value that its register was given at some time, or none."""
    chance = random.Random(seed)
    values: dict[str | None, list[str | None]] = {}
    for op in ops:
        if op.f in ("put", "cas") and op.outcome is Outcome.OK and op.value is not None:
            values.setdefault(op.key, [None]).append(op.value if op.f == "put" else json.loads(op.value)[1])
    return [
        replace(op, value=chance.choice(values.get(op.key, [None])))
        if op.f == "get" and op.outcome is Outcome.OK and chance.random() < 0.05
        else op
        for op in ops
    ]


def judged_here(ops: list[Operation]) -> dict[str, str]:
    """What our search says of each register."""
    return {key: SAYS[linearize(that_matter(each), STEPS).found] for key, each in accesses(ops).items()}


def judged_by_knossos(ops: list[Operation], classpath: str) -> dict[str, str]:
    """What Knossos says of each register of the exported history."""
    with tempfile.NamedTemporaryFile("w", suffix=".edn", encoding="utf-8") as file:
        file.writelines(history_edn(scenario(ops), "registers"))
        file.flush()
        script = str(Path(__file__).parent / "judge.clj")
        words = ["java", "-Xmx1g", "-cp", classpath, "clojure.main", script, file.name]
        ran = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return dict(line.split() for line in ran.stdout.splitlines())  # type: ignore[misc]  # two words each


if __name__ == "__main__":
    main()
