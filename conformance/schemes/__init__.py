"""Multisite schemes: the mechanisms under test."""

from conformance.schemes.base import (
    Closing,
    Drift,
    Failback,
    Failover,
    Migration,
    Prepared,
    Protection,
    Result,
    Scheme,
    SchemeStatus,
    Step,
)
from conformance.schemes.registry import OPERATIONS, make_scheme, offered, read_scheme, scheme_names

__all__ = [
    "OPERATIONS",
    "Closing",
    "Drift",
    "Failback",
    "Failover",
    "Migration",
    "Prepared",
    "Protection",
    "Result",
    "Scheme",
    "SchemeStatus",
    "Step",
    "make_scheme",
    "offered",
    "read_scheme",
    "scheme_names",
]
