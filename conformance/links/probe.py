"""Measuring a link from outside, through the same port that the traffic uses."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from conformance.links.transport import LinkError

if TYPE_CHECKING:
    from conformance.links.link import Link


class Answer(StrEnum):
    """What became of a question asked through the link."""

    ANSWERED = "answered"
    SILENT = "silent"
    """Connected, and no answer in time."""
    CLOSED = "closed"
    """Connected, and closed without an answer: the far end cannot be reached, or does not speak."""
    REFUSED = "refused"
    """No connection."""


@dataclass(frozen=True)
class LinkProbe:
    """``rtt_ns`` is from the question to the first byte of the answer, the far end's own time included;
    connecting (``connect_ns``) ends at the proxy and is not part of it. None where there was nothing to
    measure."""

    answer: Answer
    connect_ns: int | None = None
    rtt_ns: int | None = None


def probe_link(link: Link, *, timeout: float = 5.0) -> LinkProbe:
    """Ask the far end one question; wait ``timeout`` seconds for a connection, and for the answer.

    What is asked is the link's dialect. LinkError if the address is unusable.
    """
    began = time.monotonic_ns()
    try:
        connection = socket.create_connection((link.listen_host, link.listen_port), timeout)
    except ConnectionRefusedError:
        return LinkProbe(Answer.REFUSED)
    except ConnectionResetError:  # it was there, and was ended before we could see that
        return LinkProbe(Answer.CLOSED)
    except TimeoutError:
        return LinkProbe(Answer.SILENT)
    except OSError as error:
        raise LinkError(
            f"The link {link.name} at {link.listen_host}:{link.listen_port} cannot be probed: {error}."
        ) from error
    connect_ns = time.monotonic_ns() - began
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if not _greeted(connection, link):
                return LinkProbe(Answer.CLOSED, connect_ns)
            asked = time.monotonic_ns()
            connection.sendall(link.dialect.question)
            answer = connection.recv(1)
            rtt_ns = time.monotonic_ns() - asked
        except TimeoutError:
            return LinkProbe(Answer.SILENT, connect_ns)
        except OSError:
            return LinkProbe(Answer.CLOSED, connect_ns)
    if not answer:
        return LinkProbe(Answer.CLOSED, connect_ns)
    return LinkProbe(Answer.ANSWERED, connect_ns, rtt_ns)


@contextmanager
def speaking(link: Link, words: bytes, *, timeout: float = 5.0) -> Iterator[socket.socket]:
    """A connection on which the far end is told something, whatever it has to say itself. OSError where none comes
    about."""
    with socket.create_connection((link.listen_host, link.listen_port), timeout) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(words)
        yield connection


def hears(connection: socket.socket, timeout: float) -> Answer:
    """What comes next on a connection."""
    connection.settimeout(timeout)
    try:
        return Answer.ANSWERED if connection.recv(1) else Answer.CLOSED
    except TimeoutError:
        return Answer.SILENT
    except OSError:
        return Answer.CLOSED


def time_transfer(link: Link, *, timeout: float = 60.0) -> int | None:
    """Nanoseconds from asking a question of QUESTION_BYTES to the first byte of its answer; None without one."""
    return _time(link, link.dialect.long_question, 1, timeout)


def time_close(link: Link, *, timeout: float = 10.0) -> int | None:
    """Nanoseconds from bytes that make the far end hang up to the moment at which this is seen here; None if never."""
    return _time(link, link.dialect.nonsense, 0, timeout)


def _time(link: Link, question: bytes, wanted: int, timeout: float) -> int | None:
    """Until an answer of ``wanted`` bytes at least; 0 is the end of the connection."""
    try:
        with socket.create_connection((link.listen_host, link.listen_port), timeout) as connection:
            connection.settimeout(timeout)
            if not _greeted(connection, link):
                return None
            asked = time.monotonic_ns()
            connection.sendall(question)
            while answer := connection.recv(4096):
                if wanted:
                    break
            return time.monotonic_ns() - asked if bool(answer) == bool(wanted) else None
    except OSError:
        return None


def _greeted(connection: socket.socket, link: Link) -> bool:
    """Read what the far end says unasked; False if it hangs up before."""
    left = link.dialect.greeting
    while left:
        told = connection.recv(left)
        if not told:
            return False
        left -= len(told)
    return True


def measure_rtt(link: Link, *, samples: int = 1, timeout: float = 5.0) -> int | None:
    """The shortest round trip of ``samples`` in nanoseconds; None if one of them was not answered in time.

    The shortest, because a busy machine can only add to it.
    """
    times: list[int] = []
    for _ in range(samples):
        seen = probe_link(link, timeout=timeout)
        if seen.rtt_ns is None:
            return None
        times.append(seen.rtt_ns)
    return min(times)
