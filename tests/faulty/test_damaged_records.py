"""Whatever became of the files of a record: it is loaded and judged without a crash, what is amiss is said with file
and line, and nothing is a pass where something is."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from builders import A, B, at, clean, history, info, probes, write_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from register_histories import told

from conformance.checkers.registry import CHECKS, judge
from conformance.errors import HarnessError
from conformance.model import Holding, Reach, Reachability, ScenarioRecord, Status
from conformance.records import load_scenario

REGISTERS = """
    7 put r1 a -1 -0.9
    8 cas r1 a>b -0.5 -0.4
    7 get r1 b 2 2.1
    8 put r1 c -0.01 ?"""
WRITTEN_LINE_BY_LINE = ("history.jsonl", "probes.jsonl", "probes/api.jsonl", "events.jsonl", "holders.jsonl")


def record() -> ScenarioRecord:
    """A small one with something of every kind."""
    everything = clean(history=(*history(before=8, after=4), *told(REGISTERS)), probes=probes(interval=0.5, took=0.002))
    ops = sorted(everything.history, key=lambda op: (op.invoked, op.process))
    reach = Reach("frontend-0", "database-0", "oam", "tcp", 5432, True)
    return replace(
        everything,
        info=info(then=tuple(check.phrase for check in CHECKS.values())),
        history=tuple(replace(op, id=n) for n, op in enumerate(ops)),
        planes={"api": probes(interval=0.5)},
        reachability={"first-before": Reachability(A, at(-3), at(-2), (reach,))},
        holders=tuple(Holding(at(n), at(n + 0.1), "database", A if n < 0 else B, n != 1) for n in range(-3, 4)),
    )


@cache
def files() -> dict[str, bytes]:
    """The record's files, by their names in the folder."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "scenario"
        write_folder(record(), folder, {})
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def stored(changes: dict[str, bytes]) -> Iterator[Path]:
    """The folder with some files changed."""
    folder = Path(tempfile.mkdtemp())
    try:
        for name, content in {**files(), **changes}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield folder
    finally:
        shutil.rmtree(folder)


RUBBISH = [b"\0", b"\xff\xfe", b"9" * 5000, b"[" * 5000, b'{"a":' * 5000, b"\n", b"\r\n", b"-", b'"', b"1e400"]


def flipped(content: bytes, draw: st.DrawFn) -> bytes:
    place = draw(st.integers(0, len(content) - 1))
    return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]


def inserted(content: bytes, draw: st.DrawFn) -> bytes:
    place = draw(st.integers(0, len(content)))
    what = [
        b"\0",
        b"\xff\xfe",
        b"9" * 400,
        b"9" * 5000,
        b"[" * 5000,
        b'{"a":' * 5000,
        b"\n",
        b"\r\n",
        b"-",
        b'"',
        b"1e400",
    ]
    return content[:place] + draw(st.sampled_from(what)) + content[place:]


def truncated(content: bytes, draw: st.DrawFn) -> bytes:
    return content[: draw(st.integers(0, len(content)))]


def another_number(content: bytes, draw: st.DrawFn) -> bytes:
    numbers = list(re.finditer(rb"\d+", content))
    found = draw(st.sampled_from(numbers)) if numbers else None
    if found is None:
        return content
    new = draw(st.sampled_from([b"0", b"-1", b"1e3", b"1.5", b"9" * 25, b"9" * 400, b"true", b"null", b'"7"', b"NaN"]))
    return content[: found.start()] + new + content[found.end() :]


def reordered(content: bytes, draw: st.DrawFn) -> bytes:
    lines = content.splitlines(keepends=True)
    one, other = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def dropped(content: bytes, draw: st.DrawFn) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[draw(st.integers(0, len(lines) - 1))]
    return b"".join(lines)


def doubled(content: bytes, draw: st.DrawFn) -> bytes:
    lines = content.splitlines(keepends=True)
    lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
    return b"".join(lines)


DAMAGE = (flipped, inserted, truncated, another_number, reordered, dropped, doubled)
FILES = sorted(name for name in files() if name not in ("scenario.json", "outcome.json", "expected.json"))


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, bytes]:
    """One file, damaged once to three times."""
    name = draw(st.sampled_from(FILES))
    content = files()[name]
    for damage in draw(st.lists(st.sampled_from(DAMAGE), min_size=1, max_size=3)):
        if content.strip():
            content = damage(content, draw)
    return {name: content}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(damaged())
def test_damaged_files_are_judged_without_a_crash_and_never_pass_where_a_problem_was_found(
    changes: dict[str, bytes],
) -> None:
    (name,) = changes
    with stored(changes) as folder:
        found = load_scenario(folder)
    for problem in found.problems:
        assert Path(name).name in problem, problem
        assert "\n" not in problem
    for check in CHECKS:
        verdict = judge(check, found)
        assert found.problems or "crashed" not in verdict.reason, (check, verdict.reason)
        assert not found.problems or verdict.status is Status.ERROR, (check, verdict)


