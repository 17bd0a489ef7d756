"""How long it takes to judge a record from its files, and how much memory: data loss, and registers beside Porcupine.

    python benchmarks/judging.py [--operations N] [--registers N] [--porcupine]

Every figure is of a process of its own that loads the scenario's folder and judges it; times are CPU seconds (and wall
seconds), for the machine is shared. ``--porcupine`` builds and runs the peer in benchmarks/porcupine with Go, on the
same histories. Sizes are the full one, a tenth and a hundredth of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

CLIENTS = 20
COLUMNS = "import | load | judge | CPU together | wall together | memory | verdict |"
PAGE = 1000
LOSS_NS = 5_000_000_000_000
"""When the first site is lost in the records that tests/builders.py makes."""


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operations", type=int, default=1_000_000, help="writes to judge for loss")
    parser.add_argument("--registers", type=int, default=100_000, help="operations on registers, 100 for each")
    parser.add_argument("--porcupine", action="store_true", help="compare with Porcupine (needs Go)")
    parser.add_argument("--child", nargs=2, metavar=("CHECK", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(judged_here(*options.child)))
        return
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory(prefix="judging-") as scratch:
        table(f"| writes | file | {COLUMNS}")
        for part in (100, 10, 1):
            n = options.operations // part
            folder = write_history(Path(scratch) / f"writes-{n}", n)
            size = (folder / "history.jsonl").stat().st_size
            print(f"| {n:,} | {size / 1e6:.0f} MB | {row(judged('acknowledged-writes', folder))}", flush=True)
            shutil.rmtree(folder)
        peer = build_porcupine(Path(scratch)) if options.porcupine else None
        table(f"| operations | registers | {COLUMNS}{' Porcupine: load | search | ours ÷ its |' if peer else ''}")
        for part in (100, 10, 1):
            n = options.registers // part
            keys = max(1, n // 100)
            folder = write_registers(Path(scratch) / f"registers-{n}", n, keys)
            ours = judged("linearizability", folder)
            print(f"| {n:,} | {keys:,} | {row(ours)}{beside(peer, folder, ours) if peer else ''}", flush=True)


def table(head: str) -> None:
    """Begin a table."""
    print(f"\n{head}\n|{'---|' * (head.count('|') - 1)}")


def beside(peer: Path, folder: Path, ours: dict[str, Any]) -> str:
    """The columns of the peer on the same history."""
    ran = subprocess.run([peer, folder / "history.jsonl"], check=True, stdout=subprocess.PIPE)
    its = json.loads(ran.stdout)
    assert its["found"] == "Ok", its
    return f" {its['load_s']:.2f} s | {its['search_s']:.2f} s | {ours['judge'] / its['search_s']:.2f} |"


def judged(check: str, folder: Path) -> dict[str, Any]:
    """The figures of a process that judges a folder."""
    command = [sys.executable, __file__, "--child", check, str(folder)]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    assert isinstance(found, dict)
    return found


def judged_here(check: str, folder: str) -> dict[str, Any]:
    """Load and judge in this process. The interpreter's own start counts as import."""
    begun = time.time() - (time.perf_counter() - STARTED)
    from conformance.checkers.registry import judge
    from conformance.records import load_scenario

    imported = time.process_time()
    record = load_scenario(Path(folder))
    loaded = time.process_time()
    verdict = judge(check, record)
    done = time.process_time()
    return {
        "import": imported,
        "load": loaded - imported,
        "judge": done - loaded,
        "cpu": done,
        "wall": time.time() - begun,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "verdict": verdict.status,
        "reason": verdict.reason,
    }


def row(found: dict[str, Any]) -> str:
    """The columns of one measurement."""
    assert found["verdict"] == "pass", found["reason"]
    seconds = " | ".join(f"{found[name]:.2f} s" for name in ("import", "load", "judge", "cpu", "wall"))
    return f"{seconds} | {found['memory']:.0f} MB | {found['verdict']} |"


def write_history(folder: Path, writes: int) -> Path:
    """A folder with so many acknowledged writes of CLIENTS clients, two thirds of them before the loss, and a final
    read that finds all of them."""
    from builders import clean, write_folder

    write_folder(replace(clean(), history=(), inventories={}), folder, {})
    before, step = writes * 2 // 3, 1000
    t = LOSS_NS - step * 2 * before - 1_000_000
    with (folder / "history.jsonl").open("w", encoding="utf-8") as file:
        for first in range(0, writes, CLIENTS):
            if first <= before < first + CLIENTS:
                t = LOSS_NS + 2_000_000_000
            site = "site-a" if first < before else "site-b"
            ids = range(first, min(first + CLIENTS, writes))
            for i in ids:
                t += step
                asked = {"i": i, "p": i % CLIENTS, "type": "invoke", "f": "write", "key": key(i), "value": value(i)}
                file.write(dumps(asked | {"t": t, "site": site}))
            for i in ids:
                t += step
                file.write(dumps({"i": i, "p": i % CLIENTS, "type": "ok", "t": t, "error": None}))
        for i, first in enumerate(range(0, writes, PAGE), writes):
            asked = {"i": i, "p": CLIENTS, "type": "invoke", "f": "scan", "key": str(first) if first else None}
            file.write(dumps(asked | {"value": None, "t": t + step, "site": "site-b", "final": True}))
            t += 2 * step
            items = [[key(n), value(n)] for n in range(first, min(first + PAGE, writes))]
            told = {"i": i, "p": CLIENTS, "type": "ok", "t": t, "error": None, "items": items, "final": True}
            file.write(dumps(told | {"complete": first + PAGE >= writes}))
    return folder


def write_registers(folder: Path, operations: int, keys: int) -> Path:
    """A folder with operations on registers that are one copy: half of them before the loss, 1 % of unknown outcome."""
    from builders import write_folder
    from register_histories import START, scenario, simulated

    ops = simulated(3, operations=operations, keys=keys, clients=CLIENTS)
    middle = ops[len(ops) // 2].invoked
    begin, gap = LOSS_NS - (middle - START) - 1_000_000_000, 3_000_000_000
    moved = []
    for op in ops:
        assert op.completed is not None
        shift = begin - START + (gap if op.invoked >= middle else 0)
        end = op.completed + begin - START + (gap if op.completed >= middle else 0)
        moved.append(replace(op, invoked=op.invoked + shift, completed=end))
    write_folder(replace(scenario(moved), inventories={}), folder, {})
    return folder


def build_porcupine(scratch: Path) -> Path:
    """The peer's program."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    program = scratch / "porcupine"
    subprocess.run([go, "build", "-o", program, "."], cwd=HERE / "porcupine", check=True)
    return program


def key(n: int) -> str:
    """As the workload names them."""
    return f"w{n % CLIENTS}-{n // CLIENTS:06d}"


def value(n: int) -> str:
    """32 hexadecimal digits, as the workload writes them."""
    return f"{(n + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032x}"


def dumps(line: dict[str, Any]) -> str:
    """One line of a history."""
    return json.dumps(line, separators=(",", ":")) + "\n"


STARTED = time.perf_counter()

if __name__ == "__main__":
    main()
