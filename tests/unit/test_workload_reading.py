from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conformance.workloads.lines
from conformance.model import Outcome, Probe
from conformance.workloads import WorkloadError, read_history, read_probes
from conformance.workloads.page import Page
from conformance.workloads.recording import HistoryRecorder, ProbeRecorder


def invoke(i: int, p: int, t: int, key: str = "k", **more: Any) -> dict[str, Any]:
    return {"i": i, "p": p, "type": "invoke", "f": "write", "key": key, "value": "v", "t": t, "site": "a"} | more


def told(i: int, p: int, t: int, kind: str = "ok", **more: Any) -> dict[str, Any]:
    return {"i": i, "p": p, "type": kind, "t": t, "error": None} | more


def probe(n: int, ok: bool = True, **more: Any) -> dict[str, Any]:
    due = 1_000 + n * 20_000_000
    return {"n": n, "due": due, "sent": due + 1, "done": due + 2, "ok": ok, "site": "a", "error": None} | more


def file_of(folder: Path, lines: list[Any]) -> Path:
    path = folder / "history.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_what_the_recorder_writes_is_read_back_as_it_was(tmp_path: Path) -> None:
    recorder = HistoryRecorder(tmp_path / "history.jsonl")
    session = recorder.invoke(0, "open-session", "site-a", key="subscriber-0-0")
    recorder.complete(session, 0, Outcome.OK, None, value="token")
    write = recorder.invoke(0, "write", "site-a", key="w0-000000", value="value")
    recorder.complete(write, 0, Outcome.FAIL, "503 read-only")
    scan = recorder.invoke(1, "scan", "site-b", final=True)
    recorder.complete(scan, 1, Outcome.OK, None, items=[["w0-000000", "value"]], complete=True)
    last = recorder.invoke(0, "use-session", "site-b", key="subscriber-0-0", value="token", final=True)

    reading = read_history(tmp_path / "history.jsonl")

    assert reading.problems == () and reading.notes == ()
    opened, written, scanned, unanswered = reading.operations
    assert [o.id for o in reading.operations] == [session, write, scan, last]
    assert (opened.f, opened.process, opened.key, opened.value) == ("open-session", 0, "subscriber-0-0", "token")
    assert (written.outcome, written.error, written.key, written.value, written.site) == (
        Outcome.FAIL, "503 read-only", "w0-000000", "value", "site-a",
    )  # fmt: skip
    assert written.completed is not None and opened.invoked < written.invoked < written.completed
    assert (scanned.items, scanned.final, scanned.complete) == ((("w0-000000", "value"),), True, True)
    assert (unanswered.outcome, unanswered.completed, unanswered.final) == (Outcome.INFO, None, True)


def test_a_record_of_another_workload_is_never_continued(tmp_path: Path) -> None:
    HistoryRecorder(tmp_path / "history.jsonl")
    with pytest.raises(WorkloadError, match="another workload"):
        HistoryRecorder(tmp_path / "history.jsonl")


