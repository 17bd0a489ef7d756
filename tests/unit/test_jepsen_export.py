"""Histories exported to Jepsen's EDN, read back by somebody else's reader."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import edn_format
import pytest
from builders import clean
from hypothesis import given
from hypothesis import strategies as st
from register_histories import scenario, simulated, told

from conformance.errors import UsageError
from conformance.jepsen import Keyword, edn, history_edn
from conformance.model import Operation, Outcome, ScenarioRecord
from conformance.resources import fixtures_dir

HISTORIES = fixtures_dir() / "histories"


def plain(value: Any) -> Any:
    """What edn_format read, as plain Python: keywords as ``:name``."""
    if isinstance(value, edn_format.Keyword):
        return f":{value.name}"
    if isinstance(value, (edn_format.ImmutableList, list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (edn_format.ImmutableDict, dict)):
        return {plain(key): plain(each) for key, each in value.items()}
    return value


def exported(record: ScenarioRecord, part: str = "all") -> list[dict[str, Any]]:
    return [plain(edn_format.loads(line)) for line in history_edn(record, part)]


def operations_of(lines: list[dict[str, Any]], processes: int) -> list[tuple[Any, ...]]:
    """Joined again, as the other side does it: (process, f, outcome, when, value asked, value told)."""
    under_way: dict[int, dict[str, Any]] = {}
    found = []
    crashed = set()
    for line in lines:
        process = line[":process"]
        if process == ":nemesis":
            continue
        if line[":type"] == ":invoke":
            assert process not in under_way, "a process does one thing at a time"
            assert process not in crashed, "in Jepsen a process ends with an unknown outcome"
            under_way[process] = line
            continue
        asked = under_way.pop(process)
        if line[":type"] == ":info":
            crashed.add(process)
        found.append((process % processes, asked[":f"], line[":type"], asked[":time"], line[":time"], line[":value"]))
    found += [(p % processes, a[":f"], ":info", a[":time"], None, a[":value"]) for p, a in under_way.items()]
    return sorted(found, key=lambda op: (op[3], op[0]))


def as_exported(op: Operation, begin: int) -> tuple[Any, ...]:
    names = {"get": ":read", "put": ":write", "cas": ":cas"}
    value = json.loads(op.value or "") if op.f == "cas" else op.value
    ended = None if op.completed is None else op.completed - begin
    return (op.process, names[op.f], f":{op.outcome}", op.invoked - begin, ended, [op.key, value])


def test_registers_come_back_as_they_were_through_a_foreign_reader() -> None:
    ops = simulated(5, operations=500, keys=7, clients=9, unknown=0.1)
    lines = exported(scenario(ops), "registers")
    assert [line[":index"] for line in lines] == list(range(len(lines)))
    assert [line[":time"] for line in lines] == sorted(line[":time"] for line in lines)
    begin = min(op.invoked for op in ops)
    assert operations_of(lines, 9) == [as_exported(op, begin) for op in ops]


def test_a_process_goes_on_under_another_number_after_an_unknown_outcome() -> None:
    ops = told("0 put r1 a -3 -2 info\n 0 put r1 b -1 -0.9 info\n 0 get r1 b 2 2.1\n 1 get r1 b 2 2.1\n 1 get r1 - 3 ?")
    lines = exported(scenario(ops), "registers")
    mine = [line[":process"] for line in lines if line[":process"] != ":nemesis" and line[":type"] == ":invoke"]
    assert sorted(mine) == [0, 1, 1, 2, 4]


def test_records_are_a_set_that_is_added_to_and_read() -> None:
    record = clean()
    lines = exported(record, "records")
    adds = {line[":value"] for line in lines if line[":f"] == ":add" and line[":type"] == ":ok"}
    read = {key for line in lines if line[":f"] == ":read" and line[":type"] == ":ok" for key in line[":value"]}
    assert adds == {op.key for op in record.history if op.f == "write" and op.outcome is Outcome.OK}
    assert read == {key for op in record.history for key, _ in op.items}


def test_everything_is_exported_under_its_own_name_with_the_faults() -> None:
    record = clean()
    lines = exported(record)
    clients = [line for line in lines if line[":process"] != ":nemesis"]
    assert {line[":f"] for line in clients} == {":write", ":open-session", ":use-session", ":scan"}
    faults = [(line[":f"], line[":value"]) for line in lines if line[":process"] == ":nemesis"]
    assert [":site-loss", [":injected", "site-a"]] in [list(fault) for fault in faults]
    assert len(clients) == sum(1 if op.completed is None else 2 for op in record.history)


def test_a_part_that_is_empty_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="holds no operations on registers"):
        list(history_edn(clean(), "registers"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
        max_leaves=20,
    )
)
def test_any_plain_value_is_read_back_as_it_was(value: Any) -> None:
    assert plain(edn_format.loads(edn(value))) == value


def test_keywords_are_keywords() -> None:
    assert edn({Keyword("type"): Keyword("ok")}) == "{:type :ok}"


def multisite_ha(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", "export", "--format", "edn", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_writes_a_file_that_can_be_read(tmp_path: Path) -> None:
    out = tmp_path / "history.edn"
    done = multisite_ha(str(HISTORIES / "good" / "registers-one-copy"), "--part", "registers", "--out", str(out))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(out), "")
    lines = [plain(edn_format.loads(line)) for line in io.StringIO(out.read_text())]
    assert {line[":f"] for line in lines if line[":process"] != ":nemesis"} == {":read", ":write", ":cas"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 64, "Is its folder a run folder?"),
        ([str(HISTORIES / "good" / "clean"), "--part", "registers"], 64, "holds no operations on registers"),
        ([str(HISTORIES / "bad" / "corrupt-line")], 3, "cannot be read in full, so it is not exported"),
        ([str(HISTORIES / "good" / "clean"), "--out", "/proc/nowhere/x.edn"], 64, "Cannot write /proc/nowhere/x.edn"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(arguments: list[str], code: int, said: str) -> None:
    done = multisite_ha(*arguments)
    assert (done.returncode, said in done.stderr, done.stdout) == (code, True, ""), done.stderr
