"""A nursery: a process with one service's modules imported that forks the processes of sites on request."""

from __future__ import annotations

import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from typing import NoReturn

import setproctitle

from labcloud import guest, isolation, wire


def tend(channel: socket.socket) -> NoReturn:
    """Answer ``{"id", "entry", "args", "title", "cwd", "log", "within"}`` with ``{"id", "pid"}``, or with ``{"id",
    "error"}``; tell ``{"pid", "end"}`` later.

    Ends when the supervisor at the other end of ``channel`` does; the forked processes stay.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    waiting.register(channel, selectors.EVENT_READ)
    waiting.register(reader, selectors.EVENT_READ)
    lines = wire.Lines(channel)
    started: dict[int, int] = {}  # child → the process it is, or stands for
    while True:
        for key, _ in waiting.select():
            if key.fileobj == reader:
                os.read(reader, 4096)
                continue
            requests = lines.read()
            if requests is None:
                os._exit(0)
            for request in requests:
                try:
                    pid, waited = isolation.fork(request.get("within"))
                except OSError as error:
                    wire.tell(channel, {"id": request["id"], "error": f"{request['title']} cannot be started: {error}"})
                    continue
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    waiting.close()
                    channel.close()
                    os.close(reader)
                    os.close(writer)
                    _become(request)
                started[waited] = pid
                wire.tell(channel, {"id": request["id"], "pid": pid})
        _report_ends(channel, started)


def _report_ends(channel: socket.socket, started: dict[int, int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        wire.tell(channel, {"pid": started.pop(pid), "end": guest.describe(status)})


def _become(request: dict) -> NoReturn:
    """Turn a fresh fork into the requested process."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.chdir(request["cwd"])
        os.umask(0o022)  # guests of root drop their privileges and must reach what nova and cinder make for them
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        setproctitle.setproctitle(request["title"])
        module, _, function = request["entry"].partition(":")
        getattr(importlib.import_module(module), function)(*request["args"])
        status = 0
    except SystemExit as end:
        if end.code is None or end.code == 0:
            status = 0
        elif isinstance(end.code, int):
            status = end.code
        else:
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # worker threads are not daemons: a plain exit would wait for them for ever
