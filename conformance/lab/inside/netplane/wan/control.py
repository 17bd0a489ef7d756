"""The forwarder's control: a unix socket, one JSON object per line each way.

{"op": "get"} · {"op": "set", "directions": {"a>b": {"loss": 0.05}}, "seed": 7}
{"op": "reset", "directions": ["a>b"], "impairments": ["loss"]}, both of which may be left out for all
{"op": "capture", "path": "/…/x.pcapng", "directions": ["a>b"], "most_bytes": n} · {"op": "capture-stop"}

Every answer has either ``error``, a sentence, or the whole state after the request (and ``captured`` after
capture-stop). A set names what changes; it is done completely, between two packets, or not at all."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from netplane.wan.impairments import BadRequest
from netplane.wan.wan import Wan

_LONGEST_REQUEST = 1 << 16
_MOST_CLIENTS = 64
_KNOWN = {
    "get": (),
    "set": ("directions", "seed"),
    "reset": ("directions", "impairments"),
    "capture": ("path", "directions", "most_bytes"),
    "capture-stop": (),
}


class Control:
    """Listens at ``path``, which only the owner may use; ``on_change`` is called after each change of impairments."""

    def __init__(self, path: str, wan: Wan, on_change: Callable[[], None]) -> None:
        self._path = path
        self._wan = wan
        self._on_change = on_change
        self._clients: dict[int, tuple[socket.socket, bytearray]] = {}
        if os.path.exists(path):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self._listener.bind(path)
        finally:
            os.umask(mask)
        self._listener.listen(16)
        self._listener.setblocking(False)

    def descriptors(self) -> list[int]:
        """To wait for requests on."""
        return [self._listener.fileno(), *self._clients]

    def close(self) -> None:
        """Hang up, and take the socket's file away."""
        self._listener.close()
        for client, _ in self._clients.values():
            client.close()
        os.unlink(self._path)

    def serve(self, descriptor: int) -> None:
        """Something can be read from this descriptor."""
        if descriptor == self._listener.fileno():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # it hung up while it waited
            client.setblocking(False)
            if len(self._clients) >= _MOST_CLIENTS:
                _sent(client, {"error": f"{_MOST_CLIENTS} clients are connected already; close some."})
                client.close()
                return
            self._clients[client.fileno()] = (client, bytearray())
        elif descriptor in self._clients:
            self._serve_client(descriptor)

    def _serve_client(self, descriptor: int) -> None:
        client, pending = self._clients[descriptor]
        try:
            data = client.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        pending += data
        keep = bool(data)
        while keep and b"\n" in pending:
            line, _, rest = bytes(pending).partition(b"\n")
            pending[:] = rest
            keep = _sent(client, self._answer(line))
        if keep and len(pending) > _LONGEST_REQUEST:
            _sent(client, {"error": f"A request must be one line of at most {_LONGEST_REQUEST} bytes."})
            keep = False
        if not keep:
            del self._clients[descriptor]
            client.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            return {"error": f"A request must be one JSON object on a line: {error}."}
        try:
            return self._do(request)
        except BadRequest as error:
            return {"error": str(error)}

    def _do(self, request: Any) -> dict[str, Any]:
        op = request.get("op") if isinstance(request, Mapping) else None
        if not isinstance(op, str) or op not in _KNOWN:
            raise BadRequest(f"op must be one of {', '.join(_KNOWN)}; the request was {request!r:.200}.")
        extra = sorted(set(request) - {"op", *_KNOWN[op]})
        if extra:
            known = ", ".join(_KNOWN[op]) or "nothing"
            raise BadRequest(f"{op} does not take {extra[0]!r:.80}; it takes {known}.")
        wan, more = self._wan, {}
        if op == "set":
            wan.change(request.get("directions", {}), request.get("seed"))
        elif op == "reset":
            wan.reset(request.get("directions"), request.get("impairments"))
        elif op == "capture":
            wan.start_capture(request.get("path"), request.get("directions"), request.get("most_bytes", 64 << 20))
        elif op == "capture-stop":
            more = {"captured": wan.stop_capture()}
        if op in ("set", "reset"):
            try:
                self._on_change()
            except OSError as error:
                raise BadRequest(f"{op} is in force, but would not survive a restart: {error}.") from error
        return {**wan.shown(), **more}


def _sent(client: socket.socket, answer: Mapping[str, Any]) -> bool:
    """Whether the client took the answer: one that does not read is not waited for, the packets are more important."""
    try:
        client.sendall(json.dumps(answer).encode() + b"\n")
    except OSError:
        return False
    return True
