"""block-writes.jsonl and images of volumes: what was recorded is read back, and every damage becomes a sentence."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from builders import clean
from hypothesis import given
from hypothesis import strategies as st
from volume_records import ending_with, image, synchronous, writes

from conformance.block_writes import BLOCK_WRITES_FILE, BlockWriteRecorder, read_block_writes
from conformance.checkers.registry import judge
from conformance.model import BlockWrite, Status, VolumeImage
from conformance.model.volume import ZERO
from conformance.records import load_scenario
from conformance.store import write_json, write_volume_image
from conformance.workloads.plan import WorkloadError

D = "0123456789abcdef"


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Three writes: acknowledged, failed, never answered."""
    recorder = BlockWriteRecorder(tmp_path / BLOCK_WRITES_FILE)
    for acknowledged in (True, False, None):
        seq = recorder.invoke("journal", 4096, 8192, D + D)
        if acknowledged is not None:
            recorder.complete(seq, acknowledged)
    return tmp_path / BLOCK_WRITES_FILE


def test_what_was_recorded_is_read_back(recorded: Path) -> None:
    found, problems = read_block_writes(recorded)
    assert problems == ()
    assert [(w.seq, w.acknowledged, w.completed is None) for w in found] == [
        (1, True, False), (2, False, False), (3, False, True),
    ]  # fmt: skip
    assert {(w.volume, w.offset, w.length, w.digests) for w in found} == {("journal", 4096, 8192, D + D)}
    assert all(w.completed is None or w.completed >= w.invoked for w in found)


def test_a_last_line_that_was_cut_counts_as_not_written(recorded: Path) -> None:
    whole = recorded.read_bytes()
    recorded.write_bytes(whole[:-20])
    found, problems = read_block_writes(recorded)
    assert (len(found), problems) == (2, ())


def test_no_file_is_no_write(tmp_path: Path) -> None:
    assert read_block_writes(tmp_path / BLOCK_WRITES_FILE) == ((), ())


def test_a_second_recorder_does_not_write_over_the_first(recorded: Path) -> None:
    with pytest.raises(WorkloadError, match="record of another"):
        BlockWriteRecorder(recorded)


