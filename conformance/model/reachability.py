"""What was observed to reach what: packets sent from one place of a VNF to another, whatever the API promises."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reach:
    """One attempt. ``source`` and ``target`` are guest labels (``database-0``) or ``outside``.

    ``network`` is the role of the network whose address of the target was tried; ``port`` is None for ICMP.
    ``reached`` is True when an answer came, False when none came in time or the network refused the attempt, None
    when it could not be tried."""

    source: str
    target: str
    network: str
    protocol: str
    port: int | None
    reached: bool | None
    detail: str = ""


@dataclass(frozen=True)
class Reachability:
    """All attempts at one site. ``began`` and ``ended`` are CLOCK_MONOTONIC nanoseconds."""

    site: str
    began: int
    ended: int
    reaches: tuple[Reach, ...] = ()
