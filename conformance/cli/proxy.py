"""`multisite-ha proxy`: the link proxy alone, the same command as ``python -m conformance.linkproxy``."""

from conformance.linkproxy.command import proxy

__all__ = ["proxy"]
