"""What workers, prober and final read do with answers; the service is a script of answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.checkers.linearizing import Found, linearize
from conformance.checkers.registers import accesses
from conformance.model import Operation, Outcome
from conformance.workloads import WorkloadError, WorkloadPlan, read_history, read_probes
from conformance.workloads.final_read import FinalRead
from conformance.workloads.plan import key_of, value_of
from conformance.workloads.probe import Prober
from conformance.workloads.recording import HistoryRecorder, ProbeRecorder
from conformance.workloads.registers import RegisterClient
from conformance.workloads.service import Answer, Endpoint
from conformance.workloads.tally import Tally
from conformance.workloads.worker import Worker

A1, A2, B1 = Endpoint("a", "http://a1"), Endpoint("a", "http://a2"), Endpoint("b", "http://b1")
OK = Answer(Outcome.OK, 201, None, {"session": "token"})
REFUSED = Answer(Outcome.FAIL, None, "not connected: Connection refused")
READ_ONLY = Answer(Outcome.FAIL, 503, "503 read-only")
UNKNOWN = Answer(Outcome.INFO, None, "no answer")
NO_SESSION = Answer(Outcome.FAIL, 404, "404 unknown session")

Script = Callable[[str, Endpoint, str], Answer | tuple[float, Answer]]
SILENCE = 60.0


class Scripted:
    """A service that answers as ``script`` says, after so many seconds where it says so."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[tuple[str, str, str]] = []

    async def ask(self, method: str, endpoint: Endpoint, path: str, *, timeout: float, **_: Any) -> Answer:
        self.asked.append((method, endpoint.url, path))
        answer = self.script(method, endpoint, path)
        seconds, answer = answer if isinstance(answer, tuple) else (0.0, answer)
        await asyncio.sleep(min(seconds, timeout))
        return answer if seconds < timeout else UNKNOWN


def plan_in(folder: Path, **more: Any) -> WorkloadPlan:
    return WorkloadPlan(endpoints={"a": ["http://a1", "http://a2"], "b": ["http://b1"]}, folder=folder, **more)


def operations_of(folder: Path, script: Script, steps: int) -> tuple[tuple[Operation, ...], Worker]:
    """What worker 0 recorded in so many steps."""
    history = HistoryRecorder(folder / "history.jsonl")
    worker = Worker(0, plan_in(folder), [A1, A2, B1], Scripted(script), history, Tally())  # type: ignore[arg-type]

    async def run() -> None:
        for _ in range(steps):
            await worker.step()

    asyncio.run(run())
    reading = read_history(folder / "history.jsonl")
    assert reading.problems == ()
    return reading.operations, worker


def test_a_worker_opens_a_session_and_then_writes_its_keys(tmp_path: Path) -> None:
    operations, _ = operations_of(tmp_path, lambda *_: OK, 3)
    assert [(o.f, o.key) for o in operations] == [
        ("open-session", "subscriber-0-0"), ("write", "w0-000000"), ("write", "w0-000001"),
    ]  # fmt: skip
    assert operations[0].value == "token"
    assert [o.value for o in operations[1:]] == [value_of(0, "w0-000000"), value_of(0, "w0-000001")]


@pytest.mark.parametrize("answer", [REFUSED, UNKNOWN, READ_ONLY])
def test_after_any_other_answer_a_worker_turns_to_the_next_front_end_with_new_operations(
    tmp_path: Path, answer: Answer
) -> None:
    def script(method: str, endpoint: Endpoint, path: str) -> Answer:
        return answer if path.startswith("/records") and endpoint.site == "a" else OK

    operations, _ = operations_of(tmp_path, script, 6)
    assert [(o.f, o.site, o.outcome) for o in operations] == [
        ("open-session", "a", Outcome.OK), ("write", "a", answer.outcome),
        ("use-session", "a", Outcome.OK), ("write", "a", answer.outcome),
        ("use-session", "b", Outcome.OK), ("write", "b", Outcome.OK),
    ]  # fmt: skip
    assert [o.key for o in operations if o.f == "write"] == ["w0-000000", "w0-000001", "w0-000002"]
    assert {o.value for o in operations if o.f == "use-session"} == {"token"}


