"""The paths between sites: a proxy server that disturbs them, and how they are measured."""

from conformance.links.adapter import Counters, Proxy, ProxyServer, Toxic
from conformance.links.dialect import NBD, POSTGRESQL, QUESTION_BYTES, Dialect
from conformance.links.embedded import EmbeddedProxy
from conformance.links.link import Link
from conformance.links.probe import (
    Answer,
    LinkProbe,
    hears,
    measure_rtt,
    probe_link,
    speaking,
    time_close,
    time_transfer,
)
from conformance.links.state import LinkState, await_state, look_at, milliseconds
from conformance.links.transport import LinkError, NotThere, ServerGone

__all__ = [
    "NBD",
    "POSTGRESQL",
    "QUESTION_BYTES",
    "Answer",
    "Counters",
    "Dialect",
    "EmbeddedProxy",
    "Link",
    "LinkError",
    "LinkProbe",
    "LinkState",
    "NotThere",
    "Proxy",
    "ProxyServer",
    "ServerGone",
    "Toxic",
    "speaking",
    "await_state",
    "hears",
    "look_at",
    "measure_rtt",
    "milliseconds",
    "probe_link",
    "time_close",
    "time_transfer",
]
