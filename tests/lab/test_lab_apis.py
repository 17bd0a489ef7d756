"""The APIs of the lab's clouds, when many call them."""

from __future__ import annotations

import socket
import urllib.request
from contextlib import ExitStack

import pytest

from conformance.lab import Lab
from conformance.lab.addressing import PORTS

pytestmark = pytest.mark.lab

KEEPING_THEIRS = 400  # callers who have been answered and keep their connection


def test_an_api_answers_while_hundreds_of_others_keep_their_connections(lab: Lab) -> None:
    host, port = lab.status().sites[0].address, PORTS["keystone"]
    with ExitStack() as others:
        for _ in range(KEEPING_THEIRS):
            other = others.enter_context(socket.create_connection((host, port), timeout=20))
            other.sendall(b"GET /v3 HTTP/1.1\r\nHost: identity\r\n\r\n")
            assert other.recv(12) == b"HTTP/1.1 200"
        with urllib.request.urlopen(f"http://{host}:{port}/v3", timeout=20) as answer:
            assert answer.status == 200
