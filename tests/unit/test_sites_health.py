"""Telling an API that answers from one that refuses and one that is silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import sites_files as files

from conformance.sites import api_answers, api_silent, vim_check


@contextmanager
def http_server(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v3"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def silent_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v3"


def refused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v3"


def test_an_error_is_an_answer_too_so_the_site_is_not_silent(tmp_path: Path) -> None:
    with http_server(503) as url:
        seen = api_silent(files.a_site(tmp_path, url))
    assert not seen.ok
    assert seen.observed["endpoints"]["identity"].startswith("answered 503 in ")


def test_refused_connections_are_silence(tmp_path: Path) -> None:
    seen = api_silent(files.a_site(tmp_path, refused()))
    assert seen.ok
    assert seen.observed == {"endpoints": {"identity": "refused"}}


def test_a_connection_without_an_answer_is_silence_and_is_told_from_refusal(tmp_path: Path) -> None:
    with silent_server() as url:
        seen = api_silent(files.a_site(tmp_path, url), timeout=0.2)
    assert seen.ok
    assert seen.observed == {"endpoints": {"identity": "silent for 0.2 s"}}


def test_a_site_that_refuses_does_not_answer(tmp_path: Path) -> None:
    seen = api_answers(files.a_site(tmp_path, refused()))
    assert not seen.ok
    assert "these do not: identity" in seen.detail


def test_a_server_that_is_no_identity_service_does_not_count_as_an_answering_site(tmp_path: Path) -> None:
    with http_server(404) as url:
        seen = api_answers(files.a_site(tmp_path, url))
    assert not seen.ok
    assert "could not read the service catalog" in seen.detail


def test_a_vim_that_gives_no_token_fails_its_check_at_that_step(tmp_path: Path) -> None:
    seen = vim_check(files.a_site(tmp_path, refused()), files.RUN)
    assert not seen.ok
    assert seen.observed["failed"] == "token"
    assert "failed at step token" in seen.detail
    assert "network_s" not in seen.observed
