"""Sockets that live in another network namespace than this process."""

from __future__ import annotations

import ctypes
import os
import socket

from conformance.linkproxy.address import AddressError

_NEW_NETWORK = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def socket_in(netns: str, family: int) -> socket.socket:
    """A non-blocking TCP socket in the namespace that the file ``netns`` stands for. AddressError if it cannot be had.

    The calling thread is in that namespace for the moment in between, and does nothing else there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = _opened(netns)
        try:
            _enter(there, netns)
            try:
                made = socket.socket(family, socket.SOCK_STREAM)
            finally:
                _return(home)
        finally:
            os.close(there)
    finally:
        os.close(home)
    made.setblocking(False)
    return made


def _opened(netns: str) -> int:
    try:
        return os.open(netns, os.O_RDONLY)
    except (OSError, ValueError) as error:
        raise AddressError(f"network namespace {netns}: {getattr(error, 'strerror', error)}") from error


def _return(home: int) -> None:
    if _LIBC.setns(home, _NEW_NETWORK):
        os._exit(3)  # every further socket would be in the wrong namespace


def _enter(descriptor: int, what: str) -> None:
    if _LIBC.setns(descriptor, _NEW_NETWORK):
        raise AddressError(f"network namespace {what}: {os.strerror(ctypes.get_errno())}")
