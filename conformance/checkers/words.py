"""How checkers word times, counts and lists, so that every reason reads alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NANO = 1_000_000_000


def seconds(ns: int) -> float:
    """Nanoseconds as seconds, to the microsecond: the form every figure that ends in ``_s`` has."""
    return round(ns / NANO, 6)


def span(ns: int) -> str:
    """A length of time: ``3 ms``, ``1.250 s``."""
    if abs(ns) < NANO // 10:
        return f"{ns / 1e6:.3g} ms"
    return f"{ns / NANO:.3f} s"


def between(low: int, high: int) -> str:
    """An interval of lengths of time: ``1.200 s to 1.240 s``."""
    return span(low) if low == high else f"{span(low)} to {span(high)}"


def count(n: int, one: str, many: str | None = None) -> str:
    """``1 write``, ``3 writes``."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def whole(n: int, one: str, many: str | None = None) -> str:
    """All of them: ``All 3 writes``, ``The one write``."""
    return f"The one {one}" if n == 1 else f"All {count(n, one, many)}"


def verb(n: int, one: str, many: str) -> str:
    """The verb's form that goes with ``n`` things."""
    return one if n == 1 else many


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few names, and how many more there are: ``a, b, c and 4 more``."""
    shown: Sequence[str] = list(names)
    if len(shown) > most:
        return f"{', '.join(shown[:most])} and {len(shown) - most} more"
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def joined(clauses: Iterable[str], most: int = 3) -> str:
    """The first few clauses, and how many more there are: ``a; b; c; and 4 more``."""
    shown: Sequence[str] = list(clauses)
    return "; ".join([*shown[:most], *([f"and {len(shown) - most} more"] if len(shown) > most else [])])
