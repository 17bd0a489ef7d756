"""The toxics, one file each, and the only list of them."""

from conformance.linkproxy.toxics.bandwidth import Bandwidth
from conformance.linkproxy.toxics.base import AppliedToxic, Toxic
from conformance.linkproxy.toxics.blackhole import Blackhole
from conformance.linkproxy.toxics.latency import Latency
from conformance.linkproxy.toxics.limit_data import LimitData
from conformance.linkproxy.toxics.noop import Noop
from conformance.linkproxy.toxics.reset_peer import ResetPeer
from conformance.linkproxy.toxics.slicer import Slicer
from conformance.linkproxy.toxics.slow_close import SlowClose
from conformance.linkproxy.toxics.timeout import Timeout

TOXICS: dict[str, type[Toxic]] = {
    toxic.type: toxic
    for toxic in (
        Bandwidth,
        Blackhole,
        Latency,
        LimitData,
        Noop,
        ResetPeer,
        Slicer,
        SlowClose,
        Timeout,
    )
}

__all__ = ["TOXICS", "AppliedToxic", "Toxic"]