def test_a_missing_file_is_an_error_and_not_an_empty_history(tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match="history.jsonl"):
        read_history(tmp_path / "history.jsonl")
    with pytest.raises(WorkloadError, match="probes.jsonl"):
        read_probes(tmp_path / "probes.jsonl")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([invoke(0, 0, 1), invoke(0, 1, 2)], "line 2: operation 0 has been invoked before"),
        ([invoke(0, 0, 1), told(0, 0, 2), told(0, 0, 3)], "line 3: operation 0 has been completed before"),
        ([told(0, 0, 2)], "line 1: operation 0 is completed but was never invoked"),
        ([told(0, 0, 2), invoke(0, 0, 3)], "line 1: operation 0 is completed but was never invoked"),
        ([invoke(0, 0, 5), told(0, 0, 4)], "line 2: its time is 1 ns before"),
        ([invoke(0, 0, 1), invoke(1, 0, 2)], "line 2: process 0 begins operation 1 while 0 is under way"),
        ([invoke(0, 0, 1), told(0, 1, 2)], "line 2: operation 0 of process 0 is completed by process 1"),
        (
            [invoke(0, 0, 1), told(0, 0, 2, kind="okay")],
            "line 2: not a line of a history (Invalid enum value 'okay'",
        ),
        ([invoke(0, 0, 1, f="erase")], "line 1: not a line of a history (Invalid enum value 'erase' - at `$.f`)"),
        ([invoke(0, 0, 1, key=None)], "line 1: a write needs a key and a value"),
        ([invoke(0, 0, 1, site=None)], "line 1: an operation needs f and site"),
        ([invoke(0, 0, 1.5)], "line 1: not a line of a history (Expected `int`, got `float` - at `$.t`)"),
        ([invoke(0, 0, 1, f="scan"), told(0, 0, 2)], "line 2: a scan that succeeded needs items"),
        ([{"n": 1}], "line 1: not a line of a history (Object missing required field `i`)"),
        (['{"i":0,"p":0,"ty'], "line 1: not JSON"),
        (["[1]"], "line 1: not one JSON object"),
        ([""], "line 1: not JSON"),
        (['{"i":0}{"i":1}'], "line 1: not JSON (JSON is malformed: trailing characters"),
        ([invoke(0, 0, 1 << 63)], "line 1: not a line of a history (Expected `int` <= 9223372036854775807 - at `$.t`)"),
        ([invoke(0, 0, -1)], "line 1: not a line of a history (Expected `int` >= 0 - at `$.t`)"),
        ([invoke(0, 0, 1, f="get", key=None)], "line 1: a get needs a key"),
        ([invoke(0, 0, 1, f="put", value=None)], "line 1: a put needs a key and a value"),
        ([invoke(0, 0, 1, f="cas", value="new")], "line 1: the value of a cas must be the JSON text of [old, new]"),
        ([invoke(0, 0, 1), told(0, 0, 2, value="x")], "line 2: operation 0 was asked with one value and answered"),
        ([invoke(0, 0, 1, f="scan"), told(0, 0, 2, items=[["k"]])], "line 2: a scan that succeeded needs items, pairs"),
        ([invoke(1, 0, 1), told(1, 0, 2)], "history.jsonl: operation 0 is missing"),
        ([invoke(0, 0, 1), invoke(3, 1, 2)], "history.jsonl: operations 1 to 2 are missing"),
        ([invoke(2, 0, 1), invoke(1, 1, 2), invoke(3, 2, 3)], "history.jsonl: operation 0 is missing"),
        ([invoke(1, 0, 1), invoke(1, 1, 2)], "line 2: operation 1 has been invoked before"),
    ],
)
def test_a_line_that_no_client_wrote_is_a_problem_with_its_number(tmp_path: Path, lines: list[Any], said: str) -> None:
    problems = read_history(file_of(tmp_path, lines)).problems
    assert len(problems) >= 1 and said in problems[0], problems


def test_bytes_that_are_no_text_are_a_problem_of_their_line_only(tmp_path: Path) -> None:
    path = file_of(tmp_path, [invoke(0, 0, 1), told(0, 0, 2)])
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"k"', b'"\xff"') + json.dumps(invoke(1, 1, 3)).encode() + b"\n")
    reading = read_history(path)
    assert len(reading.problems) == 3 and "line 1: not JSON" in reading.problems[0]
    assert reading.problems[2] == "history.jsonl: operation 0 is missing."
    assert [o.id for o in reading.operations] == [1]


def test_other_languages_and_unknown_fields_are_welcome(tmp_path: Path) -> None:
    line = json.dumps(invoke(0, 0, 1, key="clé", colour="blue"), ensure_ascii=False)
    reading = read_history(file_of(tmp_path, [line, told(0, 0, 2)]))
    assert reading.problems == () and reading.operations[0].key == "clé"


def test_numbers_may_come_in_another_order_as_long_as_none_is_missing(tmp_path: Path) -> None:
    lines = [invoke(n, n, 1) for n in (1, 3, 0, 2)]
    assert read_history(file_of(tmp_path, lines)).problems == ()


def test_a_register_is_read_with_the_value_it_answered_and_a_swap_with_both(tmp_path: Path) -> None:
    swap = invoke(1, 0, 3, f="cas", key="r1", value='["a","b"]')
    lines = [invoke(0, 0, 1, f="get", key="r1", value=None), told(0, 0, 2, value="a"), swap, told(1, 0, 4)]
    lines += [invoke(2, 0, 5, f="get", key="r2", value=None), told(2, 0, 6, value=None)]
    reading = read_history(file_of(tmp_path, lines))
    assert reading.problems == ()
    assert [(o.f, o.key, o.value) for o in reading.operations] == [
        ("get", "r1", "a"), ("cas", "r1", '["a","b"]'), ("get", "r2", None),
    ]  # fmt: skip


