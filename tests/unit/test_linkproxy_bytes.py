"""Whatever toxics are put on, changed and taken off while data flows: every byte arrives once and in order."""

from __future__ import annotations

import asyncio
import random
from asyncio.selector_events import _SelectorTransport  # type: ignore[attr-defined]
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linkproxy_rig import answering, rig, within

from conformance.linkproxy.sink import Data, End
from conformance.linkproxy.stage import Stage
from conformance.linkproxy.toxics import TOXICS, AppliedToxic, Toxic
from conformance.linkproxy.toxics.slicer import Slicer

# Toxics that disturb without throwing anything away.
HARMLESS = st.one_of(
    st.just(TOXICS["noop"]()),
    st.just(TOXICS["blackhole"]()),
    st.builds(TOXICS["latency"], latency=st.integers(0, 8), jitter=st.integers(0, 8)),
    st.builds(TOXICS["bandwidth"], rate=st.sampled_from([0, 1, 500, 100_000])),
    st.builds(TOXICS["slow_close"], delay=st.integers(0, 5)),
    st.builds(
        lambda size, variation, delay: Slicer(average_size=size, size_variation=min(variation, size - 1), delay=delay),
        st.integers(1, 500),
        st.integers(0, 400),
        st.sampled_from([0, 0, 100]),
    ),
)
TOXICITY = st.sampled_from([0.0, 0.5, 1.0])


@dataclass(frozen=True)
class Send:
    size: int


@dataclass(frozen=True)
class Pause:
    """Let things move: a turn of the loop, or so many milliseconds."""

    milliseconds: int


@dataclass(frozen=True)
class Put:
    """Add the toxic under this name, or change the one that is there to it if it is of the same type."""

    name: str
    toxic: Toxic
    toxicity: float


@dataclass(frozen=True)
class Take:
    name: str


def numbered(position: int, size: int) -> bytes:
    """Bytes that say where in the stream they belong, so that none can be swapped with another unnoticed."""
    first = position // 4
    count = size // 4 + 2
    return b"".join(n.to_bytes(4, "big") for n in range(first, first + count))[position % 4 :][:size]


NAMES = st.sampled_from(["one", "two", "three"])
STEPS = st.lists(
    st.one_of(
        st.builds(Send, st.integers(1, 3000)),
        st.builds(Pause, st.integers(0, 2)),
        st.builds(Put, NAMES, HARMLESS, TOXICITY),
        st.builds(Take, NAMES),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 2**32))
def test_bytes_sent_through_changing_toxics_arrive_exactly(steps: list[object], seed: int) -> None:
    async def play() -> None:
        async with rig(seed=seed) as running:
            proxy = running.proxy
            _, writer = await running.connect()
            sent = b"."
            writer.write(sent)
            await running.reaches(1)
            for step in steps:
                if isinstance(step, Send):
                    part = numbered(len(sent), step.size)
                    writer.write(part)
                    sent += part
                elif isinstance(step, Pause):
                    await asyncio.sleep(step.milliseconds / 1000)
                elif isinstance(step, Put):
                    existing = proxy.toxic(step.name)
                    applied = AppliedToxic(step.name, "upstream", step.toxicity, step.toxic)
                    if existing is None:
                        proxy.add_toxic(applied)
                    elif type(existing.toxic) is type(step.toxic):
                        proxy.update_toxic(applied)
                elif isinstance(step, Take) and (existing := proxy.toxic(step.name)):
                    proxy.remove_toxic(existing)
            writer.write_eof()
            await asyncio.sleep(0)
            for applied in proxy.toxics:
                proxy.remove_toxic(applied)
            assert await within(running.end) == "EOF"
            assert bytes(running.received) == sent
            counted = proxy.counted().upstream
            assert (counted.received, counted.forwarded) == (len(sent), len(sent))
            writer.close()

    asyncio.run(play())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 2000), max_size=12), st.lists(HARMLESS, max_size=4))
def test_bytes_arrive_exactly_through_toxics_that_stay(sizes: list[int], chain: list[Toxic]) -> None:
    # Those that let everything through, and within the test's patience.
    passing = [
        each
        for each in chain
        if each.type != "blackhole"
        and getattr(each, "rate", 100_000) == 100_000
        and not (isinstance(each, Slicer) and each.delay)
    ]

    async def play() -> None:
        async with rig() as running:
            for number, each in enumerate(passing):
                running.proxy.add_toxic(AppliedToxic(f"t{number}", "upstream", 1.0, each))
            _, writer = await running.connect()
            sent = b""
            for size in sizes:
                part = numbered(len(sent), size)
                writer.write(part)
                sent += part
                await asyncio.sleep(0.0005)
            writer.write_eof()
            assert await within(running.end) == "EOF"
            assert bytes(running.received) == sent
            writer.close()

    asyncio.run(play())


@dataclass
class Gate:
    """A sink that is full until it is opened, and remembers what came."""

    full: bool = True
    on_room: Callable[[], None] = lambda: None
    came: list[bytes] = field(default_factory=list)
    ended: list[End] = field(default_factory=list)

    def put(self, data: Data, arrived: float) -> None:
        self.came.append(bytes(data))

    def end(self, how: End) -> None:
        self.ended.append(how)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=20), st.data())
def test_a_stage_gives_to_a_sink_only_when_it_has_room(parts: list[bytes], data: st.DataObject) -> None:
    async def play() -> None:
        gate = Gate()
        stage = Stage(AppliedToxic("t", "upstream", 1.0, TOXICS["noop"]()), gate, random.Random(1))
        gate.on_room = stage.wake
        now = asyncio.get_running_loop().time()
        for part in parts:
            stage.put(part, now)
        stage.end(End.EOF)
        await asyncio.sleep(0)
        assert gate.came == []
        for _ in parts:
            if data.draw(st.booleans()):  # a change of the toxic in between must not matter
                stage.apply(AppliedToxic("t", "upstream", 1.0, TOXICS["noop"]()))
        gate.full = False
        gate.on_room()
        for _ in range(3):
            await asyncio.sleep(0)
        assert gate.came == parts
        assert gate.ended == [End.EOF]
        stage.stop()

    asyncio.run(play())


@given(st.integers(1, 100_000), st.integers(1, 5000), st.integers(0, 4999), st.integers(0, 2**32))
def test_the_pieces_of_a_slicer_make_up_the_chunk_and_are_of_the_size_asked_for(
    total: int, average: int, variation: int, seed: int
) -> None:
    variation = min(variation, average - 1)
    sizes = list(Slicer(average_size=average, size_variation=variation).sizes(total, random.Random(seed)))
    assert sum(sizes) == total
    assert all(1 <= size <= average + variation for size in sizes)


def test_slicing_a_large_chunk_into_single_bytes_ends() -> None:
    sizes = list(Slicer(average_size=1).sizes(262_144, random.Random(1)))
    assert len(sizes) == 262_144


def test_who_speaks_first_is_heard_where_a_paused_transport_begins_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def until_python_3_11_3(self: Any, descriptor: int, callback: Callable[..., None], *more: Any) -> None:
        if not self._closing:
            self._loop._add_reader(descriptor, callback, *more)

    monkeypatch.setattr(_SelectorTransport, "_add_reader", until_python_3_11_3)

    async def scenario() -> None:
        async with rig(talk=answering) as built:
            for _ in range(5):
                reader, writer = await built.connect()
                writer.write(b"first")
                assert await within(reader.read(100)) == b"first"
                writer.close()

    asyncio.run(scenario())
