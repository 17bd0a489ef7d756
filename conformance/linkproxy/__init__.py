"""A TCP fault proxy that speaks Toxiproxy 2.12's HTTP API, in one asyncio process.

Stand-alone: it needs aiohttp and click and imports nothing else of this package, so it can be used by anybody
as a Toxiproxy in Python (``python -m conformance.linkproxy``). docs/link-proxy.md is its manual.

How bytes travel: ``Side`` (a socket) → ``Stream`` (one direction of one connection) → one ``Stage`` per toxic
→ the other ``Side``. A toxic looks at what lies at the head of its stage and decides when how much of it
moves on; it never holds data itself, so it can be changed or removed at any moment without losing or
reordering a byte.
"""

API_VERSION = "2.12.0"
"""The Toxiproxy release whose API this is; clients switch features on by it."""
