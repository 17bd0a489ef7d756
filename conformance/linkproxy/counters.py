"""What went through a proxy."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class StreamCounters:
    """Bytes of one direction, over all connections the proxy ever had."""

    received: int = 0
    """Read from the sender's socket."""
    forwarded: int = 0
    """Written to the receiver's socket. Received minus forwarded is what is held or was dropped."""


@dataclass
class Counters:
    """Of one proxy since it was created; nothing sets them back."""

    upstream: StreamCounters = field(default_factory=StreamCounters)
    downstream: StreamCounters = field(default_factory=StreamCounters)
    connections: int = 0
    """Clients accepted."""
    dial_failures: int = 0
    """Clients turned away because the upstream could not be reached."""