def test_a_file_of_many_blocks_is_read_as_one_of_a_few_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(tmp_path, [line for n in range(50) for line in (invoke(n, 0, 2 * n), told(n, 0, 2 * n + 1))] + ["{"])
    whole = read_history(path)
    monkeypatch.setattr(conformance.workloads.lines, "BLOCK", 100)
    assert read_history(path) == whole
    assert whole.problems[0].startswith("history.jsonl line 101: not JSON") and len(whole.operations) == 50


def test_a_page_of_records_equals_the_pairs_it_holds() -> None:
    page = Page(msgspec.Raw(b'[["a","1"],["b","2"]]'))
    assert (len(page), list(page), page[1], page[:1]) == (2, [("a", "1"), ("b", "2")], ("b", "2"), [("a", "1")])
    assert page == (("a", "1"), ("b", "2")) and page != (("a", "1"),) and page != [] and hash(page) == hash(tuple(page))


LINES = [
    invoke(0, 0, 1), invoke(1, 1, 2), told(0, 0, 3), told(1, 1, 4, "fail", error="503"), invoke(2, 0, 5),
    told(2, 0, 6), invoke(3, 1, 7), told(3, 1, 8, "info", error="timeout"),
]  # fmt: skip


@given(st.integers(min_value=0, max_value=10_000))
def test_a_history_cut_anywhere_by_a_kill_has_no_problem_and_keeps_every_whole_line(cut: int) -> None:
    whole = "".join(json.dumps(line) + "\n" for line in LINES).encode()
    kept = whole[: cut % (len(whole) + 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        path.write_bytes(kept)
        reading = read_history(path)
    lines = LINES[: kept.count(b"\n")]
    assert reading.problems == ()
    assert bool(reading.notes) == (not kept.endswith(b"\n") and kept != b"")
    assert [o.id for o in reading.operations] == [line["i"] for line in lines if line["type"] == "invoke"]
    completed = {line["i"]: line["type"] for line in lines if line["type"] != "invoke"}
    assert {o.id: o.outcome.value for o in reading.operations if o.completed} == completed
    assert all(o.outcome is Outcome.INFO for o in reading.operations if o.id not in completed)


def test_probes_are_put_in_the_order_they_were_due(tmp_path: Path) -> None:
    recorder = ProbeRecorder(tmp_path / "probes.jsonl")
    late, early = Probe(1, 20, 21, 22, True, "b"), Probe(0, 0, 1, 500, False, None, "timeout")
    recorder.completed(late)
    recorder.completed(early)
    reading = read_probes(tmp_path / "probes.jsonl")
    assert (reading.probes, reading.problems, reading.notes) == ((early, late), (), ())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (probe(1), "line 3: probe 1 has been recorded before"),
        (probe(2, sent=5), "line 3: probe 2 was answered before it was sent"),
        (probe(2, done=5), "line 3: probe 2 was answered before it was sent"),
        (probe(2, ok=1), "line 3: not a line of probes (Expected `bool`, got `int` - at `$.ok`)"),
        (probe(2) | {"n": "2"}, "line 3: not a line of probes (Expected `int`, got `str` - at `$.n`)"),
        ({"n": 2}, "line 3: not a line of probes (Object missing required field `due`)"),
        ("{", "line 3: not JSON"),
    ],
)
def test_a_probe_that_cannot_be_is_a_problem(tmp_path: Path, line: Any, said: str) -> None:
    path = file_of(tmp_path, [probe(0), probe(1), line])
    assert said in read_probes(path).problems[0]


def test_a_tick_left_out_is_a_problem_unless_it_was_under_way_when_the_clients_were_killed(tmp_path: Path) -> None:
    under_way = read_probes(file_of(tmp_path, [probe(0), probe(3)]))
    left_out = read_probes(file_of(tmp_path, [probe(0), probe(3), probe(600)]))
    at_the_start = read_probes(file_of(tmp_path, [probe(2), probe(600)]))
    assert under_way.problems == ()
    assert left_out.problems == ("history.jsonl: probes 1 to 2 are missing.",)
    assert at_the_start.problems == ("history.jsonl: probes 0 to 1 are missing.",)
