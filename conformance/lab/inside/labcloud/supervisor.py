"""The lab's fork server: one process per lab that is not part of any site.

It keeps a nursery per service with everything imported, and starts processes of sites on request of the harness, over a
unix socket: one JSON line per connection, answered by one JSON line.

``{"op": "hello"}`` → ``{"pid", "code", "nurseries": {name: end or null}}``
``{"op": "spawn", "nursery", "entry", "args", "title", "cwd", "log", "within"}`` → ``{"pid"}``
``{"op": "ends", "pids": [..]}`` → ``{"ends": {pid: "exit status 0" or null while it runs}}``
``{"op": "shutdown"}`` → ``{}``; the sites' processes stay.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from pathlib import Path

import setproctitle

from labcloud import guest, nursery, preload, wire

SOCKET = "supervisor.sock"  # in the lab's directory, which is the working directory
BARE = "hypervisor"  # the nursery without OpenStack


class Nursery:
    """The supervisor's end of one nursery."""

    def __init__(self, name: str, pid: int, channel: socket.socket) -> None:
        self.name = name
        self.pid = pid
        self.channel = channel
        self.lines = wire.Lines(channel)
        self.end: str | None = None


class Supervisor:
    """Accepts requests and passes them on to the nurseries."""

    def __init__(self, lab: str, directory: str, code: str) -> None:
        self._title = f"multisite-ha lab {lab}: {{}} [{directory}]"
        setproctitle.setproctitle(self._title.format("supervisor"))
        self.code = code
        self.nurseries: dict[str, Nursery] = {}
        self.ends: dict[int, str | None] = {}
        self._ids = itertools.count()
        self._waiting_clients: dict[int, tuple[Nursery, socket.socket]] = {}
        self._selector = selectors.DefaultSelector()
        Path(SOCKET).unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(SOCKET)
        os.chmod(SOCKET, 0o600)
        self._listener.listen(64)

    def fork_nursery(self, name: str, *imports) -> None:
        """Start the nursery ``name``, which runs ``imports[0](*imports[1:])`` before it takes requests."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            setproctitle.setproctitle(self._title.format(f"nursery {name}"))
            ours.close()
            self._listener.close()
            self._selector.close()
            for sibling in self.nurseries.values():
                sibling.channel.close()
            try:
                if imports:
                    imports[0](*imports[1:])
                nursery.tend(theirs)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        theirs.close()
        self.nurseries[name] = Nursery(name, pid, ours)
        self._selector.register(ours, selectors.EVENT_READ, self.nurseries[name])

    def run(self) -> None:
        """Serve until told to shut down."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    client, _ = self._listener.accept()
                    self._request(client)
                else:
                    self._nursery_spoke(key.data)

    def _request(self, client: socket.socket) -> None:
        client.settimeout(5)
        try:
            request = json.loads(client.makefile("r").readline())
            answer = getattr(self, f"_op_{request['op']}")(client, request)
        except (OSError, ValueError, KeyError, AttributeError) as error:
            answer = {"error": f"the supervisor does not understand this request: {error!r}"}
        if answer is not None:
            self._answer(client, answer)

    def _answer(self, client: socket.socket, answer: dict) -> None:
        try:
            wire.tell(client, answer)
        except OSError:
            pass  # the harness went away in the meantime: nobody to tell
        client.close()

    def _op_hello(self, client: socket.socket, request: dict) -> dict:
        return {"pid": os.getpid(), "code": self.code, "nurseries": {n.name: n.end for n in self.nurseries.values()}}

    def _op_spawn(self, client: socket.socket, request: dict) -> dict | None:
        chosen = self.nurseries[request["nursery"]]
        if chosen.end:
            return {"error": f"the nursery of {chosen.name} is gone ({chosen.end})"}
        number = next(self._ids)
        self._waiting_clients[number] = (chosen, client)
        wire.tell(chosen.channel, {**request, "id": number})
        return None

    def _op_ends(self, client: socket.socket, request: dict) -> dict:
        return {"ends": {pid: self.ends.get(pid, "unknown") for pid in request["pids"]}}

    def _op_shutdown(self, client: socket.socket, request: dict) -> None:
        Path(SOCKET).unlink(missing_ok=True)
        for child in self.nurseries.values():
            if not child.end:
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
        self._answer(client, {})
        os._exit(0)

    def _nursery_spoke(self, child: Nursery) -> None:
        messages = child.lines.read()
        if messages is None:
            self._nursery_ended(child)
            return
        for message in messages:
            if "end" in message:
                self.ends[message["pid"]] = message["end"]
            elif "error" in message:
                _, client = self._waiting_clients.pop(message["id"])
                self._answer(client, {"error": message["error"]})
            else:
                self.ends[message["pid"]] = None  # also where an earlier process, which has ended, had the same pid
                _, client = self._waiting_clients.pop(message["id"])
                self._answer(client, {"pid": message["pid"]})

    def _nursery_ended(self, child: Nursery) -> None:
        _, status = os.waitpid(child.pid, 0)
        child.end = guest.describe(status)
        self._selector.unregister(child.channel)
        for number, (asked, client) in list(self._waiting_clients.items()):
            if asked is child:
                del self._waiting_clients[number]
                self._answer(client, {"error": f"the nursery of {child.name} ended with {child.end}"})


def main() -> None:
    """Be the fork server of the lab whose directory is the working directory."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--lab", required=True)
    parser.add_argument("--code", required=True, help="digest of this code, told to the harness")
    parser.add_argument(
        "--directory", required=True, help="the lab's directory, by which the harness finds this process"
    )
    parser.add_argument("--claim", required=True, help="abstract socket by which other users see the slot is taken")
    options = parser.parse_args()
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)  # inherited by all processes of the lab, on purpose
    try:
        claim.bind("\0" + options.claim)
    except OSError:
        print(f"the claim {options.claim} is held already: a process of this lab still runs", file=sys.stderr)
    supervisor = Supervisor(options.lab, options.directory, options.code)
    supervisor.fork_nursery(BARE)
    blocker = preload.common()
    for name in preload.SERVICES:  # the slowest first
        supervisor.fork_nursery(name, preload.service, name, blocker)
    supervisor.run()


if __name__ == "__main__":
    main()