def test_the_record_itself_has_no_problem() -> None:
    with stored({}) as folder:
        assert load_scenario(folder).problems == ()


LINES = files()["history.jsonl"].splitlines(keepends=True)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1), st.sampled_from(["drop", "double", "swap"]))
def test_a_line_of_a_history_that_is_gone_doubled_or_elsewhere_is_a_problem(one: int, other: int, what: str) -> None:
    lines = list(LINES)
    if what == "drop":
        last = b'"invoke"' in lines[one] and one >= len(lines) - 2
        answer = b'"invoke"' not in lines[one]
        del lines[one]
        if last or (answer and no_later_operation(one)):
            return  # as if the clients had been killed before it
    elif what == "double":
        lines.insert(other, lines[one])
    else:
        lines[one], lines[other] = lines[other], lines[one]
        if one == other or time_of(lines[one]) == time_of(lines[other]):
            return
    with stored({"history.jsonl": b"".join(lines)}) as folder:
        problems = load_scenario(folder).problems
    assert problems and all(problem.startswith("history.jsonl") for problem in problems)


def time_of(line: bytes) -> int:
    found = re.search(rb'"t":(\d+)', line)
    assert found is not None
    return int(found[1])


def no_later_operation(place: int) -> bool:
    """Whether the process of a line begins nothing after it: then its answer may have been lost with the client."""
    process = re.search(rb'"p":\d+,', LINES[place])
    assert process is not None
    return not any(process[0] in line for line in LINES[place + 1 :])


@pytest.mark.parametrize("name", ["probes.jsonl", "probes/api.jsonl", "events.jsonl", "holders.jsonl"])
def test_a_line_that_is_there_twice_is_a_problem_that_names_it(name: str) -> None:
    lines = files()[name].splitlines(keepends=True)
    with stored({name: b"".join([*lines[:3], lines[1], *lines[3:]])}) as folder:
        (problem,) = load_scenario(folder).problems
    assert problem.startswith(f"{Path(name).name} line 4: ")


@pytest.mark.parametrize("name", WRITTEN_LINE_BY_LINE)
@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"\0", b"[" * 100_000, b'{"t":' * 100_000, b"9" * 6000, b"", b"null", b"[]", b'"', b"{}"]
)
def test_a_line_of_rubbish_is_a_problem_that_names_it(name: str, line: bytes) -> None:
    lines = files()[name].splitlines(keepends=True)
    with stored({name: b"".join([*lines[:2], line + b"\n", *lines[2:]])}) as folder:
        problems = load_scenario(folder).problems
    assert len(problems) == 1 and problems[0].startswith(f"{Path(name).name} line 3: ")
    assert len(problems[0]) < 500


@pytest.mark.parametrize("name", WRITTEN_LINE_BY_LINE)
def test_a_last_line_that_a_kill_cut_is_no_problem(name: str) -> None:
    with stored({name: files()[name] + b'{"i": 1'}) as folder:
        assert load_scenario(folder).problems == ()


@pytest.mark.parametrize("name", ["inventory/first-before.json", "reachability/first-before.json"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"null", b"[]", b"[" * 100_000, b'{"site": ' + b"9" * 6000 + b"}"]
)
def test_a_damaged_document_is_a_problem_that_names_it(name: str, content: bytes) -> None:
    with stored({name: content}) as folder:
        problems = load_scenario(folder).problems
    assert len(problems) == 1 and name in problems[0] and len(problems[0]) < 500


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (b"127.11.1.0/24", b"127.11.1.0/240", "subnet oam-subnet has '127.11.1.0/240' where the prefix of a network"),
        (b'"127.11.1.10"', b'"127.11.1.10O"', "port database-0-oam has '127.11.1.10O' where an address should be"),
        (b"site-a:frontend-1-oam", b"site-a:frontend-0-oam", "port site-a:frontend-0-oam is there 2 times"),
    ],
)
def test_an_inventory_that_cannot_be_is_a_problem_that_says_why(was: bytes, now: bytes, said: str) -> None:
    name = "inventory/first-before.json"
    with stored({name: files()[name].replace(was, now)}) as folder:
        problems = load_scenario(folder).problems
    assert f"{name}: {said}" in problems[0]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"null", b"[" * 100_000, b'{"id": 7}'])
def test_a_damaged_plan_is_one_sentence(content: bytes) -> None:
    with (
        stored({"scenario.json": content}) as folder,
        pytest.raises(HarnessError, match=r"scenario\.json is damaged at"),
    ):
        load_scenario(folder)


@pytest.mark.parametrize("name", WRITTEN_LINE_BY_LINE)
def test_a_folder_where_a_file_should_be_is_one_sentence(name: str) -> None:
    with stored({}) as folder:
        (folder / name).unlink()
        (folder / name).mkdir()
        with pytest.raises(HarnessError, match="Cannot read .*Is a directory"):
            load_scenario(folder)
