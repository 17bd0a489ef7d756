"""How long it takes to read a volume's image, to load a record of block writes, and to find the instant of a copy.

    python benchmarks/volumes.py [--largest 100]     # a table in Markdown; 100 is 1 GiB and 100,000 writes

Times are CPU seconds, for the machine is shared; each row is a process of its own, and so is its peak of memory. The
copy lacks the last tenth of the writes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from conformance.block_writes import BLOCK_WRITES_FILE, read_block_writes
from conformance.checkers.registry import judge
from conformance.model import Event, ScenarioInfo, ScenarioRecord, Thresholds, VolumeImage
from conformance.records import read_json
from conformance.storage import read_image

BLOCK = 4096
UNIT_BYTES, UNIT_WRITES = 10 << 20, 1000
SECOND = 1_000_000_000


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=100)
    parser.add_argument("--row", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(options.row)))
        return
    print("| | volume | writes | image read | record loaded | judged | peak memory |")
    print("|---|---|---|---|---|---|---|")
    factor = 1
    while factor <= options.largest:
        command = [sys.executable, __file__, "--row", str(factor)]
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print(
            f"| {factor}× | {factor * UNIT_BYTES >> 20} MiB | {factor * UNIT_WRITES:,} | {row['read_s']:.2f} s | "
            f"{row['load_s']:.2f} s | {row['judge_s']:.2f} s | {row['peak_mib']:.0f} MiB |"
        )
        factor *= 10


def measure(factor: int) -> dict[str, object]:
    """One row; the last word is checked, so that speed is of right answers only."""
    writes = factor * UNIT_WRITES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        read_s = _read(folder / "volume", factor)
        last = _record(folder, factor * UNIT_BYTES // BLOCK, writes)
        began = time.process_time()
        done, problems = read_block_writes(folder / BLOCK_WRITES_FILE)
        images = {s: read_json(folder / f"{s}.json", VolumeImage) for s in ("first-before", "second-after")}
        load_s = time.process_time() - began
    lost = (Event(t=(writes + 1) * SECOND, kind="fault", name="site-loss", state="injected", target="a", ok=True),)
    info = ScenarioInfo("1", "", "", (), (), (), "a", "b", Thresholds())
    record = ScenarioRecord(info, events=lost, volumes=images, block_writes=done, problems=problems, finished=False)
    began = time.process_time()
    verdict = judge("volume-copy", record)
    judge_s = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert verdict.figures["prefix_k"] == last, verdict.reason
    return {"read_s": read_s, "load_s": load_s, "judge_s": judge_s, "peak_mib": peak}


def _read(path: Path, factor: int) -> float:
    """Seconds to read a volume a quarter of which holds data; up to 1 GiB, for the disk is everybody's."""
    size = min(factor, 100) * UNIT_BYTES
    with path.open("wb") as file:
        file.truncate(size)
        for at in range(0, size, 4 << 20):
            file.seek(at)
            file.write(os.urandom(1 << 20))
    began = time.process_time()
    read_image(path, site="a", volume="v")
    took = time.process_time() - began
    path.unlink()
    return took * max(1, factor / 100)


def _digest(seq: int, block: int) -> str:
    return f"{seq:012x}{block % 65536:04x}"


def _record(folder: Path, blocks: int, writes: int) -> int:
    """Write the record of ``writes`` single-block writes to ``folder``; the number of the last one in the copy."""
    rnd = random.Random(1)
    last = writes - writes // 10
    copy: dict[int, str] = {}
    with (folder / BLOCK_WRITES_FILE).open("w") as lines:
        for seq in range(1, writes + 1):
            block, t = rnd.randrange(blocks), seq * SECOND
            digest = _digest(seq, block)
            if seq <= last:
                copy[block] = digest
            invoke = {"seq": seq, "type": "invoke", "volume": "v", "offset": block * BLOCK, "length": BLOCK}
            lines.write(json.dumps(invoke | {"digests": digest, "t": t}) + "\n")
            lines.write(json.dumps({"seq": seq, "type": "ok", "t": t + SECOND // 2}) + "\n")
    size = blocks * BLOCK
    end = (writes + 2) * SECOND
    ordered = sorted(copy.items())
    after = VolumeImage(
        "b", "v", BLOCK, size, end, end, tuple((b, 1) for b, _ in ordered), "".join(d for _, d in ordered)
    )
    (folder / "first-before.json").write_text(json.dumps(asdict(VolumeImage("a", "v", BLOCK, size, 0, 0, (), ""))))
    (folder / "second-after.json").write_text(json.dumps(asdict(after)))
    return last


if __name__ == "__main__":
    main()
