"""The data plane as the harness sees it: packets sent and received in namespaces that it does not enter."""

from conformance.dataplane.attempts import Attempt, Outcome, attempt_all
from conformance.dataplane.burst import Arrival, Burst, Flow, send_bursts
from conformance.dataplane.path_mtu import path_mtu
from conformance.dataplane.ping import Pings, ping
from conformance.dataplane.places import DataPlaneError, OpenSocket, Place
from conformance.dataplane.throughput import measure_throughput
from conformance.dataplane.wan import WanControl, WanGone, WanLink

__all__ = [
    "Arrival",
    "Attempt",
    "Burst",
    "DataPlaneError",
    "Flow",
    "OpenSocket",
    "Outcome",
    "Pings",
    "Place",
    "WanControl",
    "WanGone",
    "WanLink",
    "attempt_all",
    "measure_throughput",
    "path_mtu",
    "ping",
    "send_bursts",
]