def test_a_lost_session_is_recorded_and_replaced_where_the_site_is_writable(tmp_path: Path) -> None:
    def script(method: str, endpoint: Endpoint, path: str) -> Answer:
        if endpoint.site == "a":
            return OK if path == "/sessions" else REFUSED
        return {"GET": NO_SESSION, "POST": Answer(Outcome.OK, 201, None, {"session": "new"}), "PUT": OK}[method]

    operations, worker = operations_of(tmp_path, script, 6)
    assert [(o.f, o.site, o.outcome.value) for o in operations[3:]] == [
        ("use-session", "b", "fail"), ("open-session", "b", "ok"), ("write", "b", "ok"),
    ]  # fmt: skip
    assert (operations[3].key, operations[3].error) == ("subscriber-0-0", "404 unknown session")
    assert worker.sessions == [("subscriber-0-0", "token"), ("subscriber-0-1", "new")]


def test_a_worker_keeps_its_session_when_a_lagging_standby_does_not_know_it_yet(tmp_path: Path) -> None:
    known = False

    def script(method: str, endpoint: Endpoint, path: str) -> Answer:
        if endpoint.site == "a":
            return OK if path == "/sessions" else REFUSED
        if not known:
            return NO_SESSION if method == "GET" else READ_ONLY
        return OK

    operations, worker = operations_of(tmp_path, script, 5)
    assert (operations[-1].f, operations[-1].outcome) == ("open-session", Outcome.FAIL)
    assert worker.sessions == [("subscriber-0-0", "token")] and worker.endpoint == A1


def test_keys_sort_by_worker_and_number_and_values_depend_on_the_seed() -> None:
    assert [key_of(2, n) for n in (0, 147)] == ["w2-000000", "w2-000147"]
    assert value_of(1, "w2-000147") != value_of(2, "w2-000147") != value_of(2, "w2-000148")


def probes_of(folder: Path, script: Script, seconds: float, **plan: Any) -> list[Any]:
    """The probes of so many seconds."""
    recorder = ProbeRecorder(folder / "probes.jsonl")
    prober = Prober(plan_in(folder, **plan), [A1, A2, B1], Scripted(script), recorder, Tally())  # type: ignore[arg-type]

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        await prober.run(stop)

    asyncio.run(run())
    reading = read_probes(folder / "probes.jsonl")
    assert reading.problems == ()
    assert [probe.n for probe in reading.probes] == list(range(len(reading.probes)))
    interval = plan.get("probe_interval_ns", 20_000_000)
    scheduled = [probe for probe in reading.probes if not probe.extra]
    assert {probe.due - n * interval for n, probe in enumerate(scheduled)} == {reading.probes[0].due}
    return list(reading.probes)


def test_ticks_that_are_late_are_sent_late_and_none_is_left_out(tmp_path: Path) -> None:
    blocked = False

    def script(method: str, endpoint: Endpoint, path: str) -> Answer:
        nonlocal blocked
        if path == "/heartbeats/3":
            blocked = True
            time.sleep(0.2)  # the whole process stands still, as on an overloaded machine
        return OK

    probes = probes_of(tmp_path, script, 1.0)
    assert blocked
    late = [probe.n for probe in probes if probe.sent - probe.due > 50_000_000]
    assert set(range(4, 8)) <= set(late)


def test_while_probes_fail_more_are_sent_in_between_on_a_grid_and_none_before_or_after(tmp_path: Path) -> None:
    def script(method: str, endpoint: Endpoint, path: str) -> Answer:
        return REFUSED if 5 <= int(path.rpartition("/")[2]) < 25 else OK

    probes = probes_of(tmp_path, script, 0.8)
    first, last = (edge.n for edge in (probes[5], probes[24]))
    assert [p.ok for p in probes] == [n not in range(5, 25) for n in range(len(probes))]
    extra = [p for p in probes if p.extra]
    assert extra
    assert all(first < p.n <= last + 4 and p.sent >= p.due for p in extra)
    assert {(p.due - probes[0].due) % 20_000_000 for p in extra} <= {5_000_000, 10_000_000, 15_000_000}
    assert len({p.due for p in probes}) == len(probes)


