"""Multisite schemes: the mechanisms under test."""

from conformance.schemes.base import (
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
from conformance.schemes.registry import make_scheme, read_scheme, scheme_names

__all__ = [
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
    "read_scheme",
    "scheme_names",
]
