"""One request over real sockets, against servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from conformance.model import Outcome
from conformance.workloads.service import Answer, Endpoint, Service, outcome_of

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answer_with(status: str, body: str = "{}") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def asked(behaviour: Behaviour, *, times: int = 1, timeout: float = 5.0) -> tuple[list[Answer], int]:
    """The answers to so many PUTs, one after the other, and how many requests reached the server."""
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await reader.readuntil(b"\r\n\r\n"):
            requests += 1
            await reader.readexactly(1)
            await behaviour(reader, writer)

    async def swallow_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def run() -> list[Answer]:
        server = await asyncio.start_server(swallow_end, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        async with server, Service() as service:
            endpoint = Endpoint("site-a", f"http://{host}:{port}")
            return [await service.ask("PUT", endpoint, "/records/k", timeout=timeout, body="v") for _ in range(times)]

    return asyncio.run(run()), requests


def test_a_request_whose_connection_breaks_is_sent_once_and_its_outcome_is_unknown() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    answers, requests = asked(close)
    assert requests == 1
    assert answers[0].outcome is Outcome.INFO and "connection broke" in (answers[0].error or "")


def test_a_request_on_a_kept_connection_that_breaks_is_not_repeated_either() -> None:
    seen = 0

    async def answer_then_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        if seen == 1:
            writer.write(answer_with("201 Created"))
            await writer.drain()
        else:
            writer.close()

    answers, requests = asked(answer_then_close, times=2)
    assert requests == 2
    assert [answer.outcome for answer in answers] == [Outcome.OK, Outcome.INFO]


def test_a_request_that_is_not_answered_in_time_is_unknown() -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    answers, requests = asked(silence, timeout=0.2)
    assert requests == 1
    assert (answers[0].outcome, answers[0].error) == (Outcome.INFO, "no answer within 0.2 s")


def test_an_acknowledgement_that_is_cut_short_is_unknown() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 20\r\n\r\n{")
        await writer.drain()
        writer.close()

    answers, _ = asked(half)
    assert answers[0].outcome is Outcome.INFO


def test_a_front_end_that_does_not_take_the_connection_is_a_certain_failure() -> None:
    async def run() -> Answer:
        async with Service() as service:
            return await service.ask("PUT", Endpoint("a", "http://127.0.0.1:1"), "/records/k", timeout=2, body="v")

    answer = asyncio.run(run())
    assert (answer.outcome, answer.error) == (Outcome.FAIL, "not connected: Connection refused")


@pytest.mark.parametrize(
    ("status", "body", "outcome", "error"),
    [
        ("503 Service Unavailable", '{"error": "read-only"}', Outcome.FAIL, "503 read-only"),
        ("401 Unauthorized", '{"error": "unknown session"}', Outcome.FAIL, "401 unknown session"),
        ("500 Internal Server Error", '{"outcome": "unknown", "error": "broke"}', Outcome.INFO, "500 broke"),
        ("201 Created", '{"key": "k"}', Outcome.OK, None),
        ("201 Created", "not JSON", Outcome.INFO, "the answer is not JSON"),
    ],
)
def test_an_answer_is_taken_for_what_it_says(status: str, body: str, outcome: Outcome, error: str | None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer_with(status, body))
        await writer.drain()

    answers, _ = asked(answer)
    assert (answers[0].outcome, answers[0].error) == (outcome, error)


def test_only_the_documented_statuses_are_certain_failures() -> None:
    certain = [status for status in range(100, 600) if outcome_of(status) is Outcome.FAIL]
    assert certain == [400, 401, 404, 409, 503]
    assert [status for status in range(100, 600) if outcome_of(status) is Outcome.OK] == [*range(200, 300)]