def test_a_service_that_hangs_gets_no_more_than_three_extra_probes_at_a_time(tmp_path: Path) -> None:
    def script(method: str, endpoint: Endpoint, path: str) -> tuple[float, Answer]:
        return 0.2, REFUSED

    extra = [p for p in probes_of(tmp_path, script, 1.0, probe_timeout=5.0) if p.extra]
    assert extra
    assert all(sum(other.sent <= p.sent < other.done for other in extra) <= 3 for p in extra)


def test_a_probe_is_ok_when_another_site_takes_it_although_the_first_swallows_requests(tmp_path: Path) -> None:
    probes = probes_of(
        tmp_path, lambda m, endpoint, p: (SILENCE, OK) if endpoint.site == "a" else OK, 0.2, probe_timeout=0.4
    )
    assert probes[0].ok and probes[0].site == "b"


def test_a_probe_still_counts_the_first_site_when_it_is_slow_and_the_other_refused_meanwhile(tmp_path: Path) -> None:
    probes = probes_of(
        tmp_path, lambda m, endpoint, p: (2.0, OK) if endpoint.site == "a" else READ_ONLY, 0.1, probe_timeout=3.0
    )
    assert probes[0].ok and probes[0].site == "a"


def test_later_probes_go_first_to_the_site_that_served_last(tmp_path: Path) -> None:
    service = Scripted(lambda m, endpoint, p: REFUSED if endpoint.site == "a" else OK)
    prober = Prober(
        plan_in(tmp_path), [A1, A2, B1], service, ProbeRecorder(tmp_path / "probes.jsonl"), Tally()  # type: ignore[arg-type]
    )  # fmt: skip

    async def run() -> None:
        await prober.tick(0, 0)
        await prober.tick(1, 0)

    asyncio.run(run())
    assert [url for _, url, _ in service.asked] == ["http://a1", "http://a2", "http://b1", "http://b1"]


def test_a_probe_that_nobody_takes_says_what_each_front_end_said(tmp_path: Path) -> None:
    probes = probes_of(tmp_path, lambda m, endpoint, p: REFUSED if endpoint.site == "a" else READ_ONLY, 0.05)
    refused = "a: not connected: Connection refused"
    assert not probes[0].ok and probes[0].site is None
    assert probes[0].error == f"{refused}; {refused}; b: 503 read-only"


def final_read_of(folder: Path, script: Script, timeout: float = 5.0) -> tuple[bool, tuple[Operation, ...]]:
    history = HistoryRecorder(folder / "history.jsonl")
    reader = FinalRead(4, [A1, A2], Scripted(script), history, 1.0)  # type: ignore[arg-type]
    complete = asyncio.run(reader.run([("subscriber-0-0", "token")], timeout))
    return complete, read_history(folder / "history.jsonl").operations


def page(items: list[list[Any]], following: int | None) -> Answer:
    return Answer(Outcome.OK, 200, None, {"items": items, "next": following})


def test_the_final_read_reads_all_pages_and_uses_every_session(tmp_path: Path) -> None:
    pages = {"after=0": page([[1, "k1", "v"]], 1), "after=1": page([[2, "k2", "v"]], None)}

    def script(method: str, endpoint: Endpoint, path: str) -> Answer:
        return next((answer for cursor, answer in pages.items() if cursor in path), OK)

    complete, operations = final_read_of(tmp_path, script)
    assert complete and all(o.final and o.process == 4 for o in operations)
    assert [(o.f, o.key, o.items, o.complete) for o in operations] == [
        ("scan", None, (("k1", "v"),), False),
        ("scan", "1", (("k2", "v"),), True),
        ("use-session", "subscriber-0-0", (), False),
    ]


def test_a_page_that_was_not_answered_is_asked_for_again_as_another_operation(tmp_path: Path) -> None:
    def script(method: str, endpoint: Endpoint, path: str) -> Answer:
        if "records" in path:
            return READ_ONLY if endpoint is A1 else page([[1, "k1", "v"]], None)
        return NO_SESSION

    complete, operations = final_read_of(tmp_path, script)
    assert complete
    assert [(o.f, o.outcome.value, o.complete) for o in operations] == [
        ("scan", "fail", False), ("scan", "ok", True), ("use-session", "fail", False),
    ]  # fmt: skip


