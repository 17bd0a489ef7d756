"""One toxic at work on one direction of one connection."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

from conformance.linkproxy.sink import Chunk, Data, End, Sink
from conformance.linkproxy.toxics.base import AppliedToxic, Toxic
from conformance.linkproxy.toxics.noop import Noop

# What a waiting chunk costs beside its bytes; without it a million one-byte chunks would count as one
# megabyte.
CHUNK_OVERHEAD = 256


class Stage:
    """A buffer in front of a toxic, and the task that runs the toxic.

    The toxic sees the head of the buffer and calls ``forward``, ``drop`` or ``finish``; each of these acts in
    one step without a suspension between taking and giving. Cancelling the task therefore never loses a byte:
    what was not forwarded is still in the buffer, and the next toxic (or no toxic) goes on from there.
    """

    def __init__(self, applied: AppliedToxic, output: Sink, rng: random.Random) -> None:
        self.output = output
        self.on_room: Callable[[], None] = lambda: None
        self.rng = rng
        self.forwarded_bytes = 0
        """Bytes this stage let through since it was created, whatever the toxic's settings were meanwhile."""
        self._chunks: deque[Chunk] = deque()
        self._cost = 0
        self._end: End | None = None
        self._finished = False
        self._acted = False
        self._arrival = asyncio.Event()
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.apply(applied)

    # -- what the stream does with it

    def apply(self, applied: AppliedToxic) -> None:
        """Run this toxic from now on; whether it acts on this connection is drawn anew by its toxicity."""
        self.stop()
        self.applied = applied
        acts = self.rng.random() < applied.toxicity
        self._acted = self._acted or acts
        if not self._finished:
            toxic: Toxic = applied.toxic if acts else Noop()
            self._task = asyncio.get_running_loop().create_task(self._run(toxic))

    def stop(self) -> None:
        """Stop the toxic where it is."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def retire(self) -> None:
        """Stop for good, and hand over to the output everything still waiting here."""
        self.stop()
        if self._acted and self.applied.toxic.closes_on_removal:
            self.finish(End.CLOSE)
        self._finished = True
        while self._chunks:
            self.output.put(*self._chunks.popleft())
        if self._end is not None:
            self.output.end(self._end)

    def wake(self) -> None:
        """Look again whether the output has room."""
        self._room.set()

    # -- what the feeder sees (Sink)

    @property
    def full(self) -> bool:
        return self._cost >= self.applied.toxic.buffer_limit

    def put(self, data: Data, arrived: float) -> None:
        if self._end is None and not self._finished:
            self._chunks.append(Chunk(data, arrived))
            self._cost += len(data) + CHUNK_OVERHEAD
            self._arrival.set()

    def end(self, how: End) -> None:
        if self._end is None or (self._end is End.EOF and how is End.RESET):
            self._end = how
            self._arrival.set()
            if self._finished:
                self.output.end(how)

    # -- what the toxic does

    async def head(self) -> Chunk | None:
        """The oldest chunk, which stays in place; None when only the end is left. Waits for either."""
        while not self._chunks:
            if self._end is not None:
                return None
            self._arrival.clear()
            await self._arrival.wait()
        return self._chunks[0]

    async def forward(self, size: int | None = None, *, arrived: float | None = None) -> None:
        """Move the head, or its first ``size`` bytes, to the output once that has room.

        ``arrived`` replaces the chunk's time stamp, for toxics that come after this one.
        """
        while self.output.full:
            self._room.clear()
            await self._room.wait()
        chunk = self._chunks[0]
        data = chunk.data if size is None else memoryview(chunk.data)[:size]
        self._consume(len(data))
        self.forwarded_bytes += len(data)
        self.output.put(data, chunk.arrived if arrived is None else arrived)

    def drop(self) -> None:
        """Throw the head away."""
        self._consume(len(self._chunks[0].data))

    def finish(self, how: End) -> None:
        """End the stream here: what was forwarded is delivered first, what still waits here is thrown
        away."""
        if not self._finished:
            self._finished = True
            self._end = how
            self._chunks.clear()
            self._cost = 0
            self.output.end(how)
            self.on_room()

    async def wait_until(self, due: float) -> None:
        """Sleep until the loop time ``due``; return at once when it is past."""
        delay = due - asyncio.get_running_loop().time()
        if delay > 0:
            await asyncio.sleep(delay)

    # -- inside

    def _consume(self, size: int) -> None:
        chunk = self._chunks.popleft()
        left = len(chunk.data) - size
        self._cost -= size
        if left:
            self._chunks.appendleft(Chunk(memoryview(chunk.data)[size:], chunk.arrived))
        else:
            self._cost -= CHUNK_OVERHEAD
        if not self.full:
            self.on_room()

    async def _run(self, toxic: Toxic) -> None:
        try:
            await toxic.pipe(self)
        except Exception as error:  # a bug in a toxic must show, and must not look like a silent stall
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"toxic {self.applied.name} failed; the connection is reset", "exception": error}
            )
            self.finish(End.RESET)
        if not self._finished and self._end is not None:
            self._finished = True
            self.output.end(self._end)
