"""Two servers, ours and the real toxiproxy-server, asked the same things; and the list of documented differences."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MANUAL = Path(__file__).parents[2] / "docs" / "link-proxy.md"
ANSWER_WITHIN = 15.0
SILENCE = 0.4

SKIP_REASON = (
    "there is no toxiproxy-server to compare with: set TOXIPROXY_SERVER or put it on PATH "
    "(.ci/build-toxiproxy FOLDER builds it with go)"
)


def real_binary() -> str | None:
    """The real server, if there is one on this machine."""
    return os.environ.get("TOXIPROXY_SERVER") or shutil.which("toxiproxy-server")


def with_real_server(test: Any) -> Any:
    """Mark a test that compares with the real server; skipped, with the reason shown, where there is none."""
    return pytest.mark.toxiproxy(pytest.mark.skipif(real_binary() is None, reason=SKIP_REASON)(test))


# -- servers


@dataclass(frozen=True)
class Answer:
    status: int
    type: str | None
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    def seen(self) -> list[Any]:
        """Status, content type and body, without what changes from run to run and what every body differs in."""
        try:
            body = _plain(json.loads(self.text))
        except json.JSONDecodeError:
            body = self.text
        return [self.status, self.type, body]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    # The case proxy-body-keys documents these two; nobody's test looks at them through here.
    plain = {key: _plain(item) for key, item in value.items() if key not in ("Logger", "counters")}
    if str(plain.get("error", "")).startswith("bad request body: "):
        # The case bad-json-wording documents that what follows is the JSON library's wording.
        plain["error"] = "bad request body: …"
    return plain


class Server:
    """A running server and its API."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url
        self._names = 0

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        agent: str = "contract-test",
        timeout: float = ANSWER_WITHIN,
    ) -> Answer:
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"User-Agent": agent}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer(response.status, response.headers["Content-Type"], response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers["Content-Type"], error.read().decode())

    def name(self) -> str:
        """A proxy name not used before on this server."""
        self._names += 1
        return f"p{self._names}"

    def proxy(self, upstream_port: int, **more: Any) -> tuple[str, int]:
        """A new proxy in front of a local port: its name and where it listens."""
        wanted = {"name": self.name(), "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream_port}"}
        made = self.call("POST", "/proxies", wanted | more)
        assert made.status == 201, made
        return made.json["name"], int(made.json["listen"].rpartition(":")[2])

    def toxic(self, proxy: str, kind: str, stream: str = "downstream", toxicity: float = 1, **attributes: int) -> None:
        """Add a toxic of a name that both servers make up alike."""
        body = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        answer = self.call("POST", f"/proxies/{proxy}/toxics", body)
        assert answer.status == 200, answer

    def alive(self) -> bool:
        try:
            return self.call("GET", "/version").status == 200
        except OSError:
            return False


@contextmanager
def our_server(*options: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "conformance.linkproxy", "--port", "0", "--die-with-stdin", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    try:
        yield Server(process, json.loads(process.stdout.readline())["url"])
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@contextmanager
def real_server(*options: str) -> Iterator[Server]:
    binary = real_binary()
    assert binary, SKIP_REASON
    port = free_port()
    command = [binary, "-host", "127.0.0.1", "-port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        server = Server(process, f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + ANSWER_WITHIN
        while not server.alive():
            assert time.monotonic() < deadline and process.poll() is None, f"{binary} did not start"
            time.sleep(0.02)
        yield server
    finally:
        process.kill()
        process.wait()


def on_both(case: Callable[[Server], Any], real: Server, ours: Server) -> tuple[Any, Any]:
    """What the case sees on each; run side by side, to halve the waiting."""
    with ThreadPoolExecutor(2) as pool:
        seen = [pool.submit(case, server) for server in (real, ours)]
    return seen[0].result(), seen[1].result()


# -- documented differences


def deviations() -> dict[str, tuple[Any, Any]]:
    """Case → (what Toxiproxy shows, what ours shows), from the table in the manual."""
    table = re.search(r"<!-- deviations -->\n(.*?)<!-- /deviations -->", MANUAL.read_text(), re.DOTALL)
    assert table, f"{MANUAL} has no table between the deviations marks"
    found: dict[str, tuple[Any, Any]] = {}
    for row in table[1].splitlines()[2:]:
        cells = re.fullmatch(r"\| `([a-z0-9-]+)` \| `(.*?)` \| `(.*?)` \| (.+) \|", row)
        if row.strip():
            assert cells, f"not a row of the deviations table: {row}"
            found[cells[1]] = (json.loads(cells[2]), json.loads(cells[3]))
    return found


def compare(name: str, real: Any, ours: Any) -> None:
    """Fail unless both saw the same, or exactly what the manual documents for this case."""
    expected = deviations().get(name)
    if expected is None:
        assert ours == real, f"undocumented difference in case {name}: Toxiproxy {real!r}, ours {ours!r}"
    else:
        assert (real, ours) == expected, f"the manual's row for {name} says otherwise"


# -- upstreams and clients


class Upstream:
    """A TCP server with one thread per connection; ``ended`` collects what each saw last: EOF, RST or an error."""

    def __init__(self, behaviour: Callable[[socket.socket], None]) -> None:
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.ended: list[str] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                self._behaviour(connection)
                end = "EOF"
            except ConnectionResetError:
                end = "RST"
            except OSError as error:
                end = type(error).__name__
        with self._changed:
            self.ended.append(end)
            self._changed.notify_all()

    def wait_for_end(self) -> str:
        """How the first connection ended; waits for it."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended, ANSWER_WITHIN)
            return self.ended[0] if self.ended else "open"

    def close(self) -> None:
        self._listener.close()


def like_postgresql(connection: socket.socket) -> None:
    """As PostgreSQL begins: a message is read whole before it is answered, and one of impossible length ends it all."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while head := connection.recv(4, socket.MSG_WAITALL):
        length = int.from_bytes(head, "big")
        if not 8 <= length <= 10_000:
            return
        connection.recv(length - 4, socket.MSG_WAITALL)
        connection.sendall(b"N")


def echo(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(65536):
        connection.sendall(data)


@contextmanager
def upstream(behaviour: Callable[[socket.socket], None] = echo) -> Iterator[Upstream]:
    server = Upstream(behaviour)
    try:
        yield server
    finally:
        server.close()


def client(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def read(connection: socket.socket, size: int = 65536) -> str:
    """What comes next: the data as text, EOF or RST; waits for it."""
    return _read(connection, size, ANSWER_WITHIN)


def silent(connection: socket.socket) -> bool:
    """Whether nothing comes for a while."""
    return _read(connection, 1, SILENCE) == "silent"


def read_all(connection: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or what came before the end."""
    data = b""
    connection.settimeout(ANSWER_WITHIN)
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def _read(connection: socket.socket, size: int, wait: float) -> str:
    connection.settimeout(wait)
    try:
        return connection.recv(size).decode() or "EOF"
    except TimeoutError:
        return "silent"
    except ConnectionResetError:
        return "RST"


def reset(connection: socket.socket) -> None:
    """Close with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def port_that_hangs() -> Iterator[int]:
    """A port whose connections are never accepted by the kernel: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        try:
            yield port
        finally:
            for filler in fillers:
                filler.close()
