"""Clients of the service under test: what they asked, what they were told, and when.

``Workload`` runs the clients in a process of their own; ``read_history`` and ``read_probes`` load what they
recorded. The files' format is docs/history-format.md.
"""

from conformance.workloads.holders import HolderSampler, HolderTarget
from conformance.workloads.plan import Counters, Plane, WorkloadError, WorkloadPlan
from conformance.workloads.reading import HistoryReading, ProbeReading, read_history, read_probes
from conformance.workloads.workload import Workload

__all__ = [
    "Counters",
    "HistoryReading",
    "HolderSampler",
    "HolderTarget",
    "Plane",
    "ProbeReading",
    "Workload",
    "WorkloadError",
    "WorkloadPlan",
    "read_history",
    "read_probes",
]