@pytest.mark.parametrize("answer", [READ_ONLY, Answer(Outcome.OK, 200, None, {"records": []})])
def test_a_final_read_that_gets_no_page_in_time_is_not_complete(tmp_path: Path, answer: Answer) -> None:
    complete, operations = final_read_of(tmp_path, lambda *_: answer, timeout=0.3)
    assert not complete and operations
    assert not any(o.complete or o.outcome is Outcome.OK for o in operations)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"endpoints": {}}, "none has been given"),
        ({"endpoints": {"a": ["http://a"], "b": []}}, "none for b"),
        ({"workers": 0}, "workers must be above 0"),
        ({"rate": -1.0}, "rate must be above 0"),
        ({"registers": -1}, "registers must be 0 or more"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkloadError, match=said):
        WorkloadPlan(**{"endpoints": {"a": ["http://a"]}, "folder": tmp_path, **change})


def register_operations(folder: Path, script: Script, steps: int) -> tuple[tuple[Operation, ...], RegisterClient]:
    """What register client 0 of two recorded in so many steps."""
    history = HistoryRecorder(folder / "history.jsonl")
    plan = plan_in(folder, registers=2, workers=3)
    client = RegisterClient(0, plan, [A1, A2, B1], Scripted(script), history)  # type: ignore[arg-type]

    async def run() -> None:
        for _ in range(steps):
            await client.step()

    asyncio.run(run())
    reading = read_history(folder / "history.jsonl")
    assert reading.problems == ()
    return reading.operations, client


class OneCopy:
    """Registers that are one copy."""

    def __init__(self) -> None:
        self.holds: dict[str, str | None] = {}
        self.asked: list[tuple[str, str]] = []

    async def ask(self, method: str, endpoint: Endpoint, path: str, *, body: str | None = None, **_: Any) -> Answer:
        self.asked.append((method, path))
        if method == "GET":
            return Answer(Outcome.OK, 200, None, {"value": self.holds.get(path)})
        if method == "POST":
            swap = json.loads(body or "")
            if self.holds.get(path) != swap["old"]:
                return Answer(Outcome.FAIL, 409, "409 it holds another value")
            body = swap["new"]
        self.holds[path] = body
        return Answer(Outcome.OK, 201, None, {})


def test_register_clients_read_write_and_swap_unique_values_that_are_one_copy(tmp_path: Path) -> None:
    history = HistoryRecorder(tmp_path / "history.jsonl")
    plan, service = plan_in(tmp_path, registers=4, workers=3), OneCopy()
    clients = [RegisterClient(n, plan, [A1], service, history) for n in range(4)]  # type: ignore[arg-type]

    async def run() -> None:
        for _ in range(60):
            await asyncio.gather(*(client.step() for client in clients))

    asyncio.run(run())
    operations = read_history(tmp_path / "history.jsonl").operations
    assert {o.f for o in operations} == {"get", "put", "cas"} and {o.process for o in operations} == {4, 5, 6, 7}
    assert {o.key for o in operations} == {"r0", "r1", "r2", "r3"}
    swaps = [o for o in operations if o.f == "cas"]
    assert {o.outcome for o in swaps} == {Outcome.OK, Outcome.FAIL}, "clients come in each other's way"
    written = [o.value for o in operations if o.f == "put"] + [json.loads(o.value or "")[1] for o in swaps]
    assert len(set(written)) == len(written)
    for each in accesses(operations).values():
        assert linearize(each, 100_000).found is Found.ORDER


def test_a_register_client_turns_to_the_next_front_end_unless_the_register_only_held_another_value(
    tmp_path: Path,
) -> None:
    mismatch = Answer(Outcome.FAIL, 409, "409 it holds another value")
    (tmp_path / "one").mkdir()
    stays, _ = register_operations(tmp_path / "one", lambda *_: mismatch, 12)
    moves, _ = register_operations(tmp_path, lambda m, e, p: READ_ONLY if e.site == "a" else mismatch, 12)
    assert {o.site for o in stays} == {"a"} and {o.outcome for o in stays} == {Outcome.FAIL}
    assert [o.site for o in moves] == ["a", "a"] + ["b"] * 10


def test_an_answer_without_a_value_is_no_answer_to_a_get(tmp_path: Path) -> None:
    operations, _ = register_operations(tmp_path, lambda *_: Answer(Outcome.OK, 200, None, {}), 12)
    assert {o.outcome for o in operations if o.f == "get"} == {Outcome.INFO}