DAMAGES = {
    "not JSON": ("{", "line 2: Expecting"),
    "not an object": ("[1]", "line 2:"),
    "a field is missing": ('{"seq":2,"type":"invoke","t":9}', "line 2: the field 'offset' is missing"),
    "no number": ('{"seq":"2","type":"ok","t":9}', "seq and t must be integers"),
    "an unknown type": ('{"seq":1,"type":"maybe","t":9}', "type is 'maybe', expected invoke, ok or info"),
    "answered before it was begun": ('{"seq":7,"type":"ok","t":9}', "write 7 was never begun"),
    "time goes backwards": ('{"seq":1,"type":"ok","t":1}', "4 ns before that of an earlier line"),
    "begun twice": (
        f'{{"seq":1,"type":"invoke","volume":"v","offset":0,"length":1,"digests":"{D}","t":9}}', "begun before",
    ),
    "half a digest": (
        '{"seq":2,"type":"invoke","volume":"v","offset":0,"length":1,"digests":"0123","t":9}', "4 characters",
    ),
    "a negative offset": (
        f'{{"seq":2,"type":"invoke","volume":"v","offset":-1,"length":1,"digests":"{D}","t":9}}', "at offset -1",
    ),
    "a number that is left out": (
        f'{{"seq":3,"type":"invoke","volume":"v","offset":0,"length":1,"digests":"{D}","t":9}}', "write 2 is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_line_is_a_problem_that_names_it(damage: str, tmp_path: Path) -> None:
    line, words = DAMAGES[damage]
    first = f'{{"seq":1,"type":"invoke","volume":"v","offset":0,"length":1,"digests":"{D}","t":5}}'
    path = tmp_path / BLOCK_WRITES_FILE
    path.write_text(f"{first}\n{line}\n")
    _, problems = read_block_writes(path)
    assert len(problems) == 1 and words in problems[0] and path.name in problems[0]


@given(st.integers(0, 2**32), st.sampled_from(["cut", "swap", "double", "garble", "drop"]))
def test_whatever_happens_to_its_lines_no_damaged_record_passes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, damage: str
) -> None:
    folder = tmp_path_factory.mktemp("record")
    rnd = random.Random(seed)
    whole_record = writes(12)
    rows = _rows(whole_record)
    at = rnd.randrange(len(rows) - 1)
    if damage == "cut":
        rows[at] = rows[at][: rnd.randrange(1, len(rows[at]))]
    elif damage == "swap":
        other = (at + 1 + rnd.randrange(len(rows) - 2)) % len(rows)
        rows[at], rows[other] = rows[other], rows[at]
    elif damage == "double":
        rows.insert(at, rows[at])
    elif damage == "garble":
        where = rnd.randrange(len(rows[at]))
        rows[at] = rows[at][:where] + chr(rnd.randrange(1, 9)) + rows[at][where + 1 :]
    else:
        del rows[at]
    (folder / BLOCK_WRITES_FILE).write_text("".join(row + "\n" for row in rows))
    found, problems = read_block_writes(folder / BLOCK_WRITES_FILE)
    whole = synchronous().record()
    verdict = judge("volume-copy", replace(whole, block_writes=found, problems=problems))
    # Only an answer that is not there at all cannot be told from one that never came.
    unanswered = damage == "drop" and len(found) == len(whole_record) and not problems
    assert unanswered or verdict.status is Status.ERROR, verdict.reason


def _rows(done: tuple[BlockWrite, ...]) -> list[str]:
    rows = []
    for w in done:
        begun = {"seq": w.seq, "type": "invoke", "volume": w.volume, "offset": w.offset, "length": w.length}
        rows.append((w.invoked, json.dumps({**begun, "digests": w.digests, "t": w.invoked})))
        if w.completed is not None:
            rows.append((w.completed, json.dumps({"seq": w.seq, "type": "ok", "t": w.completed})))
    return [row for _, row in sorted(rows)]


def test_a_scenarios_folder_keeps_images_and_writes(tmp_path: Path) -> None:
    record = ending_with(30).record()
    write_json(tmp_path / "scenario.json", asdict(clean().info))
    for name, kept in record.volumes.items():
        write_volume_image(tmp_path, name, kept)
    (tmp_path / BLOCK_WRITES_FILE).write_text("".join(row + "\n" for row in _rows(record.block_writes)))
    loaded = load_scenario(tmp_path)
    assert loaded.problems == ()
    assert (loaded.volumes, loaded.block_writes) == (record.volumes, record.block_writes)


BAD_IMAGES = {
    "runs that overlap": {"runs": ((0, 3), (2, 1)), "digests": D * 4},
    "an empty run": {"runs": ((0, 0),), "digests": ""},
    "runs beyond the end": {"runs": ((15, 2),), "digests": D * 2},
    "a digest too few": {"runs": ((0, 2),), "digests": D},
    "no block size": {"block_size": 0},
    "read backwards": {"ended": 0},
}


@pytest.mark.parametrize("damage", BAD_IMAGES)
def test_an_image_that_contradicts_itself_is_a_problem_and_not_a_crash(damage: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        replace(image({3: D}), **BAD_IMAGES[damage])  # type: ignore[arg-type]
    write_json(tmp_path / "scenario.json", asdict(clean().info))
    write_json(tmp_path / "volumes" / "second-after.json", {**asdict(image({3: D})), **BAD_IMAGES[damage]})
    loaded = load_scenario(tmp_path)
    assert loaded.volumes == {} and "second-after.json is damaged" in loaded.problems[0]


@given(st.dictionaries(st.integers(0, 15), st.sampled_from([D, "f" * 16, ZERO])))
def test_every_block_has_its_digest_however_the_runs_lie(contents: dict[int, str]) -> None:
    made = image(contents)
    assert [made.digest(b) for b in range(16)] == [contents.get(b, ZERO) for b in range(16)]
    for first in range(16):
        for n in range(17 - first):
            assert made.span(first, n) == "".join(contents.get(b, ZERO) for b in range(first, first + n))


def test_a_short_last_block_counts() -> None:
    assert VolumeImage("a", "v", 512, 513, 0, 0, (), "").blocks == 2
